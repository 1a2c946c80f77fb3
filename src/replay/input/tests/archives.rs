//! Random archives, which the writer has made, read back.

use std::collections::BTreeMap;

use archiver_format::envelope::decode;
use archiver_format::gap::GapReason;

use super::*;
use crate::replay::input::{OnBad, Source, open};
use crate::segment::tests::written::Written;

/// A partition, the number in a value, which grows with the offset, and the value.
type Seen = (i32, i64, String);

fn chosen(written: &Written) -> Chosen {
    Chosen::from(&*written.config)
}

fn seen(partition: i32, value: &[u8]) -> Seen {
    let value = String::from_utf8(value.to_vec()).expect("text");
    let json = serde_json::from_str::<serde_json::Value>(&value).expect("JSON");
    (partition, json["n"].as_i64().expect("a number"), value)
}

/// Each record of the archive with its timestamp, file by file.
fn held(archive: &Archive) -> Vec<(Option<i64>, Seen)> {
    let mut all = Vec::new();
    for segment in &archive.segments {
        let mut reader = segment
            .open(segment.bytes(), &Selection::default())
            .expect("opens");
        while reader.next_line().expect("is whole") {
            let line = reader.line();
            all.push(match segment.format.as_str() {
                "raw" => {
                    let origin = line.origin.expect("has an index");
                    (origin.timestamp_ms, seen(origin.partition, line.bytes))
                }
                _ => {
                    let record = decode(line.bytes).expect("an envelope");
                    let value = record.value.as_deref().unwrap_or_default();
                    let ms = record.timestamp.map(|timestamp| timestamp.ms);
                    (ms, seen(record.partition, value))
                }
            });
        }
    }
    all
}

/// What is read of it, with what has no timestamp.
fn read(rows: &mut ArchiveRows) -> Vec<Seen> {
    let mut all = Vec::new();
    loop {
        match rows.next().expect("can be read") {
            Row::Record(record) => {
                let partition = record.partition.expect("is known");
                all.push(seen(partition, &record.value.expect("a value")));
            }
            Row::Bad(bad) => {
                let partition = bad.place.split(' ').nth(1).expect("a partition");
                let partition = partition.parse().expect("a number");
                let value = decode(&bad.bytes)
                    .ok()
                    .map(|record| record.value.expect("a value").into_owned());
                all.push(seen(partition, &value.unwrap_or(bad.bytes)));
            }
            Row::End => return all,
        }
    }
}

fn rows(written: &Written, wanted: &Wanted) -> Result<ArchiveRows, String> {
    ArchiveRows::open(&chosen(written), wanted).map(|(rows, _)| rows)
}

fn sorted<T: Ord>(mut all: Vec<T>) -> Vec<T> {
    all.sort();
    all
}

/// Are the lines of this archive known, or do they say it themselves?
fn is_known(written: &Written, archive: &Archive) -> bool {
    let is_foreign = archive
        .segments
        .iter()
        .any(|segment| segment.contents().uncounted_bytes > 0);
    !is_foreign && (written.config.index || archive.checkpoint.identity.format != "raw")
}

/// How often each partition went back, beside what the archive says about it.
fn steps_back(read: &[Seen], archive: &Archive) -> usize {
    let mut last = BTreeMap::new();
    let mut back = 0;
    for (partition, number, _) in read {
        if last
            .insert(*partition, *number)
            .is_some_and(|last| last >= *number)
        {
            let gaps = archive
                .gaps
                .iter()
                .filter(|gap| gap.partition == *partition);
            let explains = gaps
                .filter(|gap| matches!(gap.reason, GapReason::Truncated | GapReason::Recreated));
            back += usize::from(explains.count() == 0);
        }
    }
    back
}

