//! Reasons: why an archive waits or has stopped, each as a type, and in the words that an operator reads.
//!
//! A reason doesn't say whether it can heal by itself: a file that can't be read may be back in a moment, or never. The
//! code that gives the reason decides that.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use archiver_format::compression::Algorithm;
use archiver_format::line::{NewlineInValue, RefusedRecord, UnreadableHeaders};
use archiver_format::record::Partition;

use crate::ledger::append_file::Refused;
use crate::ledger::lock::LockError;
use crate::ledger::{LoadError, PAGE, REMEDY};
use crate::segment::writer::WriteError;
use crate::source::cluster::KafkaError;
use crate::terminal::bytes;
use crate::world::fs::NotOwn;

/// Why an archive waits, or has stopped.
#[derive(Debug, thiserror::Error)]
pub enum Reason {
    /// Kafka has no such topic.
    #[error(
        "topic {topic} doesn't exist on {cluster}; it will be read from its beginning when it is created"
    )]
    NoTopic { topic: String, cluster: String },
    /// Kafka doesn't let this user read it.
    #[error(
        "{doing} topic {topic} on {cluster}: {error}; the user needs READ and DESCRIBE on the topic"
    )]
    Denied {
        doing: String,
        topic: String,
        cluster: String,
        error: KafkaError,
    },
    /// Kafka said something else, or nothing.
    #[error("{doing} topic {topic} on {cluster}: {error}")]
    Kafka {
        doing: String,
        topic: String,
        cluster: String,
        error: KafkaError,
    },
    /// A broker describes the topic as it was before.
    #[error("the brokers don't know of all partitions of topic {topic} yet")]
    PartitionsUnknown { topic: String },
    /// The topic was created again: the next attempt lists the gaps and starts on the new one.
    #[error("topic {topic} was deleted and created again")]
    Recreated { topic: String },
    /// The same, and records that were read may be of either topic.
    #[error(
        "topic {topic} was deleted and created again, and what was read since the last checkpoint may be of either; it \
         goes into an unverified- file beside that checkpoint, and reading goes on from there"
    )]
    RecreatedWhileRead { topic: String },
    /// The topic that a window is of is gone, or another one has its name.
    #[error(
        "topic {topic} was deleted; the files hold what was captured of it before that; to capture what has its name \
         now, choose another output"
    )]
    WindowGone { topic: String },
    /// No broker said before a stop whether the topic is the one that was read.
    #[error("asking whether topic {topic} is the one that was read: {error}")]
    TopicUnsure { topic: String, error: KafkaError },
    /// Another cluster answers at the address while its topic is read.
    #[error(
        "{cluster} is cluster {found} now, not {expected}; what was read since the last checkpoint may be of either, and \
         is not counted"
    )]
    ClusterChanged {
        cluster: String,
        found: String,
        expected: String,
    },
    /// Another cluster answers at the address than the one that the checkpoint is of.
    #[error(
        "the checkpoint in {} is of cluster {expected}, but {cluster} is cluster {found}; give this archive another name \
         and file, or the old cluster's address",
        state.display()
    )]
    OtherCluster {
        state: PathBuf,
        cluster: String,
        expected: String,
        found: String,
    },
    /// Nothing comes although something waits.
    #[error(
        "nothing of topic {topic} has come from {cluster} for {} s, although records wait there (partition \
         {partition}{}){}; it goes on when they come",
        silent.as_secs(),
        match partitions { 0 | 1 => String::new(), more => format!(" and {} others", more - 1) },
        said.as_ref().map_or_else(String::new, |said| format!(": {said}")),
    )]
    Silent {
        topic: String,
        cluster: String,
        partition: Partition,
        partitions: usize,
        silent: Duration,
        said: Option<String>,
    },
    /// The system has no thread for an archive's work.
    #[error(
        "starting a thread for {}: {source}; raise the limit of processes (ulimit -u)",
        file.display()
    )]
    NoThread { file: PathBuf, source: io::Error },
    /// A call to a disk has not returned.
    #[error("the disk of {} has not answered for {} s", path.display(), silent.as_secs())]
    DiskHangs { path: PathBuf, silent: Duration },
    /// A disk has not as much free as is to be left.
    #[error(
        "the disk of {} has less than {} free, which disk_free leaves to others; it goes on when there is room",
        path.display(), bytes(*floor_bytes)
    )]
    DiskLow { path: PathBuf, floor_bytes: u64 },
    /// A call to a disk failed, for the moment.
    #[error("{doing}: {source}")]
    Disk { doing: String, source: io::Error },
    /// An archive's file can't be opened, for the moment.
    #[error("opening {0}")]
    Opening(Refused),
    /// Records that were written could not be made durable.
    #[error("syncing {0}; going back to the last checkpoint")]
    Syncing(Refused),
    /// A batch could not be written.
    #[error(transparent)]
    Writing(WriteError),
    /// A checkpoint could not be stored while reading.
    #[error("storing the checkpoint for {}: {source}; going back to the last one", file.display())]
    Storing { file: PathBuf, source: io::Error },
    /// The checkpoint can't be used.
    #[error(transparent)]
    Checkpoint(#[from] LoadError),
    /// The checkpoint was there a moment before.
    #[error(
        "the checkpoint in {} is gone, which was there while this archiver ran (removed, or its disk unmounted); put it \
         back together with {}, or move both away to begin anew; then start archiver again",
        state.display(), file.display()
    )]
    CheckpointGone { state: PathBuf, file: PathBuf },
    /// The state is of a capture.
    #[error(
        "the state directory {} is of a capture, which ends and may be overwritten; give this archive another name and \
         file, or move both that directory and {} away to begin anew; then start archiver again",
        state.display(), file.display()
    )]
    OfCapture { state: PathBuf, file: PathBuf },
    /// Something else is in the place of the state directory.
    #[error(
        "the state directory {} can't be used: it, or .archiver above it: {found}; put a directory in its place, or name \
         another with state_dir; see {PAGE}",
        state.display()
    )]
    StateNotOwn { state: PathBuf, found: NotOwn },
    /// Another archiver has the archive.
    #[error(transparent)]
    Locked(#[from] LockError),
    /// The file is another archive's.
    #[error(
        "{0}; give this archive a file of its own, or move that directory away to begin after what is there"
    )]
    Owned(Refused),
    /// The file doesn't fit the checkpoint; `moved` is the path in the checkpoint, if that is another one.
    #[error(
        "{refused}{}; put the file back as archiver wrote it, or move both it and {} away to begin anew; then start \
         archiver again; see {PAGE}",
        moved.as_ref().map_or_else(String::new, |file| format!(" (the checkpoint is of {file})")), state.display()
    )]
    Foreign {
        refused: Refused,
        moved: Option<String>,
        state: PathBuf,
    },
    /// The checkpoint is of another topic, or of a file compressed otherwise.
    #[error(
        "the checkpoint in {} is of {what} {expected}, but {what} {found} is configured; give this archive another name \
         and file, or the old {what}",
        state.display()
    )]
    OtherIdentity {
        state: PathBuf,
        what: &'static str,
        expected: String,
        found: String,
    },
    /// The checkpoint is of another archive.
    #[error(
        "the checkpoint in {} is of archive {stored_name}, file {stored_file}, but this is archive {name}, file {}; \
         {REMEDY}; see {PAGE}",
        state.display(), file.display()
    )]
    OtherArchive {
        state: PathBuf,
        stored_name: String,
        stored_file: String,
        name: String,
        file: PathBuf,
    },
    /// A directory, a pipe or the like is in the place of the data file.
    #[error("{} is not a file", file.display())]
    NotAFile { file: PathBuf },
    /// There is a file and no checkpoint.
    #[error(
        "{} exists ({length} bytes) and archiver has no checkpoint for it; if this archive wrote it, bring the checkpoint \
         back, which would be in {}; else move it away, or, only if something else wrote it, set existing = \"append\" to \
         write after what is there",
        file.display(), state.display()
    )]
    FileExists {
        file: PathBuf,
        length: u64,
        state: PathBuf,
    },
    /// There is a manifest or a list of gaps, and no checkpoint.
    #[error(
        "{} exists and archiver has no checkpoint for it; bring the checkpoint back, or move the list away; see {PAGE}",
        path.display()
    )]
    ListExists { path: PathBuf },
    /// A file that is to be appended to ends in the middle of a line or member, or is compressed otherwise.
    #[error(
        "{} can't be appended to: it is not whole {}: {source}; move it away or mend it",
        file.display(), algorithm.made_of()
    )]
    NotWhole {
        file: PathBuf,
        algorithm: Algorithm,
        source: io::Error,
    },
    /// A value has a newline in it.
    #[error(
        "{0}, and newline = \"fail\" is configured; set newline to \"space\" or \"escape\" to go on from there"
    )]
    Newline(NewlineInValue),
    /// Headers that the client can't unpack.
    #[error(
        "{0}; everything before that record is in the file, and only an archive with format = \"raw\", which has no \
         headers, goes on behind it"
    )]
    Headers(UnreadableHeaders),
    /// The archive's task panicked; the panic's own message is in the log already.
    #[error("a fault in the program; please report it, and start archiver again")]
    Panicked,
}

