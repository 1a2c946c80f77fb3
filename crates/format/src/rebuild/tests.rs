use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicU64;

use super::*;
use crate::compression::{Compression, compress};
use crate::contents::Contents;
use crate::digest::Digest;
use crate::envelope::{Envelope, ValueAs};
use crate::index::block::checksum;
use crate::index::tests::{Random, Stream, noted};
use crate::manifest::{SealReason, Sealed};
use crate::mark::FileId;
use crate::read::Selection;
use crate::record::{Partition, Record, Timestamp, TimestampKind};
use crate::segment::SegmentFile;
use crate::state_files::StateDir;

/// What a topic holds.
type Topic = BTreeMap<Partition, VecDeque<Candidate>>;

/// Gives a few at a time.
struct Told(Topic);

impl Records for Told {
    fn more(&mut self, partition: Partition) -> Result<Vec<Candidate>, Unknown> {
        let queue = self.0.entry(partition).or_default();
        Ok(queue.drain(..queue.len().min(3)).collect())
    }
}

fn candidate(origin: &Origin, line: &[u8]) -> Candidate {
    Candidate {
        offset: origin.offset,
        timestamp_ms: origin.timestamp_ms,
        digest: Digest::of(line),
    }
}

fn topic(lines: &[(Origin, Vec<u8>)]) -> Topic {
    let mut topic = Topic::new();
    for (origin, line) in lines {
        let queue = topic.entry(origin.partition).or_default();
        queue.push_back(candidate(origin, line));
    }
    topic
}

fn contents(lines: &[(Origin, Vec<u8>)]) -> Contents {
    let origins = lines.iter().map(|(origin, _)| *origin).collect::<Vec<_>>();
    let mut contents = Contents::default();
    contents.add(
        &noted(&origins),
        lines.iter().map(|(_, line)| line.len() as u64 + 1).sum(),
        &[],
    );
    contents
}

/// Which records lines are, by their topic.
fn matched(lines: &[(Origin, Vec<u8>)], topic: Topic) -> Result<Vec<Origin>, Unknown> {
    let mut matching = Matching::new(Told(topic), &contents(lines));
    let mut known = VecDeque::new();
    for (_, line) in lines {
        matching.line(line, &mut known)?;
    }
    matching.end(&mut known)?;
    Ok(known.into())
}

/// In how many ways these lines can be records of partitions that hold these, in their order.
fn ways(lines: &[u8], partitions: &[Vec<u8>]) -> u64 {
    let Some((first, rest)) = lines.split_first() else {
        return u64::from(partitions.iter().all(Vec::is_empty));
    };
    let taken = (0..partitions.len()).filter(|at| partitions[*at].first() == Some(first));
    let ways = taken.map(|at| {
        let mut left = partitions.to_vec();
        left[at].remove(0);
        ways(rest, &left)
    });
    ways.sum()
}

#[test]
fn lines_are_matched_if_and_only_if_they_can_be_so_in_one_way() {
    let (mut certain, mut unknown) = (0, 0);
    for seed in 0..3_000 {
        let mut random = Random(seed);
        let (partitions, letters) = (1 + random.below(3), 1 + random.below(4));
        let mut held = vec![Vec::new(); partitions as usize];
        let (mut lines, mut text) = (Vec::new(), Vec::new());
        for _ in 0..1 + random.below(9) {
            let partition = random.below(partitions) as usize;
            let letter = b'a' + random.below(letters) as u8;
            let origin = Origin {
                partition: partition as Partition,
                offset: held[partition].len() as i64,
                timestamp_ms: Some(random.below(9) as i64),
            };
            held[partition].push(letter);
            text.push(letter);
            lines.push((origin, vec![letter]));
        }
        let found = matched(&lines, topic(&lines));
        match ways(&text, &held) {
            1 => {
                let expected = lines.iter().map(|(origin, _)| *origin);
                assert!(found.expect("is certain").into_iter().eq(expected));
                certain += 1;
            }
            _ => {
                let is_said = matches!(found, Err(Unknown::Ambiguous { .. }));
                assert!(is_said, "seed {seed}: {found:?}");
                unknown += 1;
            }
        }
    }
    assert!(certain > 500 && unknown > 500, "{certain} {unknown}");
}

