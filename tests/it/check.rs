//! Whether a file holds each of a topic's records exactly once, in each partition's order.
//!
//! Lines of different partitions may be mixed in any way. A line that isn't empty tells which
//! record it is, for no two values are alike. An empty one could be any empty record; those of a
//! partition must find room between the lines of the records before and after them, one line
//! each. Giving each empty line to the record whose room ends first finds a place for as many as
//! any other way would, so what is left over is really wrong.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::fmt;
use std::ops::Range;

use crate::dump::Partitions;
use crate::files;

/// By partition, the line that each record must have become, in order.
pub type Expected = BTreeMap<i32, Vec<Vec<u8>>>;

/// What is wrong with a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub records: usize,
    /// Records that no line holds.
    pub lost: usize,
    /// Lines that hold a record again; also empty ones beyond the empty records.
    pub doubled: usize,
    /// Lines that come after a later record of their partition.
    pub out_of_order: usize,
    /// Lines that hold no record at all.
    pub foreign: usize,
    /// A few of each, for people.
    pub examples: Vec<String>,
}

impl Report {
    pub fn is_perfect(&self) -> bool {
        self.lost + self.doubled + self.out_of_order + self.foreign == 0
    }

    pub fn add(&mut self, other: Report) {
        self.records += other.records;
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.out_of_order += other.out_of_order;
        self.foreign += other.foreign;
        self.examples.extend(other.examples);
        self.examples.truncate(12);
    }

    fn example(&mut self, so_far: usize, what: &str, place: fmt::Arguments, line: &[u8]) {
        if so_far <= 3 {
            let shown = &line[..line.len().min(80)];
            self.examples
                .push(format!("{what}: {place}: {}", shown.escape_ascii()));
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report {
            records,
            lost,
            doubled,
            out_of_order,
            foreign,
            ..
        } = self;
        write!(f, "{records} records, lost {lost}, doubled {doubled}, ")?;
        write!(f, "out of order {out_of_order}, foreign {foreign}")?;
        self.examples.iter().try_for_each(|e| write!(f, "\n  {e}"))
    }
}

/// The lines that a dumped topic's values must become; null and empty ones are empty lines.
pub fn expected(partitions: &Partitions, line: impl Fn(&[u8]) -> Vec<u8>) -> Expected {
    let lines = |records: &Vec<crate::dump::Seen>| {
        records
            .iter()
            .map(|r| line(r.value.as_deref().unwrap_or_default()))
            .collect()
    };
    partitions
        .iter()
        .map(|(&p, records)| (p, lines(records)))
        .collect()
}

/// Fails the test unless the text holds exactly what is expected.
#[track_caller]
pub fn assert_exact(expected: &Expected, text: &[u8]) {
    let report = check(expected, text);
    assert!(report.is_perfect(), "{report}");
}

pub fn check(expected: &Expected, text: &[u8]) -> Report {
    let lines = files::lines(text);
    let mut report = Report {
        records: expected.values().map(Vec::len).sum(),
        ..Report::default()
    };
    let found = find(expected, &lines, &mut report);
    let mut rooms = Vec::new();
    for (partition, records) in expected {
        let found = &found[partition];
        let (mut after, mut empty) = (0, 0);
        for (index, record) in records.iter().enumerate() {
            if record.is_empty() {
                empty += 1;
            } else if let Some(line) = found[index] {
                rooms.extend((0..empty).map(|_| after..line));
                (after, empty) = (line + 1, 0);
            } else {
                report.lost += 1;
                report.example(
                    report.lost,
                    "lost",
                    format_args!("{partition}[{index}]"),
                    record,
                );
            }
        }
        rooms.extend((0..empty).map(|_| after..lines.len()));
    }
    place_empty(rooms, &lines, &mut report);
    report
}

/// For each record its line, if it has one and isn't empty.
fn find(
    expected: &Expected,
    lines: &[&[u8]],
    report: &mut Report,
) -> BTreeMap<i32, Vec<Option<usize>>> {
    let mut places = HashMap::new();
    for (&partition, records) in expected {
        for (index, record) in records.iter().enumerate().filter(|(_, r)| !r.is_empty()) {
            let other = places.insert(record.as_slice(), (partition, index));
            assert_eq!(
                other,
                None,
                "two alike can't be told apart: {}",
                record.escape_ascii()
            );
        }
    }
    let mut found: BTreeMap<_, _> = expected
        .iter()
        .map(|(&p, records)| (p, vec![None; records.len()]))
        .collect();
    let mut last = BTreeMap::new();
    for (number, line) in lines.iter().enumerate().filter(|(_, l)| !l.is_empty()) {
        let Some((partition, index)) = places.get(line) else {
            report.foreign += 1;
            report.example(
                report.foreign,
                "foreign",
                format_args!("line {number}"),
                line,
            );
            continue;
        };
        let first = &mut found.get_mut(partition).unwrap()[*index];
        let place = format_args!("{partition}[{index}] in line {number}");
        if first.is_some() {
            report.doubled += 1;
            report.example(report.doubled, "doubled", place, line);
            continue;
        }
        *first = Some(number);
        let last = last.entry(partition).or_insert(index);
        if index < *last {
            report.out_of_order += 1;
            report.example(report.out_of_order, "out of order", place, line);
        }
        *last = index.max(last);
    }
    found
}

/// Gives each empty line to the empty record whose room has opened and ends first.
fn place_empty(mut rooms: Vec<Range<usize>>, lines: &[&[u8]], report: &mut Report) {
    rooms.sort_by_key(|room| Reverse(room.start));
    let mut open = BinaryHeap::new();
    let mut unplaced = rooms.len();
    for (number, _) in lines.iter().enumerate().filter(|(_, l)| l.is_empty()) {
        while let Some(room) = rooms.pop_if(|room| room.start <= number) {
            open.push(Reverse(room.end));
        }
        while open.peek().is_some_and(|end| end.0 <= number) {
            open.pop();
        }
        if open.pop().is_some() {
            unplaced -= 1;
        } else {
            report.doubled += 1;
            report.example(
                report.doubled,
                "doubled",
                format_args!("line {number}"),
                b"",
            );
        }
    }
    if unplaced > 0 {
        report.lost += unplaced;
        report
            .examples
            .push(format!("lost: {unplaced} empty records"));
    }
}

mod tests;