#[test]
fn an_archive_of_any_shape_is_read_in_the_order_of_its_partitions() {
    let mut several = 0;
    for seed in 0..400 {
        let mut written = Written::new(seed);
        written.grow(seed as usize % 15);
        let archive = chosen(&written).load().expect("loads").expect("an archive");
        let opened = rows(&written, &Wanted::default());
        if !is_known(&written, &archive) {
            let refused = opened.and_then(|mut rows| {
                loop {
                    match rows.next() {
                        Ok(Row::End) => return Ok(()),
                        Ok(_) => {}
                        Err(error) => return Err(error),
                    }
                }
            });
            let Err(said) = refused else {
                assert!(
                    archive.segments.iter().all(|segment| segment.bytes() == 0),
                    "{seed}"
                );
                continue;
            };
            let is_raw = archive.checkpoint.identity.format == "raw";
            assert!(
                !is_raw || said.contains("archiver verify --rebuild-index"),
                "{said}"
            );
            continue;
        }
        let found = read(&mut opened.unwrap_or_else(|error| panic!("seed {seed}: {error}")));
        let expected = held(&archive).into_iter().map(|(_, seen)| seen);
        assert_eq!(
            sorted(found.clone()),
            sorted(expected.collect()),
            "seed {seed}"
        );
        assert_eq!(steps_back(&found, &archive), 0, "seed {seed}");
        several += usize::from(archive.segments.len() > 1);
    }
    assert!(several > 100, "{several}");
}

#[test]
fn a_window_gives_the_records_in_it() {
    for seed in 0..200 {
        let mut written = Written::new(seed);
        written.grow(3 + seed as usize % 9);
        let archive = chosen(&written).load().expect("loads").expect("an archive");
        if !is_known(&written, &archive) {
            continue;
        }
        let all = held(&archive);
        let times = sorted(all.iter().filter_map(|(ms, _)| *ms).collect::<Vec<_>>());
        let (since, until) = (times[times.len() / 3], times[times.len() * 2 / 3]);
        let wanted = Wanted {
            since_ms: Some(since),
            until_ms: Some(until),
            ..Wanted::default()
        };
        let found = read(&mut rows(&written, &wanted).expect("opens"));
        let inside = all.into_iter();
        let inside = inside.filter(|(ms, _)| ms.is_some_and(|ms| (since..until).contains(&ms)));
        let expected = inside.map(|(_, seen)| seen).collect();
        assert_eq!(sorted(found.clone()), sorted(expected), "seed {seed}");
        assert_eq!(steps_back(&found, &archive), 0, "seed {seed}");
    }
}

#[test]
fn what_was_there_comes_again_after_the_archive_has_grown() {
    let mut again = 0;
    for seed in 0..200 {
        let mut written = Written::new(seed);
        written.grow(seed as usize % 9);
        let archive = chosen(&written).load().expect("loads").expect("an archive");
        if !is_known(&written, &archive) {
            continue;
        }
        let mut first = rows(&written, &Wanted::default()).expect("opens");
        let extent = first.extent();
        let found = read(&mut first);
        written.grow(5);
        let wanted = Wanted {
            extent,
            ..Wanted::default()
        };
        match rows(&written, &wanted) {
            Ok(mut rows) => {
                assert_eq!(read(&mut rows), found, "seed {seed}");
                again += 1;
            }
            Err(said) => assert!(said.contains("when its replay began"), "{said}"),
        }
    }
    assert!(again > 50, "{again}");
}

#[test]
fn a_segment_alone_is_read_and_a_record_without_a_timestamp_is_named() {
    let mut named = 0;
    for seed in 0..60 {
        let mut written = Written::new(seed);
        written.grow(6);
        let archive = chosen(&written).load().expect("loads").expect("an archive");
        if !is_known(&written, &archive) {
            continue;
        }
        for segment in &archive.segments {
            let source = Source::Archive(Box::new(Chosen {
                segment: Some(segment.file.sequence),
                ..chosen(&written)
            }));
            let wanted = Wanted {
                on_bad: OnBad::Skip,
                ..Wanted::default()
            };
            let mut input = open(&source, &wanted).expect("opens");
            assert_eq!((input.topic(), input.partitions()), ("t", Some(4)));
            let mut records = 0;
            while input.next().expect("can be read").is_some() {
                records += 1;
            }
            assert_eq!(records + input.skipped(), segment.contents().records);
            if input.skipped() > 0 {
                let stopped = open(&source, &Wanted::default()).and_then(|mut input| {
                    while input.next()?.is_some() {}
                    Ok(())
                });
                let said = stopped.expect_err("stops").to_string();
                assert!(said.starts_with("archive a, partition "), "{said}");
                assert!(said.contains(": its timestamp is unknown, "), "{said}");
                named += 1;
            }
        }
    }
    assert!(named > 5, "{named}");
}
