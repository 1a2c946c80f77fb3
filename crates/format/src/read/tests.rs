use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicU64;

use super::*;
use crate::compression::{Algorithm, Compression, compress};
use crate::digest::Digest;
use crate::index::block::checksum;
use crate::index::tests::{Random, Stream, noted};
use crate::index::{Block, Origin, encode, header};
use crate::position::Positions;
use crate::record::NextOffset;
use crate::state_files::StateDir;

type Owned = (Option<Origin>, Vec<u8>);

/// An archive's segment with all that was ever known of it.
struct Written {
    dir: tempfile::TempDir,
    segment: Segment,
    sealed: Sealed,
    lines: Vec<(Origin, Vec<u8>)>,
    /// Where each block begins in the file.
    starts: Vec<u64>,
}

impl Written {
    /// So many blocks of random lines; the first `unindexed` of them are older than the index.
    fn new(seed: u64, how: Compression, blocks: usize, unindexed: usize) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let state = StateDir::new(dir.path());
        fs::create_dir(state.indexes()).expect("a directory");
        let mut random = Random(seed);
        let mut stream = Stream::new(seed);
        stream.partitions = 1 + random.below(4);
        stream.run = 1 + random.below(30);
        stream.holes = 1 + random.below(20);
        stream.clock = 1 + random.below(20);
        stream.jitter = 1 + random.below(50);
        let (mut file, mut index, mut lines) = (Vec::new(), header(seed), Vec::new());
        let (mut starts, mut plain_start, mut first_line) = (Vec::new(), 0, 0);
        for number in 0..blocks {
            let origins = stream.origins(1 + random.below(200) as usize);
            let mut plain = Vec::new();
            for origin in &origins {
                let line = line(&mut random, origin);
                plain.extend(&line);
                plain.push(b'\n');
                lines.push((*origin, line));
            }
            let plain_bytes = plain.len() as u64;
            let stored = compress(plain, how).expect("compresses");
            let block = Block {
                file_start: file.len() as u64,
                file_bytes: stored.len() as u64,
                checksum: checksum(&stored),
                plain_start,
                plain_bytes,
                first_line,
            };
            starts.push(block.file_start);
            file.extend(stored);
            if number >= unindexed {
                index.extend(encode(&noted(&origins), &block));
                plain_start += plain_bytes;
                first_line += origins.len() as u64;
            }
        }
        let segment = Segment {
            path: dir.path().join("data"),
            index: Some(state.index(seed)),
            sequence: seed,
            algorithm: how.algorithm(),
            bytes: file.len() as u64,
        };
        put(&segment.path, &file);
        put(state.index(seed), index);
        let sealed = Sealed {
            digest: Some(Digest::of(&file)),
            lines: Some(lines.len() as u64),
        };
        Self {
            dir,
            segment,
            sealed,
            lines,
            starts,
        }
    }

    fn index(&self) -> &Path {
        self.segment.index.as_deref().expect("it has one")
    }

    fn all(&self) -> Vec<Owned> {
        let lines = self.lines.iter();
        lines
            .map(|(origin, line)| (Some(*origin), line.clone()))
            .collect()
    }

    /// Everything that is wrong with it, in words.
    fn damage(&self) -> Vec<String> {
        let checked = check(
            &self.segment,
            Some(&self.sealed),
            &AtomicU64::new(0),
            &mut |_| (),
        );
        let checked = checked.expect("can be read");
        let damage = checked.damage.iter().map(ToString::to_string);
        let mut damage = damage.collect::<Vec<_>>();
        if checked.unindexed_bytes > 0 && damage.is_empty() {
            damage.push(format!("{} bytes unindexed", checked.unindexed_bytes));
        }
        damage
    }

    /// The damage is named, and no line is read as another one.
    fn is_noticed(&self, what: &str) {
        let damage = self.damage();
        assert!(!damage.is_empty(), "{what} is not noticed");
        let Ok(found) = read(&self.segment, &Selection::default()) else {
            return;
        };
        // What is behind the bytes that count isn't read, nor whence lines come that an index doesn't cover.
        let lines = found.iter().map(|(_, line)| line);
        assert!(
            lines.eq(self.lines.iter().map(|(_, line)| line)),
            "{what}: {damage:?}"
        );
        for ((origin, _), (expected, _)) in found.iter().zip(&self.lines) {
            assert!(origin.is_none_or(|origin| origin == *expected), "{what}");
        }
    }
}

