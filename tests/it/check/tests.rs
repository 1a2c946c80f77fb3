//! The checker sees every single wrong.

use super::*;
use crate::random::Random;

/// Three partitions with empty records here and there.
fn topic() -> Expected {
    let record = |p: i32, i: usize| match (i * 7 + p as usize) % 5 {
        0 | 1 => Vec::new(),
        _ => format!("{p}-{i}").into_bytes(),
    };
    (0..3)
        .map(|p| (p, (0..200).map(|i| record(p, i)).collect()))
        .collect()
}

/// The partitions mixed by chance, as (partition, line).
fn mixed(topic: &Expected, seed: u64) -> Vec<(i32, Vec<u8>)> {
    let mut random = Random::new(seed);
    let mut next: Vec<_> = topic
        .iter()
        .map(|(&p, records)| (p, records.iter()))
        .collect();
    let mut mixed = Vec::new();
    while !next.is_empty() {
        let chosen = random.below(next.len() as u64) as usize;
        let (partition, records) = &mut next[chosen];
        match records.next() {
            Some(record) => mixed.push((*partition, record.clone())),
            None => drop(next.remove(chosen)),
        }
    }
    mixed
}

fn wrongs(topic: &Expected, lines: &[(i32, Vec<u8>)]) -> [usize; 4] {
    let text: Vec<u8> = lines
        .iter()
        .flat_map(|(_, line)| [line, &b"\n"[..]].concat())
        .collect();
    let Report {
        lost,
        doubled,
        out_of_order,
        foreign,
        ..
    } = check(topic, &text);
    [lost, doubled, out_of_order, foreign]
}

/// Where the first line from the middle on is that pleases.
fn place(lines: &[(i32, Vec<u8>)], pleases: impl Fn(&(i32, Vec<u8>)) -> bool) -> usize {
    300 + lines[300..].iter().position(pleases).unwrap()
}

fn each_mix(test: impl Fn(&Expected, Vec<(i32, Vec<u8>)>)) {
    let topic = topic();
    for seed in 0..20 {
        test(&topic, mixed(&topic, seed));
    }
}

#[test]
fn any_mix_of_the_partitions_is_right() {
    each_mix(|topic, lines| assert_eq!(wrongs(topic, &lines), [0, 0, 0, 0]));
}

#[test]
fn a_missing_line_is_lost() {
    each_mix(|topic, mut lines| {
        lines.remove(place(&lines, |(_, line)| !line.is_empty()));
        assert_eq!(wrongs(topic, &lines), [1, 0, 0, 0]);
    });
}

#[test]
fn a_line_twice_is_doubled() {
    each_mix(|topic, mut lines| {
        let line = lines[place(&lines, |(_, line)| !line.is_empty())].clone();
        lines.push(line);
        assert_eq!(wrongs(topic, &lines), [0, 1, 0, 0]);
    });
}

#[test]
fn two_lines_of_a_partition_swapped_are_out_of_order() {
    // Without empty records, for whose places the two lines were landmarks.
    let topic: Expected = topic()
        .into_iter()
        .map(|(p, rs)| (p, rs.into_iter().filter(|r| !r.is_empty()).collect()))
        .collect();
    let mut lines = mixed(&topic, 1);
    let first = lines.iter().position(|(p, _)| *p == 1).unwrap();
    let second = first
        + 1
        + lines[first + 1..]
            .iter()
            .position(|(p, _)| *p == 1)
            .unwrap();
    lines.swap(first, second);
    assert_eq!(wrongs(&topic, &lines), [0, 0, 1, 0]);
}

#[test]
fn a_line_of_no_record_is_foreign() {
    each_mix(|topic, mut lines| {
        lines.insert(77, (0, b"who?".to_vec()));
        assert_eq!(wrongs(topic, &lines), [0, 0, 0, 1]);
    });
}

#[test]
fn a_missing_empty_line_is_lost() {
    each_mix(|topic, mut lines| {
        lines.remove(place(&lines, |(_, line)| line.is_empty()));
        assert_eq!(wrongs(topic, &lines), [1, 0, 0, 0]);
    });
}

#[test]
fn an_empty_line_too_many_is_doubled() {
    each_mix(|topic, mut lines| {
        lines.insert(333, (0, Vec::new()));
        assert_eq!(wrongs(topic, &lines), [0, 1, 0, 0]);
    });
}

#[test]
fn an_empty_line_in_the_wrong_place_is_lost_there_and_doubled_here() {
    // One empty record, last but one; its line comes first, where no room is.
    let topic = Expected::from([(0, vec![b"a".to_vec(), b"b".to_vec(), vec![], b"c".to_vec()])]);
    let text = |lines: [&str; 4]| lines.concat().into_bytes();
    assert!(check(&topic, &text(["a\n", "b\n", "\n", "c\n"])).is_perfect());
    let report = check(&topic, &text(["\n", "a\n", "b\n", "c\n"]));
    assert_eq!((report.lost, report.doubled), (1, 1));
}

#[test]
fn empty_lines_go_where_they_are_needed_and_not_where_they_fit_first() {
    // The first empty line could be either partition's, the second only partition 0's.
    let topic = Expected::from([
        (0, vec![b"a".to_vec(), vec![], b"z".to_vec()]),
        (1, vec![b"b".to_vec(), vec![], b"c".to_vec()]),
    ]);
    assert!(check(&topic, b"a\nb\n\nc\n\nz\n").is_perfect());
    assert!(!check(&topic, b"a\nb\nc\n\n\nz\n").is_perfect());
}
