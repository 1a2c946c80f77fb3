//! Every key that a configuration can have, each in one row.
//!
//! A row says all there is to say of a key: where it may stand, what its value can be, what holds without it, what it
//! means. Reading with all its messages, the tables in `docs/reference/config.md`, `docs/reference/config.schema.json`
//! and the check of `config.example.toml` follow from the rows. A new key is a row here, a field in [`super::built`],
//! and in [`super::check`] the line that fills the field.

use std::time::Duration;

use archiver_format::compression::Algorithm;
use archiver_format::envelope::ValueAs;
use archiver_format::line::Newline;

use super::built::{Corrupt, Existing};
use super::command::Words;
use super::duration::{Aligned, Durations};
use super::key_kind::DefaultValue::{Required, RequiredWithout, Told, Typed};
use super::key_kind::{Key, Row};
use super::listen::Listens;
use super::properties::Properties;
use super::scalar::{Choice, Filled, Integers, Mode, Switch};
use super::size::Sizes;
use super::start::Starts;
use super::table::{List, Named, Section};
use super::table_name::TableName::{self, Archive, Cluster, Defaults, Http, Limits, Rotate, Top};
use super::timezone::Zones;
use super::topic_pattern::Patterns;

/// The file itself.
pub(super) const TOP: Section = section(Top);

const fn section(place: TableName) -> Section {
    Section {
        place,
        keys: || KEYS,
    }
}

/// In `[defaults]`, and in an `[[archive]]` for that archive alone.
const EACH: &[TableName] = &[Defaults, Archive];

/// What `format` says by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lines {
    /// The value.
    Raw,
    /// All of the record.
    Json,
}

const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

const fn hours(count: u64) -> Duration {
    Duration::from_hours(count)
}

macro_rules! keys {
    ($($name:ident: $kind:ty = ($key:literal, $places:expr, $is:expr, $default:expr, $help:literal);)*) => {
        $(pub(super) const $name: Key<$kind> = Key::named($key);)*
        /// All of them.
        pub(super) static KEYS: &[Row] = &[$({
            const KIND: $kind = $is;
            Row { name: $key, places: $places, kind: &KIND, default: $default, help: $help }
        }),*];
    };
}