fn letters(lines: &[(Partition, &str)]) -> Vec<(Origin, Vec<u8>)> {
    let mut next = BTreeMap::new();
    let lines = lines.iter().map(|(partition, line)| {
        let offset = next.entry(*partition).or_insert(10);
        *offset += 1;
        let origin = Origin {
            partition: *partition,
            offset: *offset,
            timestamp_ms: None,
        };
        (origin, line.as_bytes().to_vec())
    });
    lines.collect()
}

#[test]
fn what_two_partitions_have_alike_is_named() {
    let lines = letters(&[(0, "a"), (3, "x"), (7, "x"), (0, "b")]);
    let said = matched(&lines, topic(&lines)).expect_err("two ways");
    let said = said.to_string();
    assert!(
        said.starts_with("lines 2 to 3 may be records of partition 3 or 7, "),
        "{said}"
    );
    // What comes later tells them apart.
    let lines = letters(&[(0, "x"), (0, "y"), (1, "x"), (1, "z")]);
    matched(&lines, topic(&lines)).expect("one way");
    // One of them has as many as it can have.
    let lines = letters(&[(0, "x"), (0, "x"), (0, "x")]);
    matched(&lines, topic(&lines)).expect("one partition");
}

#[test]
fn lines_that_kafka_has_no_more_are_named() {
    let lines = letters(&[(0, "a"), (1, "b"), (0, "c"), (1, "d")]);
    let mut compacted = topic(&lines);
    compacted.get_mut(&0).expect("it is there").remove(0);
    let said = matched(&lines, compacted).expect_err("one is gone");
    assert!(matches!(said, Unknown::NoRecord { line: 1 }), "{said}");
    let mut shorter = topic(&lines);
    shorter.get_mut(&1).expect("it is there").pop_back();
    let said = matched(&lines, shorter).expect_err("one is gone");
    assert!(matches!(said, Unknown::NoRecord { line: 4 }), "{said}");
}

#[test]
fn what_would_take_too_long_is_given_up() {
    let all = (0..6_000).map(|number| (number % 2, "{}"));
    let lines = letters(&all.collect::<Vec<_>>());
    let said = matched(&lines, topic(&lines)).expect_err("cannot be known");
    assert!(matches!(said, Unknown::TooMany { from: 1 }), "{said}");
}

/// A sealed segment in a directory, with its index.
struct Laid {
    _directory: tempfile::TempDir,
    segment: Segment,
    lines: Vec<(Origin, Vec<u8>)>,
}

impl Laid {
    fn new(seed: u64, how: Compression, format: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let state = StateDir::new(directory.path());
        fs::create_dir(state.indexes()).expect("a directory");
        let mut random = Random(seed);
        let mut stream = Stream::new(seed);
        stream.partitions = 1 + random.below(5);
        stream.run = 1 + random.below(30);
        stream.holes = 1 + random.below(20);
        stream.jitter = 1 + random.below(50);
        let mut envelope = Envelope::new("t", ValueAs::String);
        let (mut file, mut index, mut lines) = (Vec::new(), header(3), Vec::new());
        let mut counted = Contents::default();
        for _ in 0..1 + random.below(4) {
            let origins = stream.origins(1 + random.below(200) as usize);
            let mut plain = Vec::new();
            for origin in &origins {
                // Of one partition values may be the same.
                let value = match random.one_in(3) && stream.partitions == 1 {
                    true => "{}".to_owned(),
                    false => format!("{{\"n\":{},\"p\":{}}}", origin.offset, origin.partition),
                };
                let record = Record {
                    partition: origin.partition,
                    offset: origin.offset,
                    value: Some(value.as_bytes()),
                    timestamp: origin.timestamp_ms.map(|ms| Timestamp {
                        ms,
                        kind: TimestampKind::Create,
                    }),
                    ..Record::default()
                };
                let begin = plain.len();
                match format {
                    "raw" => plain.extend([value.as_bytes(), b"\n"].concat()),
                    _ => envelope.encode(&record, &mut plain).expect("fits"),
                }
                lines.push((*origin, plain[begin..plain.len() - 1].to_vec()));
            }
            let plain_bytes = plain.len() as u64;
            let stored = compress(plain, how).expect("compresses");
            let block = Block {
                file_start: file.len() as u64,
                file_bytes: stored.len() as u64,
                checksum: checksum(&stored),
                plain_start: counted.plain_bytes,
                plain_bytes,
                first_line: counted.records,
            };
            file.extend(stored);
            index.extend(encode(&noted(&origins), &block));
            counted.add(&noted(&origins), plain_bytes, &[]);
        }
        let path = directory.path().join("data");
        fs::write(&path, &file).expect("written");
        fs::write(state.index(3), index).expect("written");
        let sealed = Sealed {
            file: SegmentFile {
                sequence: 3,
                name: Some("data".into()),
                id: FileId {
                    inode: 1,
                    born: None,
                },
            },
            format: format.into(),
            compression: how.algorithm(),
            bytes: file.len() as u64,
            xxh128: Some(Digest::of(&file).to_string()),
            contents: counted,
            opened: String::new(),
            sealed: String::new(),
            reason: SealReason::Size,
        };
        Self {
            segment: Segment::sealed(sealed, false, path, &state),
            _directory: directory,
            lines,
        }
    }

