use std::fs;
use std::path::Path;

use super::*;
use crate::checkpoint::{Identity, Progress, Unnamed};
use crate::compression::{Algorithm, Compression, compress};
use crate::contents::Contents;
use crate::gap::GapReason;
use crate::index::block::checksum;
use crate::index::{Block, Lines, encode, header};
use crate::manifest::{DeleteReason, Header, SealReason, Sealed};
use crate::mark::FileId;
use crate::position::Positions;
use crate::read::Selection;
use crate::record::NextOffset;
use crate::segment::{Route, SegmentFile, growing};

/// An archive of three segments: one sealed, one sealed whose name is not certain, and one that grows.
pub(crate) struct Laid {
    directory: tempfile::TempDir,
    pub state: StateDir,
    manifest: Vec<u8>,
    checkpoint: Checkpoint,
}

fn file(sequence: u64) -> SegmentFile {
    SegmentFile {
        sequence,
        name: Some(format!("sub/a-{sequence}.ndjson.gz")),
        id: FileId {
            inode: sequence,
            born: None,
        },
    }
}

/// Two lines of the offsets from ten times the number on, in a block, and their entry.
fn block(number: u64, file_start: u64, before: &Contents) -> (Vec<u8>, Vec<u8>, Lines) {
    let (mut lines, mut plain) = (Lines::default(), Vec::new());
    for offset in 10 * number..10 * number + 2 {
        lines.push(0, offset as i64, Some(1_000 * offset as i64));
        plain.extend(format!("{offset}\n").into_bytes());
    }
    let plain_bytes = plain.len() as u64;
    let stored = compress(plain, Compression::Gzip(1)).expect("compresses");
    let block = Block {
        file_start,
        file_bytes: stored.len() as u64,
        checksum: checksum(&stored),
        plain_start: before.plain_bytes,
        plain_bytes,
        first_line: before.records,
    };
    let entry = encode(&lines, &block);
    (stored, entry, lines)
}

fn mark(bytes: &[u8]) -> Mark {
    let tail = bytes[bytes.len().saturating_sub(TAIL)..].to_vec();
    Tail::new(tail).mark(bytes.len() as u64)
}

fn gap(partition: i32) -> Gap {
    Gap {
        noticed: "2026-11-21T02:32:22Z".into(),
        topic_id: None,
        partition,
        from: NextOffset::new(3),
        to: None,
        reason: GapReason::Recreated,
        explanation: "it was".into(),
    }
}

impl Laid {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let root = directory.path();
        let state = StateDir::new(root.join(".archiver/a"));
        fs::create_dir_all(state.indexes()).expect("a directory");
        fs::create_dir(root.join("sub")).expect("a directory");
        let header_line = Entry::Manifest(Header {
            version: manifest::VERSION,
            archive: "a".into(),
        });
        let mut entries = vec![header_line, Entry::Gap(gap(0))];
        let mut growing_segment = None;
        for sequence in 0..4 {
            let nothing = Contents::default();
            let (stored, entry, lines) = block(sequence, 0, &nothing);
            let mut contents = nothing;
            contents.add(&lines, if sequence == 0 { 4 } else { 6 }, &[]);
            let path = root.join(file(sequence).name.expect("a name"));
            let index = [header(sequence), entry].concat();
            match sequence {
                0 | 1 => fs::write(&path, &stored).expect("written"),
                _ => fs::write(growing(&path), &stored).expect("written"),
            }
            fs::write(state.index(sequence), &index).expect("written");
            entries.push(Entry::Opened(file(sequence)));
            if sequence < 3 {
                entries.push(Entry::Sealed(Box::new(Sealed {
                    file: file(sequence),
                    format: "raw".into(),
                    compression: Algorithm::Gzip,
                    bytes: stored.len() as u64,
                    xxh128: None,
                    contents,
                    opened: String::new(),
                    sealed: String::new(),
                    reason: SealReason::Size,
                })));
                continue;
            }
            growing_segment = Some(checkpoint::Segment {
                file: file(sequence),
                is_growing: true,
                route: Route::default(),
                opened: 1,
                written: 2,
                mark: mark(&stored),
                index: Some(mark(&index)),
                contents,
            });
        }
        entries.push(Entry::Deleted(Deleted {
            file: file(0),
            deleted: String::new(),
            reason: DeleteReason::Keep,
        }));
        let mut chain = manifest::Chain::default();
        let lines = entries
            .iter()
            .map(|entry| chain.encode(entry).expect("a line"));
        let manifest = lines.collect::<Vec<_>>().concat();
        let checkpoint = Checkpoint {
            identity: Identity {
                archive: "a".into(),
                file: "elsewhere/sub/a-{seq}.ndjson.gz".into(),
                format: "raw".into(),
                compression: Algorithm::Gzip,
                topic: "t".into(),
                topic_id: None,
                cluster_id: None,
            },
            progress: Progress {
                positions: Positions::default(),
                records: 8,
                sealed_bytes: 0,
                next_sequence: 4,
                segments: growing_segment.into_iter().collect(),
                unnamed: vec![Unnamed {
                    file: file(2),
                    mark: mark(&[]),
                }],
                deleted: Vec::new(),
                list: List::Manifest(mark(&manifest)),
            },
            verified: None,
        };
        let laid = Self {
            directory,
            state,
            manifest,
            checkpoint,
        };
        laid.store();
        laid
    }

    fn store(&self) {
        let bytes = checkpoint::encode(&self.checkpoint).expect("a checkpoint");
        fs::write(self.state.checkpoint(), bytes).expect("written");
        fs::write(self.state.manifest(), &self.manifest).expect("written");
    }

    fn load(&self) -> Archive {
        let loaded = Archive::load(&self.state, None).expect("can be read");
        loaded.expect("an archive")
    }

    pub fn path(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join(name)
    }
}

