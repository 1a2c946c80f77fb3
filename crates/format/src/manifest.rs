//! The manifest: `manifest.ndjson`, an append-only list of what became of an archive's segments, and of its gaps.
//!
//! Each line is one JSON object. Its first key, `type`, says what it is; its last key is the checksum of the bytes
//! before it, as the mark in the checkpoint covers only the last bytes of the list. The first line names the version.
//! A line counts once a checkpoint counts it; what a crash leaves behind that is cut off at the next start.

use std::io::{self, BufRead};

use serde::{Deserialize, Serialize};

use crate::compression::Algorithm;
use crate::contents::Contents;
use crate::gap::Gap;
use crate::list;
pub use crate::list::ListError;
use crate::segment::SegmentFile;

/// The version of the lines.
pub const VERSION: u32 = 1;

/// A line of the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Entry {
    /// The first line.
    Manifest(Header),
    /// A segment is about to be created, where nothing is.
    Opening(Opening),
    /// A segment was created. The line is durable before the segment's first byte is written.
    Opened(SegmentFile),
    /// A segment is final.
    Sealed(Box<Sealed>),
    /// Offsets that will never be in the archive.
    Gap(Gap),
    /// A sealed segment was deleted, because it was older or larger than what is to be kept.
    Deleted(Deleted),
}

/// The first line of a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// [`VERSION`] of the program that began the list.
    pub version: u32,
    /// The archive's name at that time.
    pub archive: String,
}

/// A segment that is about to be created: an empty file of that name is archiver's own, though its id isn't known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// Its number.
    pub sequence: u64,
    /// Its final name, as in [`SegmentFile`]; it grows under this and [`crate::segment::GROWING`].
    pub name: String,
}

/// A segment that is final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// Which file it is, and its number.
    pub file: SegmentFile,
    /// What a line is: `raw`, the value alone.
    pub format: String,
    /// How it is compressed.
    pub compression: Algorithm,
    /// The file's length in bytes.
    pub bytes: u64,
    /// XXH3-128 of the file's bytes, as `xxh128sum` prints it; `None` if that was not computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub xxh128: Option<String>,
    /// What it holds.
    pub contents: Contents,
    /// When it was created, RFC 3339 in UTC.
    pub opened: String,
    /// When it became final, RFC 3339 in UTC.
    pub sealed: String,
    /// Why it became final.
    pub reason: SealReason,
}

/// Why a segment became final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SealReason {
    /// It has as many bytes as `rotate.size` allows.
    Size,
    /// It has as many records as `rotate.records` allows.
    Records,
    /// The wall clock reached a multiple of `rotate.every`.
    Every,
    /// Nothing was written to it for `rotate.idle`.
    Idle,
    /// More segments were open than `open_files` allows.
    OpenFiles,
    /// The archive was stopped, with `seal_on_stop`.
    Stop,
    /// SIGUSR1.
    Asked,
    /// The configuration says otherwise now: path, format or compression.
    Changed,
    /// The topic was deleted and created again.
    Recreated,
}

impl SealReason {
    /// As it stands in the line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Size => "size",
            Self::Records => "records",
            Self::Every => "every",
            Self::Idle => "idle",
            Self::OpenFiles => "open_files",
            Self::Stop => "stop",
            Self::Asked => "asked",
            Self::Changed => "changed",
            Self::Recreated => "recreated",
        }
    }
}

/// A segment that was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deleted {
    /// Which file it was, and its number.
    pub file: SegmentFile,
    /// When, RFC 3339 in UTC.
    pub deleted: String,
    /// Why.
    pub reason: DeleteReason,
}

/// Why a sealed segment was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeleteReason {
    /// Its newest record is older than `keep`.
    Keep,
    /// The archive has more bytes than `keep_size`.
    KeepSize,
}

/// Makes the lines of a manifest, each of which names the checksum of the one before: so lines that are exchanged, missing
/// or put in are noticed, wherever they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chain {
    /// The checksum of the last line; `None` before the first one.
    last: Option<String>,
}

impl Chain {
    /// The line of the next entry, newline included.
    pub fn encode(&mut self, entry: &Entry) -> io::Result<Vec<u8>> {
        let line = list::seal_behind(serde_json::to_vec(entry)?, self.last.as_deref())?;
        self.pass(&line);
        Ok(line)
    }

    /// Goes on behind a line that was as it was written.
    pub(crate) fn pass(&mut self, line: &[u8]) {
        self.last = list::checksum_of(line).map(str::to_owned);
    }

    /// May this line, which was as it was written, come next? A program that didn't name the line before has written any.
    pub(crate) fn may_be_next(&self, line: &[u8]) -> bool {
        match (list::previous_of(line), &self.last) {
            (Some(previous), Some(last)) => previous == last,
            (Some(_), None) | (None, _) => true,
        }
    }
}