keys! {
    BROKER: Filled = ("broker", &[Archive], Filled, Required,
        "a bootstrap list `host:port[,host:port...]`, or the name of a `[clusters.NAME]` table");
    TOPIC: Filled = ("topic", &[Archive], Filled, RequiredWithout("topic_pattern"), "one topic");
    TOPIC_PATTERN: Patterns = ("topic_pattern", &[Archive], Patterns, Told("none"),
        "in place of `topic`: a regular expression, which has to match all of a topic's name; each topic that it matches has an archive, also one that is created later, from its first record; needs `{topic}` in `file`");
    FILE: Filled = ("file", &[Archive], Filled, Required,
        "where its records go; may hold `{topic}`, `{name}`, `{partition}`, `{seq:06}`, `{opened:FORMAT}`, `{time:FORMAT}`; parent directories are created; relative to the working directory");
    NAME: Filled = ("name", &[Archive], Filled, Told("the topic"),
        "the archive's name in logs, state and metrics; two archives that would share one must be named; with `topic_pattern` it holds `{topic}`");

    START: Starts = ("start", EACH, Starts, Typed("\"latest\""), "where to begin when there is no checkpoint yet");
    FLUSH: Durations = ("flush", EACH, Durations(ms(10), hours(1)), Typed("\"1s\""),
        "received → in the file and readable, at most");
    CHECKPOINT: Durations = ("checkpoint", EACH, Durations(ms(100), hours(24)), Typed("\"5s\""),
        "how often what was written is made durable: fsync, then the position");
    COMPRESSION: Choice<Algorithm> = ("compression", EACH, Choice(&[
            (Algorithm::None.name(), Algorithm::None, ""),
            (Algorithm::Gzip.name(), Algorithm::Gzip, ""),
            (Algorithm::Zstd.name(), Algorithm::Zstd, ""),
        ]), Told("by the file's ending: `.gz`, `.zst`, else none"), "how the file is compressed");
    COMPRESSION_LEVEL: Integers = ("compression_level", EACH, Integers(1..=19), Typed("1"),
        "how hard; gzip takes no more than 9");
    NEWLINE: Choice<Newline> = ("newline", EACH, Choice(&[
            ("space", Newline::Space, ""),
            ("escape", Newline::Escape, "`\\n`, `\\r` and `\\` as in JSON strings"),
            ("fail", Newline::Fail, "the archive stops before the record"),
        ]), Typed("\"space\""), "what becomes of a newline byte inside a value, with `format = \"raw\"`");
    FORMAT: Choice<Lines> = ("format", EACH, Choice(&[
            ("raw", Lines::Raw, "the value"),
            ("json", Lines::Json, "all of the record, as an object"),
        ]), Typed("\"raw\""), "what a line holds of its record");
    VALUE_AS: Choice<ValueAs> = ("value_as", EACH, Choice(&[
            ("string", ValueAs::String, ""),
            ("json", ValueAs::Json, "as JSON where it is an object, an array, a number, true or false on one line"),
        ]), Typed("\"string\""), "what a value that is JSON becomes, with `format = \"json\"`");
    EXISTING: Choice<Existing> = ("existing", EACH, Choice(&[
            ("refuse", Existing::Refuse, "the archive stops, the file is not touched"),
            ("append", Existing::Append, "records go after what is there"),
        ]), Typed("\"refuse\""), "the file exists and there is no checkpoint for it");
    FILE_MODE: Mode = ("file_mode", EACH, Mode, Told("`\"0640\"`, less the umask"),
        "the mode of files that are created; directories get an x for each r: `\"0640\"` makes them 0750");
    CORRUPT: Choice<Corrupt> = ("corrupt", EACH, Choice(&[
            ("wait", Corrupt::Wait, "its partition waits before it, the others go on"),
            ("skip", Corrupt::Skip, "it is left out, and is a gap"),
        ]), Typed("\"wait\""), "Kafka holds a batch of records damaged");

    ROTATE: Section = ("rotate", EACH, section(Rotate), Told("none"),
        "when a segment is sealed and the next one begun; needs `{seq}` in `file`");
    ROTATE_SIZE: Sizes = ("size", &[Rotate], Sizes(1 << 10), Told("none"),
        "when it has so many bytes on the disk");
    ROTATE_RECORDS: Integers = ("records", &[Rotate], Integers(1..=u32::MAX), Told("none"), "when it has so many records");
    ROTATE_EVERY: Aligned = ("every", &[Rotate], Aligned, Told("none"),
        "at each multiple of this by the clock in `timezone`, counted from midnight");
    ROTATE_IDLE: Durations = ("idle", &[Rotate], Durations(ms(1000), hours(366 * 24)), Told("none"),
        "when no record has come for so long");
    ROTATE_MIN_SIZE: Sizes = ("min_size", &[Rotate], Sizes(1), Told("none"),
        "`every` leaves a segment growing that has fewer bytes");
    KEEP: Durations = ("keep", EACH, Durations(ms(60_000), hours(100 * 366 * 24)), Told("none"),
        "sealed segments whose newest record is older are deleted; needs `{seq}` in `file`");
    KEEP_SIZE: Sizes = ("keep_size", EACH, Sizes(1 << 10), Told("none"),
        "sealed segments are deleted, the oldest first, while all have more bytes on the disk; needs `{seq}` in `file`");
    OPEN_FILES: Integers = ("open_files", EACH, Integers(1..=1000), Typed("16"),
        "with `{partition}` or `{time}` in `file`: how many segments are open for writing at once");
    TIMEZONE: Zones = ("timezone", EACH, Zones, Typed("\"UTC\""),
        "the time zone of `{time}`, `{opened}` and `every`");
    SEAL_ON_STOP: Switch = ("seal_on_stop", EACH, Switch, Typed("false"),
        "a clean stop seals what is growing; needs `{seq}` in `file`");
    INDEX: Switch = ("index", EACH, Switch, Typed("true"),
        "note for each line its partition, offset and timestamp, in the state directory");
    ON_SEAL: Words = ("on_seal", EACH, Words, Told("none"),
        "a command that is run for each sealed segment, with its facts in the environment; needs `{seq}` in `file`");
    ON_SEAL_TIMEOUT: Durations = ("on_seal_timeout", EACH, Durations(ms(1000), hours(24)), Typed("\"5m\""),
        "how long that command may take before it is ended and tried again");

    STALLED_AFTER: Durations = ("stalled_after", EACH, Durations(ms(1000), hours(24)), Typed("\"1m\""),
        "an archive of whose partition no record has come for so long, although records wait there, is shown as stalled");
    ALARM_HEADROOM: Durations = ("alarm_headroom", EACH, Durations(ms(1000), hours(30 * 24)), Typed("\"1h\""),
        "a warning is logged when Kafka's retention will delete records within so long that were not taken yet");

    // Less leaves no room for one large record on its way from a broker to a file.
    MEMORY: Sizes = ("memory", &[Limits], Sizes(16 << 20), Typed("\"256MiB\""),
        "what records may take in memory in the whole process: fetched, waiting and on their way to a file");

    DISK_FREE: Sizes = ("disk_free", &[Limits], Sizes(1 << 10), Told("none"),
        "nothing is taken for a disk that has less than this free, so that others have room there; taking goes on by itself");

    LISTEN: Listens = ("listen", &[Http], Listens, Told("nothing is answered"),
        "where the status page, metrics and `archiver status` are answered");
    TOKEN_FILE: Filled = ("token_file", &[Http], Filled, Told("none"),
        "a file with a secret, which requests must bring: `Authorization: Bearer SECRET`, or as the password of any user");
    ALLOW_REMOTE: Switch = ("allow_remote", &[Http], Switch, Typed("false"),
        "let others than this machine ask without a token");

    CLUSTER_BROKER: Filled = ("broker", &[Cluster], Filled, Required, "`host:port[,host:port...]`");
    COMMIT_GROUP: Filled = ("commit_group", &[Cluster], Filled, Told("none"),
        "the consumer group that durable offsets are committed to; without it nothing is left on the cluster");
    CONNECTIONS: Integers = ("connections", &[Cluster], Integers(1..=64), Told("as many as cores, at most 4"),
        "how many librdkafka clients read");
    CLUSTER_KAFKA: Properties = ("kafka", &[Cluster], Properties, Typed("{}"), "librdkafka properties of this cluster");

    STATE_DIR: Filled = ("state_dir", &[Top], Filled, Told("`.archiver/` beside each archive's file"),
        "where checkpoints and locks live, in a directory named after each archive");
    SHUTDOWN_TIMEOUT: Durations = ("shutdown_timeout", &[Top], Durations(ms(1000), hours(1)), Typed("\"30s\""),
        "the deadline of a clean stop");
    ARCHIVES: List<Section> = ("archive", &[Top],
        List { of: section(Archive), expected: "a list of tables, `[[archive]]`" }, Required, "one topic into one file");
    DEFAULTS: Section = ("defaults", &[Top], section(Defaults), Typed("{}"),
        "what holds for every archive that doesn't say otherwise");
    LIMITS: Section = ("limits", &[Top], section(Limits), Typed("{}"), "what the process may take");
    HTTP: Section = ("http", &[Top], section(Http), Typed("{}"), "the status page and the metrics");
    CLUSTERS: Named = ("clusters", &[Top], Named(section(Cluster)), Typed("{}"), "clusters that archives refer to by name");
    KAFKA: Properties = ("kafka", &[Top], Properties, Typed("{}"), "librdkafka properties for every cluster");
}