fn lines(segment: &Segment, bytes: u64) -> String {
    let mut reader = segment.open(bytes, &Selection::default()).expect("opens");
    let mut text = Vec::new();
    while let Some(block) = reader.advance().expect("is whole") {
        text.extend(block.whole().expect("all are asked for"));
    }
    String::from_utf8(text).expect("text")
}

#[test]
fn an_archive_is_what_its_checkpoint_counts() {
    let mut laid = Laid::new();
    let behind = [Entry::Gap(gap(1)), Entry::Opened(file(4))];
    let mut chain = manifest::Chain::default();
    let behind = behind
        .iter()
        .map(|entry| chain.encode(entry).expect("a line"));
    laid.manifest.extend(behind.collect::<Vec<_>>().concat());
    // A line that is being written.
    laid.manifest.extend(b"{\"type\":\"gap\",\"not");
    laid.store();
    let archive = laid.load();
    assert_eq!(archive.name(), "a");
    assert_eq!(archive.gaps, [gap(0)]);
    assert_eq!(archive.deleted.len(), 1);
    let numbers = archive.segments.iter().map(|segment| segment.file.sequence);
    assert_eq!(numbers.collect::<Vec<_>>(), [1, 2, 3]);
    let sealed = archive.segments.iter().map(Segment::is_sealed);
    assert_eq!(sealed.collect::<Vec<_>>(), [true, true, false]);
    let texts = archive.segments.iter();
    let texts = texts.map(|segment| lines(segment, segment.bytes()));
    assert_eq!(
        texts.collect::<Vec<_>>(),
        ["10\n11\n", "20\n21\n", "30\n31\n"]
    );
}

#[test]
fn a_segment_that_is_renamed_meanwhile_is_found() {
    let laid = Laid::new();
    let archive = laid.load();
    for sequence in [2, 3] {
        let segment = archive.segment(sequence).expect("a segment");
        let grown = growing(&segment.path);
        assert_eq!(segment.path_now(), grown);
        fs::rename(&grown, &segment.path).expect("renamed");
        assert_eq!(segment.path_now(), segment.path);
        assert!(!lines(segment, segment.bytes()).is_empty());
    }
}

#[test]
fn a_growing_segment_is_read_as_far_as_its_index_has_whole_blocks() {
    let laid = Laid::new();
    let archive = laid.load();
    let segment = archive.segment(3).expect("a segment");
    assert_eq!(segment.bytes_now(), segment.bytes());
    let path = segment.path_now();
    let (mut data, mut index) = (
        fs::read(&path).expect("read"),
        fs::read(&segment.index).expect("read"),
    );
    let (stored, entry, _) = block(7, data.len() as u64, segment.contents());
    data.extend(&stored);
    fs::write(&path, &data).expect("written");
    index.extend(&entry[..entry.len() - 1]);
    fs::write(&segment.index, &index).expect("written");
    assert_eq!(segment.bytes_now(), segment.bytes());
    index.extend(&entry[entry.len() - 1..]);
    fs::write(&segment.index, &index).expect("written");
    assert_eq!(segment.bytes_now(), data.len() as u64);
    assert_eq!(lines(segment, segment.bytes_now()), "30\n31\n70\n71\n");
    fs::remove_file(&segment.index).expect("removed");
    assert_eq!(segment.bytes_now(), segment.bytes());
    assert_eq!(lines(segment, segment.bytes_now()), "30\n31\n");
}