/// Reads a manifest, or the end of one from where a line begins, and gives each entry to `visit`, with the number of the
/// byte behind it. Up to byte `known` each line must be as it was written, and behind the line that it was written behind;
/// see [`list::read`]. Returns how lines go on from there.
pub fn read(
    list: impl BufRead,
    known: u64,
    mut visit: impl FnMut(u64, Entry),
) -> Result<Chain, ListError> {
    let mut chain = Chain::default();
    list::read(list, known, BEGINS, |number, end, line| {
        if end <= known {
            if !chain.may_be_next(line) {
                return Err(ListError::OutOfPlace(number));
            }
            chain.pass(line);
        }
        match serde_json::from_slice(line) {
            Ok(Entry::Manifest(header)) if header.version > VERSION => {
                return Err(ListError::Newer(number));
            }
            Ok(entry) => visit(end, entry),
            Err(_) if end <= known => return Err(ListError::Newer(number)),
            Err(_) => {}
        }
        Ok(())
    })?;
    Ok(chain)
}

/// How each line begins.
const BEGINS: &[u8] = br#"{"type":""#;

#[cfg(test)]
mod tests {
    use crate::contents::Span;
    use crate::mark::FileId;

    use super::*;

    #[test]
    fn a_reason_has_one_name() {
        use SealReason::*;
        for reason in [
            Size, Records, Every, Idle, OpenFiles, Stop, Asked, Changed, Recreated,
        ] {
            let written = serde_json::to_value(reason).expect("a name");
            assert_eq!(written, reason.name());
        }
    }

    #[test]
    fn what_is_listed_is_read_back() {
        let span = Span {
            first: 3,
            last: 9,
            records: 5,
            earliest: Some(1_000),
            latest: Some(2_000),
            epoch: Some(1),
        };
        let id = FileId {
            inode: 7,
            born: Some(8),
        };
        let file = SegmentFile {
            sequence: 12,
            name: Some("a-12.ndjson".into()),
            id,
        };
        let entries = [
            Entry::Manifest(Header {
                version: VERSION,
                archive: "a".into(),
            }),
            Entry::Opening(Opening {
                sequence: 12,
                name: "a-12.ndjson".into(),
            }),
            Entry::Opened(file.clone()),
            Entry::Sealed(Box::new(Sealed {
                file,
                format: "raw".into(),
                compression: Algorithm::Zstd,
                bytes: 100,
                xxh128: Some("00".into()),
                contents: Contents {
                    records: 5,
                    plain_bytes: 200,
                    uncounted_bytes: 0,
                    partitions: [(0, span), (11, span)].into(),
                },
                opened: "2026-11-20T00:00:00Z".into(),
                sealed: "2026-11-20T01:00:00Z".into(),
                reason: SealReason::Every,
            })),
        ];
        let mut chain = Chain::default();
        let lines = entries
            .iter()
            .map(|entry| chain.encode(entry).expect("a line"));
        let list = lines.collect::<Vec<_>>().concat();
        let mut found = Vec::new();
        let known = list.len() as u64;
        let behind = read(&list[..], known, |_, entry| found.push(entry)).expect("a manifest");
        assert_eq!(found, entries);
        assert_eq!(behind, chain);
        let newer = list::seal(br#"{"type":"manifest","version":2}"#.to_vec()).expect("a line");
        let refused = read(&newer[..], newer.len() as u64, |_, _| {});
        assert!(matches!(refused, Err(ListError::Newer(1))), "{refused:?}");
    }

    #[test]
    fn a_line_that_is_not_behind_the_one_that_it_was_written_behind_is_refused() {
        let gap = |partition| {
            Entry::Gap(Gap {
                noticed: "2026-11-21T02:32:22Z".into(),
                topic_id: None,
                partition,
                from: crate::record::NextOffset::new(3),
                to: None,
                reason: crate::gap::GapReason::Expired,
                explanation: String::new(),
            })
        };
        let mut chain = Chain::default();
        let mut line = |partition| chain.encode(&gap(partition)).expect("a line");
        let lines = [line(0), line(1), line(2), line(3)];
        let read_in = |order: &[usize]| {
            let list = order.iter().map(|line| &lines[*line][..]);
            let list = list.collect::<Vec<_>>().concat();
            read(&list[..], list.len() as u64, |_, _| {}).map(drop)
        };
        read_in(&[0, 1, 2, 3]).expect("whole");
        // From where a line begins.
        read_in(&[2, 3]).expect("whole");
        for (order, at) in [
            (&[0, 2, 1, 3][..], 2),
            (&[0, 1, 3], 3),
            (&[0, 1, 1, 2, 3], 3),
            (&[0, 3, 2, 1], 2),
        ] {
            let found = read_in(order);
            assert!(
                matches!(found, Err(ListError::OutOfPlace(line)) if line == at),
                "{order:?}: {found:?}"
            );
        }
        // A program that didn't name the line before.
        let older = list::seal(serde_json::to_vec(&gap(7)).expect("JSON")).expect("a line");
        let list = [&older[..], &older, &lines[1]].concat();
        let found = read(&list[..], list.len() as u64, |_, _| {});
        assert!(matches!(found, Err(ListError::OutOfPlace(3))), "{found:?}");
        let mut behind = read(&older[..], older.len() as u64, |_, _| {}).expect("whole");
        let list = [&older[..], &behind.encode(&gap(8)).expect("a line")].concat();
        read(&list[..], list.len() as u64, |_, _| {}).expect("whole");
    }
}
