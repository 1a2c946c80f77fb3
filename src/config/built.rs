//! What stands in a configuration, once it is checked as a whole.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use archiver_format::compression::Compression;
use archiver_format::line::Format;
use archiver_format::template::Template;

use crate::moment::Moment;
use crate::world::fs::real::FileMode;

/// Something of a configuration that was checked as a whole: made by [`load`](super::load) alone, changed by nobody.
#[derive(Debug, PartialEq, Eq)]
pub struct Checked<T>(Arc<T>);

impl<T> Checked<T> {
    pub(super) fn new(value: T) -> Self {
        Self(Arc::new(value))
    }
}

impl<T> Clone for Checked<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Deref for Checked<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// One Kafka cluster and how to talk to it.
#[derive(Clone, PartialEq, Eq)]
pub struct Cluster {
    /// The `[clusters.NAME]` table's name, or the bootstrap list as typed.
    pub name: String,
    /// `host:port[,host:port…]`.
    pub bootstrap: String,
    /// The group that next offsets are committed to, if any.
    pub commit_group: Option<String>,
    /// How many librdkafka clients read; `None` leaves the choice to the program.
    pub connections: Option<NonZeroUsize>,
    /// librdkafka properties; may hold secrets, so never printed.
    pub properties: BTreeMap<String, String>,
    /// By the properties that name files: digests of what these held when the configuration was read.
    pub named_files: BTreeMap<String, u64>,
}

impl fmt::Debug for Cluster {
    /// The properties' names only: their values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster")
            .field("name", &self.name)
            .field("bootstrap", &self.bootstrap)
            .field("commit_group", &self.commit_group)
            .field("connections", &self.connections)
            .field("properties", &self.properties.keys())
            .finish()
    }
}

/// One (cluster, topic, file) triple. Equal to another when nothing about it differs, its cluster included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    /// Names the archive in logs, state and metrics; unique.
    pub name: String,
    /// Where the topic is.
    pub cluster: Checked<Cluster>,
    /// The topic's name.
    pub topic: String,
    /// Where the records go: the one file, or the names of its segments as typed, with topic and name filled in.
    pub file: PathBuf,
    /// The paths of its segments. Without a placeholder it is `file`, the only one.
    pub template: Template,
    /// When a segment ends. Each has a number in its path if any does.
    pub rotation: Rotation,
    /// Which sealed segments are deleted.
    pub retention: Retention,
    /// How many segments may be open for writing.
    pub open_files: usize,
    /// A clean stop seals what is growing.
    pub seal_on_stop: bool,
    /// Each segment has an index.
    pub index: bool,
    /// What each sealed segment is handed over to, if anything.
    pub on_seal: Option<OnSeal>,
    /// The directory that holds this archive's checkpoint, lock and gaps.
    pub state: PathBuf,
    /// Where to begin when there is no checkpoint.
    pub start: Start,
    /// If it is known, the id of the only topic that `start` holds for: one that has its name since begins at its first
    /// record.
    pub start_of: Option<String>,
    /// Received → in the file and readable, at most.
    pub flush: Duration,
    /// How often what was written is made durable.
    pub checkpoint: Duration,
    /// How the file is compressed, and how hard.
    pub compression: Compression,
    /// What a line holds of its record.
    pub format: Format,
    /// What to do with a file that has no checkpoint.
    pub existing: Existing,
    /// The mode of what is created; `None` is the usual one, less the umask.
    pub file_mode: Option<FileMode>,
    /// What to do about records that Kafka holds damaged.
    pub corrupt: Corrupt,
    /// For how long nothing may come although something waits.
    pub stalled_after: Duration,
    /// Within how long retention must not overtake it unsaid.
    pub alarm_headroom: Duration,
}

/// When a segment is sealed and the next one begun: whatever comes first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rotation {
    /// It has so many bytes on the disk.
    pub bytes: Option<u64>,
    /// It has so many records.
    pub records: Option<u64>,
    /// The clock in the template's zone has reached a multiple of this, counted from midnight. It divides a day, or is
    /// whole days.
    pub every: Option<Duration>,
    /// No record has come for so long.
    pub idle: Option<Duration>,
    /// With fewer bytes on the disk `every` leaves it growing.
    pub bytes_min: u64,
}

/// A command that is run for each sealed segment.
#[derive(Clone, PartialEq, Eq)]
pub struct OnSeal {
    /// The program and its arguments; at least one, and the first isn't empty. May hold secrets, so never printed.
    pub words: Vec<String>,
    /// How long it may take.
    pub timeout: Duration,
}

impl fmt::Debug for OnSeal {
    /// The program only: an argument may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnSeal")
            .field("program", &self.words.first())
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

impl Archive {
    /// How many segments may be open at a time. One more may be sealed, and not counted by a checkpoint yet.
    pub fn open_segments_max(&self) -> usize {
        match self.template.by_partition() || self.template.by_time() {
            true => self.open_files + 1,
            false => 1 + usize::from(self.template.has_sequence()),
        }
    }

    /// Is it that archive, as it is? Where it began is no matter any more.
    pub fn goes_on_as(&self, other: &Self) -> bool {
        let began_there = Self {
            start: other.start,
            start_of: other.start_of.clone(),
            ..self.clone()
        };
        began_there == *other
    }

    /// The name of what a line is.
    pub fn format_name(&self) -> &'static str {
        self.format.name()
    }
}

impl Rotation {
    /// Does no segment ever end?
    pub fn is_never(&self) -> bool {
        let Self {
            bytes,
            records,
            every,
            idle,
            bytes_min: _,
        } = self;
        bytes.is_none() && records.is_none() && every.is_none() && idle.is_none()
    }
}

/// Which sealed segments are kept. What is beyond either is deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retention {
    /// Those with a record that is younger.
    pub age: Option<Duration>,
    /// As many of the newest as have so many bytes together, with those that are open.
    pub bytes: Option<u64>,
}

impl Retention {
    /// Is everything kept?
    pub fn is_endless(&self) -> bool {
        *self == Self::default()
    }
}

/// Where an archive without a checkpoint begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// After the last record that is there now.
    Latest,
    /// At the first record that Kafka still holds.
    Earliest,
    /// With so many records of each partition that are there now, at most.
    Last(u64),
    /// At the first record of each partition with this timestamp or a later one; after the last if there is none.
    Since(Moment),
}

/// What to do with a file that exists and has no checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// The archive stops; the file is not touched.
    Refuse,
    /// Records go after what is there.
    Append,
}

/// What to do about a batch of records that Kafka holds damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Corrupt {
    /// Its partition waits before it, until it can be read.
    Wait,
    /// It is left out, and is a gap.
    Skip,
}

/// Values that no file can have, such as intervals that are shorter than anybody should want.
#[cfg(test)]
mod for_tests {
    use super::super::load::load_text;
    use super::*;

    impl<T> Checked<T> {
        /// Takes the value for checked.
        pub fn for_tests(value: T) -> Self {
            Self::new(value)
        }
    }

    impl OnSeal {
        /// A command that a simulation runs.
        pub fn for_tests() -> Self {
            Self {
                words: vec!["upload".into()],
                timeout: Duration::from_secs(2),
            }
        }
    }

    impl Archive {
        /// What a file of three keys makes, to change from there.
        pub fn for_tests() -> Self {
            let text =
                "[[archive]]\nbroker = \"nowhere:1\"\ntopic = \"t\"\nfile = \"not-there/t\"\n";
            let config = load_text("the configuration of a test", text, &|_| None);
            let config = config.unwrap_or_else(|error| panic!("{error}"));
            (*config.archives[0]).clone()
        }
    }
}