#[test]
fn a_segment_that_can_not_hold_what_is_asked_for_is_known_by_what_it_holds() {
    let archive = Laid::new().load();
    let holding = |selection: Selection| {
        let segments = archive.segments.iter();
        let segments = segments.filter(|segment| segment.may_hold(&selection));
        segments
            .map(|segment| segment.file.sequence)
            .collect::<Vec<_>>()
    };
    let since = Selection {
        since_ms: Some(21_000),
        ..Selection::default()
    };
    assert_eq!(holding(since), [2, 3]);
    let offsets = Selection {
        offsets: Some(NextOffset::new(11)..NextOffset::new(12)),
        ..Selection::default()
    };
    assert_eq!(holding(offsets), [1]);
    let other = Selection {
        partition: Some(1),
        ..Selection::default()
    };
    assert_eq!(holding(other), [0; 0]);
}

#[test]
fn damage_of_the_state_is_named_with_its_file() {
    let mut laid = Laid::new();
    let said = |laid: &Laid| match Archive::load(&laid.state, None) {
        Err(error) => error.to_string(),
        Ok(_) => "nothing".into(),
    };
    let whole = laid.manifest.clone();
    for at in [5, whole.len() / 2, whole.len() - 3] {
        laid.manifest = whole.clone();
        laid.manifest[at] ^= 1;
        laid.store();
        assert!(said(&laid).contains("manifest.ndjson is damaged: "), "{at}");
    }
    laid.manifest.truncate(100);
    laid.store();
    assert!(said(&laid).contains("it has 100 bytes, where the checkpoint counts"));
    fs::write(laid.state.checkpoint(), "{}").expect("written");
    assert!(said(&laid).contains("checkpoint.json is damaged: "));
    fs::remove_file(laid.state.checkpoint()).expect("removed");
    assert!(said(&laid).contains("checkpoint.json is missing, and the archive has begun"));
    let found = find(laid.state.path().parent().expect("a directory"));
    assert_eq!(found.expect("is found").len(), 1);
    fs::remove_file(laid.state.manifest()).expect("removed");
    assert!(said(&laid).contains("checkpoint.json is missing"));
    // What is there before the first checkpoint.
    for sequence in 1..4 {
        fs::remove_file(laid.state.index(sequence)).expect("removed");
    }
    fs::write(laid.state.index(0), header(0)).expect("written");
    let none = Archive::load(&laid.state, None).expect("can be read");
    assert!(none.is_none());
}

#[test]
fn an_archive_is_found_by_each_of_its_paths() {
    let laid = Laid::new();
    let found = |name: &str| find(&laid.path(name)).map_err(|error| error.to_string());
    let all = Found {
        state: laid.state.clone(),
        only: None,
    };
    for path in ["", ".archiver", ".archiver/a"] {
        assert_eq!(
            found(path).expect("is found"),
            std::slice::from_ref(&all),
            "{path}"
        );
    }
    for (path, only) in [
        ("sub/a-1.ndjson.gz", Some(1)),
        ("sub/a-2.ndjson.gz.part", Some(2)),
        ("sub/a-3.ndjson.gz.part", Some(3)),
    ] {
        let expected = Found {
            only,
            ..all.clone()
        };
        assert_eq!(found(path).expect("is found"), [expected], "{path}");
    }
    std::os::unix::fs::symlink(laid.state.path(), laid.path("link")).expect("a link");
    assert_eq!(found("link").expect("is found").len(), 1);
    let linked = &found("link").expect("is found")[0].state;
    assert_eq!(
        linked.path(),
        fs::canonicalize(laid.state.path()).expect("a path")
    );
    fs::write(laid.path("sub/foreign"), "").expect("written");
    for (path, said) in [
        ("sub", "has no archives in it"),
        ("sub/foreign", "is no file of an archive"),
        ("sub/a-0.ndjson.gz", "is no file of an archive"),
        ("none", "looking at "),
    ] {
        let error = found(path).expect_err("isn't found");
        assert!(error.contains(said), "{path}: {error}");
    }
}

#[test]
fn files_are_beside_the_state_or_where_the_checkpoint_says() {
    let laid = Laid::new();
    let mut identity = laid.checkpoint.identity.clone();
    let kept = StateDir::new("/var/state/a");
    let beside = StateDir::new("data/.archiver/a");
    let only = SegmentFile {
        name: None,
        ..file(0)
    };
    let path = |state: &StateDir, of: &SegmentFile, identity: &Identity| {
        Paths::derived(state, identity).of(of, identity)
    };
    assert_eq!(
        path(&kept, &file(0), &identity),
        Path::new("elsewhere/sub/sub/a-0.ndjson.gz")
    );
    assert_eq!(
        path(&beside, &file(0), &identity),
        Path::new("data/sub/a-0.ndjson.gz")
    );
    identity.file = "elsewhere/{b".into();
    assert_eq!(path(&kept, &only, &identity), Path::new("elsewhere/{b"));
    assert_eq!(path(&beside, &only, &identity), Path::new("data/{b"));
}
