//! What is found in an archive that isn't as it should be, and where.

use std::io;
use std::path::PathBuf;

use crate::checkpoint::Unusable;
use crate::index::Span;
use crate::read::Damage;
use crate::record::Partition;

/// Something in an archive that isn't as it should be, or can't be known.
#[derive(Debug, thiserror::Error)]
pub enum Finding {
    /// The archive has not begun yet: nothing of it is there.
    #[error("{}: there is no checkpoint yet: the archive has not begun", path.display())]
    NotBegun {
        /// Where it will be.
        path: PathBuf,
    },
    /// The archive has begun, and has no checkpoint.
    #[error("{}: the checkpoint is missing, and the archive has begun", path.display())]
    NoCheckpoint {
        /// Where it should be.
        path: PathBuf,
    },
    /// The checkpoint can't be used.
    #[error("{}: the checkpoint can't be used: {why}", path.display())]
    Checkpoint {
        /// The checkpoint.
        path: PathBuf,
        /// Why not.
        why: Unusable,
    },
    /// A file can't be read.
    #[error("{}: it can't be read: {source}", path.display())]
    Unread {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A line of a list isn't as it should be.
    #[error("{}: line {line}: {fault}", path.display())]
    Line {
        /// The list.
        path: PathBuf,
        /// The number of the line, from 1.
        line: u64,
        /// What is wrong.
        fault: LineFault,
    },
    /// A file that only grows is shorter than the checkpoint counts.
    #[error("{}: it has {found} bytes, where the checkpoint counts {expected}", path.display())]
    Short {
        /// The file.
        path: PathBuf,
        /// How many bytes the checkpoint counts.
        expected: u64,
        /// How many it has.
        found: u64,
    },
    /// A file that only grows has other bytes before the checkpoint's mark.
    #[error("{}: the last bytes before byte {byte} are not those that the checkpoint counts", path.display())]
    Mark {
        /// The file.
        path: PathBuf,
        /// Where the mark is.
        byte: u64,
    },
    /// A segment is damaged, or its index is.
    #[error("{}: {damage}", path.display())]
    Segment {
        /// The segment.
        path: PathBuf,
        /// What is wrong with it.
        damage: Damage,
    },
    /// A segment has its final name, and there is a file with the name that it had while it grew, too.
    #[error("{}: it is there twice, as {} too", path.display(), other.display())]
    BothNames {
        /// Its final name.
        path: PathBuf,
        /// The name of a growing file.
        other: PathBuf,
    },
    /// A segment's lines have another length than is known of them.
    #[error("{}: its lines have {found} bytes, where {expected} are expected", path.display())]
    PlainBytes {
        /// The segment.
        path: PathBuf,
        /// How many bytes they should have.
        expected: u64,
        /// How many they have.
        found: u64,
    },
    /// The index of a segment says something else of a partition than is known of it.
    #[error(
        "{}: partition {partition}: by its index it holds {}, where {} are expected",
        path.display(), said(found.as_ref()), said(expected.as_ref())
    )]
    Contents {
        /// The segment.
        path: PathBuf,
        /// The partition.
        partition: Partition,
        /// What the manifest or the checkpoint says; `None` if nothing.
        expected: Option<Span>,
        /// What the index says; `None` if nothing.
        found: Option<Span>,
    },
    /// It is unknown which records some lines of a segment are.
    #[error("{}: which records {lines} of its lines are is unknown, as {} of its bytes have no index", path.display(), bytes)]
    Unindexed {
        /// The segment.
        path: PathBuf,
        /// How many bytes of it have no index.
        bytes: u64,
        /// How many lines these hold.
        lines: u64,
    },
    /// Offsets that the archive holds twice.
    #[error("{}: partition {partition}: offsets {from} to {to} are in {} too", path.display(), other.display(), to = to - 1)]
    Twice {
        /// The partition.
        partition: Partition,
        /// The first of the offsets.
        from: i64,
        /// The offset behind the last.
        to: i64,
        /// The segment that has them, too.
        path: PathBuf,
        /// The segment that has them.
        other: PathBuf,
    },
    /// Within a segment a partition goes back, and no gap says why.
    #[error("{}: partition {partition}: offset {offset} comes after {before}, and no gap says why", path.display())]
    Back {
        /// The segment.
        path: PathBuf,
        /// The partition.
        partition: Partition,
        /// The offset that comes too late.
        offset: i64,
        /// The offset before it.
        before: i64,
    },
    /// A partition has records at or behind the offset that is to be read next.
    #[error("{}: partition {partition}: it holds offset {offset}, where the checkpoint reads on at {next}", path.display())]
    Ahead {
        /// The segment.
        path: PathBuf,
        /// The partition.
        partition: Partition,
        /// The highest offset that it holds.
        offset: i64,
        /// The offset that the checkpoint reads next.
        next: i64,
    },
    /// The records of all segments aren't as many as the checkpoint counts.
    #[error("{}: it counts {expected} records, where the segments hold {found} together", path.display())]
    Records {
        /// The checkpoint.
        path: PathBuf,
        /// How many it counts.
        expected: u64,
        /// How many the segments hold, as the manifest and the checkpoint say.
        found: u64,
    },
    /// A segment is neither sealed nor open.
    #[error("{}: segment {sequence} is neither listed as sealed nor open in the checkpoint", path.display())]
    Unlisted {
        /// The manifest.
        path: PathBuf,
        /// The number of the segment.
        sequence: u64,
    },
    /// A file that was left behind by something that has ended; the next start removes it.
    #[error("{}: it was left behind, and counts for nothing", path.display())]
    Leftover {
        /// The file.
        path: PathBuf,
    },
    /// A file that has a name as a segment of this archive, and is none.
    #[error("{}: it is called like a segment of this archive, and is none", path.display())]
    Strange {
        /// The file.
        path: PathBuf,
    },
    /// A segment was handed over to a command, and isn't there.
    #[error("{}: it was handed over to on_seal, and is gone", path.display())]
    HandedOver {
        /// The segment.
        path: PathBuf,
    },
    /// A segment that the manifest lists as deleted is still there.
    #[error("{}: it is listed as deleted, and still there", path.display())]
    Undeleted {
        /// The segment.
        path: PathBuf,
    },
}