    fn condition(&self) -> Condition {
        condition(&self.segment, &AtomicU64::new(0)).expect("can be read")
    }

    fn rebuilt(&self) -> Result<Vec<u8>, Unknown> {
        let mut bytes = Vec::new();
        let mut write = |piece: &[u8]| {
            bytes.extend_from_slice(piece);
            Ok(())
        };
        let lines = match &*self.segment.format {
            "raw" => {
                let told = Told(topic(&self.lines));
                let mut matching = Matching::new(told, self.segment.contents());
                rebuild(&self.segment, &mut matching, &mut write)?
            }
            _ => rebuild(&self.segment, &mut Envelopes::default(), &mut write)?,
        };
        assert_eq!(lines, self.lines.len() as u64);
        Ok(bytes)
    }

    fn read(&self) -> Vec<(Origin, Vec<u8>)> {
        let opened = self
            .segment
            .open(self.segment.bytes(), &Selection::default());
        let mut reader = opened.expect("can be read");
        let mut lines = Vec::new();
        while let Some(block) = reader.advance().expect("is whole") {
            let these = block.iter();
            lines.extend(these.map(|line| (line.origin.expect("known"), line.bytes.to_vec())));
        }
        lines
    }
}

fn each(mut test: impl FnMut(&mut Random, Laid)) {
    for seed in 0..90 {
        let compressions = [
            Compression::None,
            Compression::Gzip(1),
            Compression::Zstd(1),
        ];
        let how = compressions[(seed % 3) as usize];
        let format = if seed % 2 == 0 { "raw" } else { "json" };
        test(&mut Random(seed), Laid::new(seed, how, format));
    }
}

fn damage(random: &mut Random, index: &Path) {
    let whole = fs::read(index).expect("an index");
    let mut bytes = whole.clone();
    let at = random.below(bytes.len() as u64) as usize;
    match random.below(5) {
        0 => return fs::remove_file(index).expect("it was there"),
        1 => bytes[at] ^= 1 << random.below(8),
        2 => bytes.truncate(at),
        3 => bytes.extend(b"{}\n"),
        // Of another segment.
        _ => bytes[12] ^= 1,
    }
    fs::write(index, bytes).expect("written");
}

#[test]
fn an_index_that_is_lost_or_damaged_is_made_anew_with_every_line_as_it_was() {
    each(|random, laid| {
        assert_eq!(laid.condition(), Condition::Sound);
        for _ in 0..4 {
            damage(random, &laid.segment.index);
            assert_eq!(laid.condition(), Condition::Unindexed);
            fs::write(&laid.segment.index, laid.rebuilt().expect("is known")).expect("written");
            assert_eq!(laid.condition(), Condition::Sound);
            assert_eq!(laid.read(), laid.lines);
        }
    });
}

#[test]
fn a_segment_that_is_damaged_itself_is_told_from_its_index() {
    each(|random, laid| {
        let mut bytes = fs::read(&laid.segment.path).expect("a file");
        let at = random.below(bytes.len() as u64) as usize;
        bytes[at] ^= 1 << random.below(8);
        fs::write(&laid.segment.path, bytes).expect("written");
        assert_eq!(laid.condition(), Condition::Damaged);
        fs::remove_file(&laid.segment.index).expect("it was there");
        assert_eq!(laid.condition(), Condition::Damaged);
    });
}

#[test]
fn an_index_that_would_contradict_the_manifest_is_not_made() {
    each(|_, mut laid| {
        let crate::archive::State::Sealed(sealed) = &mut laid.segment.state else {
            return;
        };
        let span = sealed.contents.partitions.values_mut().next();
        span.expect("a partition").latest = Some(7);
        assert!(matches!(laid.rebuilt(), Err(Unknown::Contents)));
    });
}