/// Makes a file anew: one that is cut and written again is flushed by some file systems.
fn put(path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) {
    let _ = fs::remove_file(&path);
    fs::write(path, bytes).expect("written");
}

fn line(random: &mut Random, origin: &Origin) -> Vec<u8> {
    match random.below(12) {
        0 => Vec::new(),
        1 => vec![b'x'; random.below(2_000) as usize],
        _ => format!("{{\"n\":{},\"r\":{}}}", origin.offset, random.next()).into_bytes(),
    }
}

fn read(segment: &Segment, selection: &Selection) -> Result<Vec<Owned>, ReadError> {
    let mut reader = Reader::open(segment.clone(), selection.clone())?;
    let mut lines = Vec::new();
    while let Some(block) = reader.advance()? {
        let before = lines.len();
        lines.extend(block.iter().map(|line| (line.origin, line.bytes.to_vec())));
        assert_eq!(block.whole().is_some(), selection.is_all());
        if let Some(whole) = block.whole() {
            let bytes = lines[before..].iter().map(|(_, line)| line.len() + 1);
            assert_eq!(whole.len(), bytes.sum::<usize>());
        }
    }
    Ok(lines)
}

fn selection(random: &mut Random, lines: &[(Origin, Vec<u8>)]) -> Selection {
    let mut time = || {
        let (origin, _) = &lines[random.below(lines.len() as u64) as usize];
        let time = origin.timestamp_ms.expect("it has one") + random.below(7) as i64 - 3;
        (!random.one_in(3)).then_some(time)
    };
    let (since_ms, until_ms) = (time(), time());
    let mut offset = || lines[random.below(lines.len() as u64) as usize].0.offset;
    let (from, to) = (offset(), offset());
    let behind = Positions::from([(1, NextOffset::new(offset()).into())]);
    Selection {
        since_ms,
        until_ms,
        partition: random.one_in(2).then(|| random.below(4) as i32),
        offsets: random
            .one_in(2)
            .then(|| NextOffset::new(from)..NextOffset::new(to)),
        from: match random.one_in(2) {
            true => behind,
            false => Positions::default(),
        },
    }
}

const COMPRESSIONS: [Compression; 3] = [
    Compression::None,
    Compression::Gzip(1),
    Compression::Zstd(1),
];

fn each_compression(seeds: u64, mut test: impl FnMut(u64, Compression)) {
    for seed in 0..seeds {
        test(seed, COMPRESSIONS[seed as usize % 3]);
    }
}

#[test]
fn a_selection_is_what_a_filter_over_all_lines_gives() {
    each_compression(150, |seed, how| {
        let mut random = Random(seed);
        let blocks = random.below(30) as usize + 1;
        let written = Written::new(seed, how, blocks, 0);
        assert_eq!(
            read(&written.segment, &Selection::default()).expect("is whole"),
            written.all()
        );
        for _ in 0..20 {
            let selection = selection(&mut random, &written.lines);
            let mut expected = written.all();
            expected.retain(|(origin, _)| origin.is_some_and(|origin| selection.holds(&origin)));
            let found = read(&written.segment, &selection).expect("is whole");
            assert!(
                found == expected || selection.is_all(),
                "seed {seed}, {selection:?}"
            );
        }
    });
}

#[test]
fn a_sound_segment_is_never_accused() {
    each_compression(300, |seed, how| {
        let written = Written::new(seed, how, seed as usize % 12, 0);
        let mut told = Vec::new();
        let checked = check(
            &written.segment,
            Some(&written.sealed),
            &AtomicU64::new(0),
            &mut |origins| {
                told.extend_from_slice(origins);
            },
        );
        let checked = checked.expect("can be read");
        assert!(
            checked.damage.is_empty(),
            "seed {seed}: {:?}",
            checked.damage
        );
        assert_eq!(checked.unindexed_bytes, 0);
        assert_eq!(checked.lines, written.lines.len() as u64);
        let bytes = written.lines.iter().map(|(_, line)| line.len() as u64 + 1);
        assert_eq!(checked.plain_bytes, bytes.sum::<u64>());
        let origins = written.lines.iter().map(|(origin, _)| *origin);
        assert_eq!(told, origins.collect::<Vec<_>>());
        assert_eq!(checked.spans, noted(&told).summary());
    });
}

