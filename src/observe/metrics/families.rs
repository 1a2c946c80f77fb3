//! Every metric, in one row: its name, what it is, its labels and its meaning.

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It only grows, and begins at zero with the process.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Durations in classes.
    Histogram,
}

impl Kind {
    /// As Prometheus calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// A metric with all its labels.
#[derive(Debug)]
pub struct Family {
    /// With the unit at its end, and `_total` behind that if it is a counter.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// What it means, in a sentence without a full stop.
    pub help: &'static str,
}

const NONE: &[&str] = &[];
const EACH: &[&str] = &["archive", "cluster"];
const BROKER: &[&str] = &["cluster", "broker"];
const DISK: &[&str] = &["path"];
const PARTITION: &[&str] = &["archive", "cluster", "partition"];

macro_rules! families {
    ($($name:ident = ($metric:literal, $kind:ident, $labels:expr, $help:literal);)*) => {
        $(pub const $name: Family = Family {
            name: $metric, kind: Kind::$kind, labels: $labels, help: $help,
        };)*
        /// All of them, in the order in which they are written.
        pub const ALL: &[Family] = &[$($name),*];
    };
}

families! {
    BUILD_INFO = ("archiver_build_info", Gauge, &["version"], "Always 1; the label is the program's version");
    START_TIME = ("archiver_start_time_seconds", Gauge, NONE, "When the process began to archive, in seconds since 1970");
    MEMORY = ("archiver_memory_bytes", Gauge, NONE, "Memory that the kernel has given the process (resident)");
    MEMORY_LIMIT = ("archiver_memory_limit_bytes", Gauge, NONE, "What [limits] memory allows for records");
    FLUSH_DURATION = ("archiver_flush_duration_seconds", Histogram, NONE,
        "How long batches took to be written to their files, of all archives");
    FSYNC_DURATION = ("archiver_fsync_duration_seconds", Histogram, NONE,
        "How long syncs took, each of all files of a device that wait for one");
    CLUSTER_UP = ("archiver_cluster_up", Gauge, &["cluster"], "1 if the cluster answers, 0 if it can't be used");
    BROKER_UP = ("archiver_broker_up", Gauge, BROKER, "1 if the broker can be reached, 0 if not; that it can again is known after up to 75 seconds");
    BROKER_THROTTLE = ("archiver_broker_throttle_seconds_total", Counter, BROKER,
        "For how long a broker has held back its answers, as it found that too much was asked");
    DISK_FREE = ("archiver_disk_free_bytes", Gauge, DISK, "How much is free on a disk that data is written to");
    DISK_LOW = ("archiver_disk_low", Gauge, DISK, "1 while a disk has less free than [limits] disk_free, and nothing is taken for it");
    DISK_FULL_IN = ("archiver_disk_full_in_seconds", Gauge, DISK,
        "In about how long a disk is full, or has no more than disk_free free, if all goes on like this; absent if that is not to be expected");
    RECORDS = ("archiver_records_total", Counter, EACH, "Records written to files, those that had to be written again too");
    BYTES = ("archiver_bytes_total", Counter, EACH, "Bytes of these as lines, before compression");
    WRITTEN_BYTES = ("archiver_written_bytes_total", Counter, EACH, "Bytes of these in the files, compressed");
    LAG_RECORDS = ("archiver_lag_records", Gauge, EACH, "Records that wait in Kafka; absent while it isn't known");
    LAG_SECONDS = ("archiver_lag_seconds", Gauge, EACH, "About how old the oldest of those is, 0 if none waits; absent while it isn't known");
    RETENTION_HEADROOM = ("archiver_retention_headroom_seconds", Gauge, EACH,
        "In about how long Kafka will delete records that were not taken yet, if all goes on like this; absent if that is not to be expected");
    RETENTION_ALARM = ("archiver_retention_alarm", Gauge, EACH, "1 while that is sooner than alarm_headroom");
    LAST_FLUSH = ("archiver_last_flush_timestamp_seconds", Gauge, EACH, "When records were written last, in seconds since 1970; absent before");
    LAST_CHECKPOINT = ("archiver_last_checkpoint_timestamp_seconds", Gauge, EACH,
        "When a checkpoint was stored last, in seconds since 1970; absent before");
    CHECKPOINT_AGE = ("archiver_checkpoint_age_seconds", Gauge, EACH,
        "For how long something in the files has been in no checkpoint; 0 if all of it is in one");
    SIZE = ("archiver_archive_size_bytes", Gauge, EACH, "What an archive's segments take up on the disk");
    SEGMENTS_OPEN = ("archiver_segments_open", Gauge, EACH, "Segments that are being written");
    SEGMENTS_SEALED = ("archiver_segments_sealed_total", Counter, EACH, "Segments that were sealed");
    SEGMENTS_WAITING = ("archiver_segments_to_hand_over", Gauge, EACH, "Sealed segments that wait for on_seal");
    GAPS = ("archiver_gaps_total", Counter, EACH, "Gaps: places of which Kafka lost or deleted records before they were taken");
    GAP_RECORDS = ("archiver_gap_records_total", Counter, EACH, "Offsets in gaps, where it is known how many: at most so many records");
    STATE = ("archiver_archive_state", Gauge, &["archive", "cluster", "state"],
        "1 for the state that an archive is in, 0 for each other one");
    ERRORS = ("archiver_errors_total", Counter, &["archive", "cluster", "kind"],
        "How often an archive began to wait, stalled or stopped, by what it had to do with; absent where it never did");
    PARTITION_NEXT = ("archiver_partition_next_offset", Gauge, PARTITION, "The offset that is taken next");
    PARTITION_START = ("archiver_partition_log_start_offset", Gauge, PARTITION, "The first offset that Kafka still has");
    PARTITION_END = ("archiver_partition_log_end_offset", Gauge, PARTITION, "The offset behind the last that may be read");
    PARTITION_LAG = ("archiver_partition_lag_records", Gauge, PARTITION, "Records of the partition that wait in Kafka");
}