impl Reason {
    /// What it has to do with, in a word: the kinds of errors in metrics.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NoTopic { .. }
            | Self::Denied { .. }
            | Self::Kafka { .. }
            | Self::PartitionsUnknown { .. }
            | Self::TopicUnsure { .. }
            | Self::ClusterChanged { .. } => "kafka",
            Self::Recreated { .. } | Self::RecreatedWhileRead { .. } | Self::WindowGone { .. } => {
                "recreated"
            }
            Self::Silent { .. } => "stalled",
            Self::NoThread { .. } => "threads",
            Self::DiskHangs { .. }
            | Self::DiskLow { .. }
            | Self::Disk { .. }
            | Self::Opening(_)
            | Self::Syncing(_)
            | Self::Writing(_)
            | Self::Storing { .. } => "disk",
            Self::Checkpoint(_)
            | Self::CheckpointGone { .. }
            | Self::OfCapture { .. }
            | Self::StateNotOwn { .. }
            | Self::OtherCluster { .. }
            | Self::OtherIdentity { .. }
            | Self::OtherArchive { .. }
            | Self::Locked(_)
            | Self::Owned(_) => "state",
            Self::Foreign { .. }
            | Self::NotAFile { .. }
            | Self::FileExists { .. }
            | Self::ListExists { .. }
            | Self::NotWhole { .. } => "file",
            Self::Newline(_) | Self::Headers(_) => "record",
            Self::Panicked => "panic",
        }
    }
}

impl From<RefusedRecord> for Reason {
    fn from(refused: RefusedRecord) -> Self {
        match refused {
            RefusedRecord::Newline(at) => Self::Newline(at),
            RefusedRecord::Headers(at) => Self::Headers(at),
        }
    }
}

/// Two reasons in the same words are equal: the second is no news.
impl PartialEq for Reason {
    fn eq(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
            && self.to_string() == other.to_string()
    }
}

impl Eq for Reason {}