#[test]
fn a_growing_segment_is_read_up_to_what_counts() {
    each_compression(30, |seed, how| {
        let mut written = Written::new(seed, how, 8, 0);
        let whole = fs::read(written.index()).expect("an index");
        written.segment.bytes = written.starts[5];
        let expected = read(&written.segment, &Selection::default()).expect("is whole");
        assert_eq!(expected, written.all()[..expected.len()]);
        // The index is torn, but behind what counts.
        for cut in 0..20 {
            put(written.index(), &whole[..whole.len() - cut]);
            let found = read(&written.segment, &Selection::default()).expect("is whole");
            assert_eq!(found, expected);
            let checked = check(&written.segment, None, &AtomicU64::new(0), &mut |_| ())
                .expect("can be read");
            assert!(checked.damage.is_empty(), "{:?}", checked.damage);
            assert_eq!(checked.lines, expected.len() as u64);
        }
        written.segment.bytes -= 1;
        assert!(matches!(
            read(&written.segment, &Selection::default()),
            Err(ReadError::IndexEnds { .. })
        ));
    });
}

#[test]
fn lines_older_than_the_index_are_read_without_their_origin() {
    each_compression(60, |seed, how| {
        let blocks = 6;
        let unindexed = 1 + seed as usize % blocks;
        let written = Written::new(seed, how, blocks, unindexed);
        let found = read(&written.segment, &Selection::default()).expect("is whole");
        let known = found.iter().filter(|(origin, _)| origin.is_some()).count();
        let expected = written.all().into_iter().enumerate();
        let expected = expected.map(|(number, (origin, line))| {
            let is_known = number >= written.lines.len() - known;
            (origin.filter(|_| is_known), line)
        });
        assert!(found.into_iter().eq(expected));
        let begin = (written.starts.get(unindexed).copied()).unwrap_or(written.segment.bytes);
        let some = Selection {
            since_ms: Some(0),
            ..Selection::default()
        };
        let mut reader = Reader::open(written.segment.clone(), some).expect("is whole");
        assert_eq!(reader.left_out(), begin);
        let mut lines = 0;
        while let Some(block) = reader.advance().expect("is whole") {
            lines += block.iter().count();
        }
        assert_eq!(lines, known);
        let checked = check(
            &written.segment,
            Some(&written.sealed),
            &AtomicU64::new(0),
            &mut |_| (),
        );
        let checked = checked.expect("can be read");
        assert!(checked.damage.is_empty(), "{:?}", checked.damage);
        assert_eq!(checked.unindexed_bytes, begin);
    });
}

#[test]
fn a_segment_without_an_index_is_read_as_a_whole() {
    each_compression(30, |seed, how| {
        let mut written = Written::new(seed, how, 6, 0);
        written.segment.index = None;
        let found = read(&written.segment, &Selection::default()).expect("is whole");
        let unknown = written.all().into_iter().map(|(_, line)| (None, line));
        assert!(found.into_iter().eq(unknown));
        let checked = check(
            &written.segment,
            Some(&written.sealed),
            &AtomicU64::new(0),
            &mut |_| (),
        );
        let checked = checked.expect("can be read");
        assert!(checked.damage.is_empty(), "{:?}", checked.damage);
        assert_eq!(checked.unindexed_bytes, written.segment.bytes);
    });
}

#[test]
fn a_line_longer_than_any_buffer_is_read() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("data");
    let long = [&vec![b'a'; 3_000_000][..], b"\nshort\n"].concat();
    let segment = |bytes: usize| Segment {
        path: path.clone(),
        index: None,
        sequence: 0,
        algorithm: Algorithm::None,
        bytes: bytes as u64,
    };
    put(&path, &long);
    let found = read(&segment(long.len()), &Selection::default()).expect("is whole");
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].1.len(), 3_000_000);
    let cut = read(&segment(long.len() - 1), &Selection::default());
    assert!(matches!(cut, Err(ReadError::Damaged { .. })));
}

