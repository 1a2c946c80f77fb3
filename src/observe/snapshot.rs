//! One picture of the process at a moment: what the page, the metrics, `archiver status` and `/api/status` show.
//!
//! Its JSON is what `/api/status` answers. Fields may be added within a [`VERSION`]; none is taken away, renamed or given
//! another meaning or unit. Units stand at the end of the names; moments are milliseconds since 1970 (`_ms`), and what
//! isn't known, or doesn't apply, is `null`.

use serde::{Deserialize, Serialize};

/// The version of the JSON.
pub const VERSION: u32 = 1;

/// How much of a picture is wanted: with a thousand archives these parts are most of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Detail {
    /// [`Archive::rates`].
    pub rates: bool,
    /// [`Archive::partitions`].
    pub partitions: bool,
}

impl Detail {
    /// All that is known.
    pub const ALL: Self = Self {
        rates: true,
        partitions: true,
    };
}

/// The picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// [`VERSION`].
    pub version: u32,
    /// The process.
    pub process: Process,
    /// All archives together.
    pub totals: Totals,
    /// Each archive that runs, and each that has ended by itself, in the order in which they were started.
    pub archives: Vec<Archive>,
}

/// The process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Process {
    /// The program's version, such as `0.1.0`.
    pub program_version: String,
    /// When the picture was taken, by the wall clock.
    pub now_ms: i64,
    /// When the process began to archive, by the wall clock.
    pub started_ms: i64,
    /// For how long it has run since.
    pub uptime_seconds: f64,
    /// The memory that the kernel has given it (resident), in bytes.
    pub memory_bytes: Option<u64>,
    /// What `[limits] memory` allows for records, in bytes.
    pub memory_limit_bytes: u64,
    /// How long batches took to be written to their files.
    pub flush_duration: Histogram,
    /// How long syncs of files took.
    pub fsync_duration: Histogram,
    /// The clusters that are read.
    pub clusters: Vec<Cluster>,
    /// The devices that data is written to.
    pub disks: Vec<Disk>,
}

/// All archives together.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    /// Records written since the process began, by archives that were stopped too.
    pub records: u64,
    /// Bytes that these have in the files, compressed.
    pub written_bytes: u64,
    /// Records a second, over the last few seconds.
    pub records_per_second: f64,
    /// Bytes a second in the files.
    pub written_bytes_per_second: f64,
    /// Records that wait in Kafka. `null` if that isn't known of an archive that reads, or of none.
    pub lag_records: Option<u64>,
    /// How many archives are in each state.
    pub states: States,
}

/// How many archives are in each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct States {
    /// See [`State::Starting`].
    pub starting: u64,
    /// See [`State::Running`].
    pub running: u64,
    /// See [`State::CaughtUp`].
    pub caught_up: u64,
    /// See [`State::Waiting`].
    pub waiting: u64,
    /// See [`State::Stalled`].
    pub stalled: u64,
    /// See [`State::Stopped`].
    pub stopped: u64,
    /// See [`State::Done`].
    pub done: u64,
}

/// What an archive is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It finds out where it goes on.
    Starting,
    /// It takes records, and more are there.
    Running,
    /// It takes records, and has taken all that was there a few seconds ago.
    CaughtUp,
    /// It can't go on for the moment and tries again by itself.
    Waiting,
    /// It should take records, and none come.
    Stalled,
    /// It can't go on until somebody does something.
    Stopped,
    /// It has ended because archiver was asked to stop.
    Done,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Starting,
        Self::Running,
        Self::CaughtUp,
        Self::Waiting,
        Self::Stalled,
        Self::Stopped,
        Self::Done,
    ];

    /// As it stands in the JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::CaughtUp => "caught_up",
            Self::Waiting => "waiting",
            Self::Stalled => "stalled",
            Self::Stopped => "stopped",
            Self::Done => "done",
        }
    }

    /// As people read it.
    pub const fn words(self) -> &'static str {
        match self {
            Self::CaughtUp => "caught up",
            other => other.name(),
        }
    }
}