/// What is wrong with a line of a manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineFault {
    /// It isn't as it was written.
    #[error("other bytes than were written")]
    Damaged,
    /// It doesn't stand where it was written.
    #[error(
        "it was not written behind the line before it: lines were exchanged, removed or put in"
    )]
    OutOfPlace,
    /// A newer program wrote it.
    #[error("a newer archiver wrote it; use that one")]
    Newer,
    /// It is of another archive.
    #[error("it is the list of archive {0}")]
    OfAnother(String),
    /// The list doesn't begin as each does, or begins a second time.
    #[error("a list begins with one line that says so")]
    Beginning,
    /// The segment was opened before.
    #[error("segment {0} is opened a second time, or out of order")]
    Reopened(u64),
    /// It says of a segment what can't be said of it at this place.
    #[error("segment {0} was not opened before, or is not open any more")]
    NotOpen(u64),
    /// The segment wasn't sealed before.
    #[error("segment {0} is deleted before it was sealed, or a second time")]
    NotSealed(u64),
    /// Two segments have one file.
    #[error("{name} is the file of segment {other} too")]
    NameTwice {
        /// The file's name.
        name: String,
        /// The other segment.
        other: u64,
    },
    /// The digest is no such number.
    #[error("the digest is no XXH3-128")]
    Digest,
    /// What it says of the partitions isn't what it says of the whole.
    #[error("its partitions have {partitions} records together, where it has {records}")]
    Sum {
        /// What the partitions have.
        partitions: u64,
        /// What the segment has.
        records: u64,
    },
    /// A partition has more records than offsets, or ends before it begins.
    #[error("partition {0} has other offsets than can be")]
    Span(Partition),
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing of the archive is missing or wrong.
    Note,
    /// Something can't be known.
    Unknown,
    /// Something is missing or wrong.
    Wrong,
}

impl Finding {
    /// How bad it is.
    pub fn severity(&self) -> Severity {
        match self {
            Self::NotBegun { .. }
            | Self::HandedOver { .. }
            | Self::Leftover { .. }
            | Self::Undeleted { .. } => Severity::Note,
            Self::Unindexed { .. } => Severity::Unknown,
            _ => Severity::Wrong,
        }
    }

    /// The file that it is about.
    pub fn path(&self) -> &PathBuf {
        match self {
            Self::NotBegun { path }
            | Self::NoCheckpoint { path }
            | Self::Checkpoint { path, .. }
            | Self::Unread { path, .. }
            | Self::Line { path, .. }
            | Self::Short { path, .. }
            | Self::Mark { path, .. }
            | Self::Segment { path, .. }
            | Self::BothNames { path, .. }
            | Self::PlainBytes { path, .. }
            | Self::Contents { path, .. }
            | Self::Unindexed { path, .. }
            | Self::Twice { path, .. }
            | Self::Back { path, .. }
            | Self::Ahead { path, .. }
            | Self::Records { path, .. }
            | Self::Unlisted { path, .. }
            | Self::HandedOver { path }
            | Self::Leftover { path }
            | Self::Strange { path }
            | Self::Undeleted { path } => path,
        }
    }

    /// What kind of finding it is, in one word for programs.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NotBegun { .. } => "not_begun",
            Self::NoCheckpoint { .. } => "no_checkpoint",
            Self::Checkpoint { .. } => "checkpoint",
            Self::Unread { .. } => "unread",
            Self::Line { .. } => "line",
            Self::Short { .. } => "short",
            Self::Mark { .. } => "mark",
            Self::Segment { damage, .. } => match damage {
                Damage::Missing => "missing",
                Damage::Length { .. } => "length",
                Damage::Digest { .. } => "digest",
                Damage::Lines { .. } => "lines",
                Damage::Block { .. } => "block",
                _ => "index",
            },
            Self::BothNames { .. } => "both_names",
            Self::PlainBytes { .. } => "plain_bytes",
            Self::Contents { .. } => "contents",
            Self::Unindexed { .. } => "unindexed",
            Self::Twice { .. } => "twice",
            Self::Back { .. } => "back",
            Self::Ahead { .. } => "ahead",
            Self::Records { .. } => "records",
            Self::Unlisted { .. } => "unlisted",
            Self::HandedOver { .. } => "handed_over",
            Self::Leftover { .. } => "leftover",
            Self::Strange { .. } => "strange",
            Self::Undeleted { .. } => "undeleted",
        }
    }
}

fn said(span: Option<&Span>) -> String {
    match span {
        None => "nothing".into(),
        Some(Span {
            first,
            last,
            records,
            times,
            ..
        }) => {
            let times = match times {
                Some(times) => format!(" of {} to {} ms", times.lowest_ms, times.highest_ms),
                None => String::new(),
            };
            format!("{records} records at {first} to {last}{times}")
        }
    }
}