/// The lines that a reader gives from where it stands.
fn rest(reader: &mut Reader) -> Vec<Owned> {
    let mut lines = Vec::new();
    while let Some(block) = reader.advance().expect("is whole") {
        lines.extend(block.iter().map(|line| (line.origin, line.bytes.to_vec())));
    }
    lines
}

#[test]
fn lines_are_read_one_by_one_as_in_blocks() {
    each_compression(60, |seed, how| {
        let written = Written::new(seed, how, 6, seed as usize % 4);
        let some = Selection {
            partition: Some(1),
            ..Selection::default()
        };
        for selection in [Selection::default(), some] {
            let open = || Reader::open(written.segment.clone(), selection.clone()).expect("opens");
            let mut reader = open();
            let mut lines = Vec::new();
            while reader.next_line().expect("is whole") {
                let line = reader.line();
                lines.push((line.origin, line.bytes.to_vec()));
            }
            assert!(!reader.next_line().expect("is whole"));
            assert_eq!(lines, rest(&mut open()));
            let (mut ahead, mut origins) = (open(), Vec::new());
            while let Some(block) = ahead.next_origins().expect("is whole") {
                origins.extend(
                    block
                        .iter()
                        .filter(|origin| selection.holds(origin))
                        .copied(),
                );
            }
            assert!(
                origins
                    .into_iter()
                    .eq(lines.iter().filter_map(|line| line.0))
            );
        }
    });
}

#[test]
fn a_reader_goes_on_behind_the_block_that_was_read_last() {
    each_compression(60, |seed, how| {
        let unindexed = seed as usize % 3;
        let written = Written::new(seed, how, 8, unindexed);
        let open = || Reader::open(written.segment.clone(), Selection::default());
        let mut first = open().expect("opens");
        let mut given = 0;
        while let Some(block) = first.advance().expect("is whole") {
            given += block.iter().count();
            let Some(block) = first.block() else {
                continue;
            };
            let mut again = open().expect("opens");
            let end = block.file_end();
            let found = again.skip_to(end, Some(block.checksum));
            assert!(found.expect("is whole"));
            assert!(rest(&mut again).iter().eq(&written.all()[given..]));
            let mut other = open().expect("opens");
            let found = other.skip_to(end, Some(!block.checksum));
            assert!(!found.expect("is whole"));
            let mut within = open().expect("opens");
            let found = within.skip_to(end - 1, None).expect("is whole");
            assert!(!found || block.file_bytes == 1);
        }
    });
}

#[test]
fn the_last_lines_are_read_without_the_blocks_before() {
    each_compression(60, |seed, how| {
        let written = Written::new(seed, how, 8, 0);
        let all = written.all();
        for lines in [0, 1, 150, 400, all.len() as u64, all.len() as u64 + 1] {
            let mut reader = Reader::open(written.segment.clone(), Selection::default());
            let reader = reader.as_mut().expect("opens");
            reader.skip_to_last(lines).expect("is whole");
            let found = rest(reader);
            assert!(found.len() as u64 >= lines.min(all.len() as u64));
            // A block has 200 lines at most.
            assert!((found.len() as u64) < lines + 200 || found.len() == all.len());
            assert!(found.iter().eq(&all[all.len() - found.len()..]));
        }
    });
}

mod damage;

#[test]
fn readers_that_share_a_segment_read_each_line_once_and_the_same_ones_again() {
    each_compression(20, |seed, how| {
        let written = Written::new(seed, how, 9, (seed % 3) as usize);
        let of = 1 + seed % 4;
        let share = |number| {
            let reader = Reader::open(written.segment.clone(), Selection::default());
            rest(&mut reader.expect("opens").share(Share { number, of }))
        };
        let shares = (0..of).map(share).collect::<Vec<_>>();
        assert_eq!(shares, (0..of).map(share).collect::<Vec<_>>());
        let mut found = shares.concat();
        let mut expected = written.all();
        found.sort_by(|a, b| a.1.cmp(&b.1));
        expected.sort_by(|a, b| a.1.cmp(&b.1));
        let lines = |all: Vec<Owned>| all.into_iter().map(|(_, line)| line).collect::<Vec<_>>();
        assert_eq!(lines(found), lines(expected), "seed {seed}");
    });
}