/// One archive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Archive {
    /// Its name, which no other has.
    pub name: String,
    /// The name of its cluster: of the table in the configuration, or the bootstrap list as typed.
    pub cluster: String,
    /// Its topic.
    pub topic: String,
    /// Its file, or the template of its segments' paths.
    pub file: String,
    /// What it is doing.
    pub state: State,
    /// Since when, by the wall clock.
    pub state_since_ms: Option<i64>,
    /// Why it waits, has stalled or stopped, and what can be done about it.
    pub why: Option<String>,
    /// It has been assigned its partitions, its cluster answers, and it makes checkpoints; or it is done.
    pub is_ready: bool,
    /// Records written since the process began.
    pub records: u64,
    /// Bytes that these have as lines, before compression.
    pub plain_bytes: u64,
    /// Bytes that these have in the files.
    pub written_bytes: u64,
    /// Records a second, over the last few seconds.
    pub records_per_second: f64,
    /// Bytes a second, as lines.
    pub plain_bytes_per_second: f64,
    /// Bytes a second, in the files.
    pub written_bytes_per_second: f64,
    /// The rates of the last minutes, if wanted.
    pub rates: Option<Rates>,
    /// Records that wait in Kafka, as of the last look a few seconds ago. `null` while the cluster doesn't answer.
    pub lag_records: Option<u64>,
    /// About how old the oldest of those is; 0 if there is none, `null` if that isn't known.
    pub lag_seconds: Option<f64>,
    /// In about how long Kafka will delete records that were not taken yet, if all goes on like this. `null` if that is
    /// not to be expected.
    pub retention_headroom_seconds: Option<f64>,
    /// That is sooner than `alarm_headroom`.
    pub is_overtaken_soon: bool,
    /// Bytes that its segments have on the disk, those of earlier runs too.
    pub disk_bytes: Option<u64>,
    /// How many times larger the lines were than what was written of them since the process began.
    pub compression_ratio: Option<f64>,
    /// When something was written last, by the wall clock.
    pub last_flush_ms: Option<i64>,
    /// When a checkpoint was stored last, by the wall clock.
    pub last_checkpoint_ms: Option<i64>,
    /// For how long something that is in the files has been in no checkpoint; 0 if nothing is.
    pub checkpoint_age_seconds: Option<f64>,
    /// How many segments are open.
    pub segments_open: Option<u64>,
    /// How many segments were sealed since the process began.
    pub segments_sealed: u64,
    /// How many sealed segments wait to be handed over to `on_seal`.
    pub segments_to_hand_over: u64,
    /// What was lost in Kafka before it was taken, since the process began.
    pub gaps: Gaps,
    /// What went wrong last since the process began, also if it is over.
    pub last_error: Option<Error>,
    /// How often something went wrong, by kind.
    pub errors: Vec<Errors>,
    /// Each partition, if wanted.
    pub partitions: Option<Vec<Partition>>,
}

impl Archive {
    /// Does it need nobody's look?
    pub const fn is_well(&self) -> bool {
        let is_bad = matches!(self.state, State::Waiting | State::Stalled | State::Stopped);
        !is_bad && !self.is_overtaken_soon
    }
}

/// The rates of the last minutes, oldest first. All lists are of one length.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rates {
    /// How many seconds each point stands for.
    pub step_seconds: u64,
    /// Records a second.
    pub records_per_second: Vec<u64>,
    /// Bytes a second, as lines.
    pub plain_bytes_per_second: Vec<u64>,
}

/// Offsets that will never be in an archive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gaps {
    /// How many gaps.
    pub count: u64,
    /// How many offsets are in them, where that is known: at most so many records.
    pub records: u64,
}

/// Something that went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Error {
    /// When, by the wall clock.
    pub at_ms: i64,
    /// What, as it stood in the log.
    pub text: String,
}

/// How often one kind of error was met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Errors {
    /// Which: `kafka`, `disk`, `checkpoint` and so on; a fixed list.
    pub kind: String,
    /// How often, since the process began.
    pub count: u64,
}

/// One partition of an archive's topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partition {
    /// Its number.
    pub partition: i32,
    /// The offset to take next.
    pub next_offset: i64,
    /// The first offset that Kafka still has.
    pub log_start: Option<i64>,
    /// The offset behind the last that may be read.
    pub log_end: Option<i64>,
    /// How many offsets are between the next and the end.
    pub lag_records: Option<u64>,
}

/// A cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// Its name; see [`Archive::cluster`].
    pub name: String,
    /// Why none of it answers, if that is so.
    pub trouble: Option<String>,
    /// Its brokers, as far as they are known.
    pub brokers: Vec<Broker>,
}

/// A broker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Broker {
    /// `host:port/number`.
    pub name: String,
    /// Can it be reached?
    pub is_up: bool,
    /// For how long it has held back answers since the process began, as it found that too much was asked, in
    /// milliseconds.
    pub throttled_ms: Option<u64>,
}

/// A device that data is written to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Disk {
    /// A path on it: the directory of the first archive that writes there.
    pub path: String,
    /// How many bytes are free.
    pub free_bytes: u64,
    /// How many bytes a second became fewer over the last minutes.
    pub filling_bytes_per_second: f64,
    /// In about how long nothing, or no more than `disk_free`, is left, if all goes on like this. `null` if that is not
    /// to be expected.
    pub full_in_seconds: Option<f64>,
    /// No more than `disk_free` is left: nothing is written to it.
    pub is_low: bool,
}

/// A disk that is full sooner needs a look.
const FULL_SOON_SECONDS: f64 = 3600.0;

impl Disk {
    /// Does it need nobody's look?
    pub fn is_well(&self) -> bool {
        let is_full_soon = |seconds: f64| seconds < FULL_SOON_SECONDS;
        !self.is_low && !self.full_in_seconds.is_some_and(is_full_soon)
    }
}

/// How many times something took how long.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// The upper bounds of the classes, in seconds, in ascending order; the last class has none.
    pub bounds_seconds: Vec<f64>,
    /// How many there were in each class: one more than the bounds.
    pub counts: Vec<u64>,
    /// How long all took together.
    pub sum_seconds: f64,
}
