//! The flags of `archiver replay`, and what they mean.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::cli::{UsageError, usage};
use crate::commands::connection::{Connection, pair};
use crate::config::Cluster;
use crate::moment::{Moment, Zone, parse_duration};
use crate::replay::TopicMap;
use crate::replay::input::{self, FileFormat, OnBad, Shape, TypedAs};
use crate::replay::player::{Manner, WhenLate};
use crate::replay::sending::{OnRefused, Partitions, Sending, Timestamps};
use crate::replay::speed::Pace;
use crate::source::kafka::NewTopic;
use crate::world::clock::{Clock as _, RealClock};

/// What to replay, how fast, and where.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub struct Args {
    /// Archives of the configuration, directories with .archiver in them, files, or - for standard input
    #[arg(value_name = "NAME|FILE")]
    pub(super) inputs: Vec<String>,
    #[command(flatten)]
    pub(super) connection: Connection,
    /// The topic to send a single input to, instead of its own or the one that its file is called
    #[arg(short, long, value_name = "TOPIC")]
    pub(super) topic: Option<String>,
    /// Send to topics by other names: 'prod-(.*)=test-$1', for whole names; the first that fits counts
    #[arg(long, value_name = "REGEX=NAME")]
    pub(super) topic_map: Vec<TopicMap>,
    /// Make topics that don't exist: partitions=N,replication=N,KEY=VALUE…
    #[arg(long, value_name = "…", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub(super) create_topics: Option<String>,

    #[command(flatten)]
    rows: Rows,
    /// Only records of this time or later
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    since: Option<String>,
    /// Only records before this time
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    until: Option<String>,
    /// So many records at most
    #[arg(long, value_name = "N")]
    pub(super) limit: Option<u64>,

    #[command(flatten)]
    clock: Clock,
    #[command(flatten)]
    sent: Sent,
    #[command(flatten)]
    pub(super) place: Placed,

    /// Show the schedule, check the topics, and send nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Report as one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

/// How rows of files become records.
#[derive(Debug, clap::Args)]
struct Rows {
    /// How files are read, if their first line doesn't show it
    #[arg(long, value_name = "FORMAT", value_parser = one_of::<FileFormat>(&["csv", "tsv", "ndjson"]))]
    input_format: Option<FileFormat>,
    /// The field or the column with the time, with dots: meta.ts; else it is found
    #[arg(long, value_name = "FIELD")]
    time_field: Option<String>,
    /// The field or the column that is the key
    #[arg(long, value_name = "FIELD")]
    key: Option<String>,
    /// The value of a table's row: an object, or {"<time>": value} of two columns
    #[arg(long, value_name = "SHAPE", default_value = "object", value_parser = one_of::<Shape>(&["object", "pair"]))]
    shape: Shape,
    /// The zone whose clock is meant by times that don't say it, instead of this machine's
    #[arg(long, value_name = "ZONE")]
    timezone: Option<Zone>,
    /// What to do with a row that can't be used
    #[arg(long, value_name = "WHAT", default_value = "stop", value_parser = one_of::<OnBad>(&["stop", "skip", "send-raw"]))]
    on_bad: OnBad,
}

/// When records are due.
#[derive(Debug, clap::Args)]
struct Clock {
    /// So many times as fast as it was, or max
    #[arg(
        long,
        value_name = "F|max",
        default_value = "1",
        allow_negative_numbers = true
    )]
    speed: Pace,
    /// So many records a second, whatever their times
    #[arg(long, value_name = "N", allow_negative_numbers = true, conflicts_with = "speed", value_parser = clap::value_parser!(u64).range(1..))]
    rate: Option<u64>,
    /// The first record is due at this time, or after a while: +10s
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    start_at: Option<String>,
    /// So many rounds, one behind the other
    #[arg(long = "loop", value_name = "N", default_value = "1", value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// No pause is longer than this
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    max_pause: Option<Duration>,
    /// What to do where records are sent late
    #[arg(long, value_name = "WHAT", default_value = "catch-up", value_parser = one_of::<WhenLate>(&["catch-up", "stretch", "fail"]))]
    when_late: WhenLate,
    /// What is late, for stretch and fail
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "100ms")]
    late_after: Duration,
}

/// What is sent.
#[derive(Debug, clap::Args)]
struct Sent {
    /// The timestamps of what is sent
    #[arg(long, value_name = "WHICH", default_value = "keep", value_parser = one_of::<Timestamps>(&["keep", "now", "shift"]))]
    timestamps: Timestamps,
    /// The partitions of what is sent; else the one that each was in, where that is known
    #[arg(long, value_name = "WHICH", value_parser = one_of::<Partitions>(&["keep", "key", "spread"]))]
    partition: Option<Partitions>,
    /// none, gzip, snappy, lz4 or zstd
    #[arg(long, value_name = "CODEC", value_parser = ["none", "gzip", "snappy", "lz4", "zstd"])]
    compression: Option<String>,
    /// What to do with a record that is refused for good
    #[arg(long, value_name = "WHAT", default_value = "stop", value_parser = one_of::<OnRefused>(&["stop", "skip"]))]
    on_refused: OnRefused,
}

/// Where it goes on after a crash.
#[derive(Debug, clap::Args)]
pub(super) struct Placed {
    /// Go on with the same replay after it was interrupted
    #[arg(long)]
    pub(super) resume: bool,
    /// In transactions: nothing is ever there twice, for who reads what is committed
    #[arg(long)]
    pub(super) exactly_once: bool,
    /// How long a transaction lasts; what it holds is seen at once, at its end
    #[arg(long, value_name = "DURATION", value_parser = duration, requires = "exactly_once")]
    transaction: Option<Duration>,
    /// The name of this replay: of its place, and of its consumer group with --exactly-once
    #[arg(long, value_name = "NAME", value_parser = name)]
    pub(super) name: Option<String>,
}

const AFTER: &str = "\
Records are sent when they are due by their times, all topics by one clock.
TIME is 2026-11-20T09:00:00Z, or \"2026-11-20 09:00\", 09:00, today or yesterday
by the clock of the zone, or seconds or milliseconds since 1970, or -5m.
On a terminal, p holds it and goes on, + and - change the speed.
Exit codes: 0 complete, 1 failed, 2 usage, 3 complete but for what was left out,
130 interrupted.

    archiver replay data.csv -b localhost:9092 -t my-stream --speed 10
    archiver replay -c topics.toml metrics traces -b test:9092 --since 09:00
    archiver replay save/*.ndjson.gz -b test:9092 --timestamps shift --speed max
    zcat old.ndjson.gz | archiver replay - -t metrics --time-field ts -b test:9092";

/// How long a transaction lasts where nobody says it.
const TRANSACTION: Duration = Duration::from_secs(1);

/// How much longer the brokers keep one open, for as long as they are away.
const SPARE: Duration = Duration::from_secs(60);

impl Args {
    /// Refuses what doesn't go together.
    pub(super) fn check(&self) -> Result<(), UsageError> {
        if self.connection.broker.is_none() {
            return Err(usage(
                "where to? Say -b HOST:PORT, or -b with a cluster of the configuration; nothing is ever sent to where an \
                 archive comes from unless you say so",
            ));
        }
        self.start_ms()?;
        if self.clock.rounds > 1 && self.inputs.iter().any(|word| word == "-") {
            return Err(usage(
                "standard input can't be read twice, as --loop does; write it to a file first",
            ));
        }
        if !self.place.exactly_once {
            return Ok(());
        }
        if self.is_not_idempotent() {
            return Err(usage(
                "-X enable.idempotence=false doesn't go with --exactly-once, whose transactions need it; leave one of them out",
            ));
        }
        if self.sent.on_refused == OnRefused::Skip {
            return Err(usage(
                "--on-refused skip doesn't go with --exactly-once: a record that is refused takes its whole transaction \
                 with it; leave one of them out",
            ));
        }
        let is_paced = match self.pace() {
            Pace::Times(factor) => factor.value() <= 1.0,
            Pace::Rate(_) | Pace::Max => false,
        };
        if is_paced && self.place.transaction.is_none() {
            return Err(usage(
                "with --exactly-once, records are seen in bursts, when their transaction ends, by who reads what is \
                 committed: name the burst with --transaction 100ms, or leave --exactly-once out",
            ));
        }
        Ok(())
    }

    /// Was it said that records may arrive twice, or in another order?
    pub(super) fn is_not_idempotent(&self) -> bool {
        (self.property("enable.idempotence")).is_some_and(|value| value == "false")
    }

    /// What was typed for a property of the client.
    fn property(&self, wanted: &str) -> Option<String> {
        let typed = self.connection.typed().ok()?.properties;
        let last = typed.into_iter().rfind(|(name, _)| name == wanted);
        last.map(|(_, value)| value)
    }

    fn pace(&self) -> Pace {
        self.clock.rate.map_or(self.clock.speed, Pace::Rate)
    }

    /// How records are played.
    pub(super) fn manner(&self) -> Manner {
        Manner {
            pace: self.pace(),
            longest_pause: self.clock.max_pause,
            when_late: self.clock.when_late,
            late_after: self.clock.late_after,
        }
    }

    /// Does nothing but the records' times say how long it takes?
    pub(super) fn is_by_time(&self) -> bool {
        let is_paced = matches!(self.pace(), Pace::Times(_));
        is_paced && self.clock.max_pause.is_none() && self.limit.is_none()
    }

    /// How many rounds there are.
    pub(super) fn rounds(&self) -> u32 {
        self.clock.rounds
    }

    /// When the first record is due, in milliseconds since 1970.
    pub(super) fn start_ms(&self) -> Result<Option<i64>, UsageError> {
        let Some(text) = &self.clock.start_at else {
            return Ok(None);
        };
        match text.strip_prefix('+').map(parse_duration) {
            Some(Some(later)) => {
                let later_ms = i64::try_from(later.as_millis()).unwrap_or(i64::MAX);
                Ok(Some(RealClock.now_ms().saturating_add(later_ms)))
            }
            _ => self.ms("--start-at", text).map(Some),
        }
    }

    /// A time by the clock of the zone that was typed, in milliseconds since 1970.
    fn ms(&self, flag: &str, text: &str) -> Result<i64, UsageError> {
        let now = self.rows.timezone.clone().unwrap_or_default().now();
        let moment = match &self.rows.timezone {
            Some(_) => Moment::parse(text, &now),
            None => text.parse(),
        };
        let moment = moment.map_err(|e| usage(&format!("{flag} {text:?}: {e}")))?;
        Ok(moment.ms(now.timestamp().as_millisecond()))
    }

    /// How records are sent.
    pub(super) fn sending(&self) -> Sending {
        Sending {
            timestamps: self.sent.timestamps,
            partitions: self.sent.partition,
            on_refused: self.sent.on_refused,
        }
    }

    /// How batches are compressed.
    pub(super) fn compression(&self) -> Option<String> {
        self.sent.compression.clone()
    }

    /// How long a transaction lasts.
    pub(super) fn transaction(&self) -> Duration {
        self.place.transaction.unwrap_or(TRANSACTION)
    }

    /// How long the brokers keep a transaction open before they take it back.
    pub(super) fn transaction_expires(&self, cluster: &Cluster) -> Duration {
        const NAME: &str = "transaction.timeout.ms";
        let said = self
            .property(NAME)
            .or_else(|| cluster.properties.get(NAME).cloned());
        let said = said.and_then(|ms| ms.parse().ok().map(Duration::from_millis));
        said.unwrap_or(self.transaction() + SPARE)
    }

    /// What is wanted of each input.
    pub(super) fn wanted(&self) -> Result<input::Wanted, UsageError> {
        let time = |flag, text: &Option<String>| {
            let text = text.as_deref();
            text.map(|text| self.ms(flag, text)).transpose()
        };
        let (since_ms, until_ms) = (time("--since", &self.since)?, time("--until", &self.until)?);
        if let (Some(since), Some(until)) = (since_ms, until_ms)
            && since >= until
        {
            return Err(usage("--since is not before --until"));
        }
        Ok(input::Wanted {
            format: self.rows.input_format,
            typed: TypedAs {
                time_field: self.rows.time_field.clone(),
                key: self.rows.key.clone(),
                shape: self.rows.shape,
                timezone: self.rows.timezone.clone().unwrap_or_default().0,
            },
            on_bad: self.rows.on_bad,
            since_ms,
            until_ms,
            extent: None,
        })
    }

    /// How a topic is made that doesn't exist; nothing if it isn't to be made.
    pub(super) fn new_topic(&self, name: &str) -> Result<Option<NewTopic>, UsageError> {
        let Some(typed) = &self.create_topics else {
            return Ok(None);
        };
        let mut new = NewTopic {
            name: name.to_owned(),
            ..NewTopic::default()
        };
        let mut config = BTreeMap::new();
        for part in typed.split(',').filter(|part| !part.is_empty()) {
            let (key, value) =
                pair(part).map_err(|e| usage(&format!("--create-topics {part:?}: {e}")))?;
            let number = || {
                let number = value.parse::<i32>().ok().filter(|number| *number > 0);
                number.ok_or_else(|| {
                    usage(&format!(
                        "--create-topics {key}={value}: not a number above 0"
                    ))
                })
            };
            match key.as_str() {
                "partitions" => new.partitions = Some(number()?),
                "replication" => new.replication = Some(number()?),
                _ => {
                    config.insert(key, value);
                }
            }
        }
        new.config = config;
        Ok(Some(new))
    }

    /// What another run must have in common to go on where this one was: all that decides which records there are, and
    /// where they go.
    pub(super) fn identity(&self) -> String {
        let Self { rows, topic, .. } = self;
        format!(
            "{:?} {topic:?} {:?} {:?} {:?} {rows:?}",
            self.inputs, self.topic_map, self.since, self.until
        )
    }
}

/// A value that is one of these words.
fn one_of<T>(words: &'static [&'static str]) -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err = &'static str> + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(words).try_map(|word| word.parse::<T>())
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| "not a duration; write 100ms, 5s or 1m30s".to_owned())
}

/// The name of a replay: part of the name of a file and of a group.
fn name(text: &str) -> Result<String, String> {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    match !text.is_empty()
        && text.len() <= 100
        && !text.starts_with('.')
        && text.bytes().all(is_part)
    {
        true => Ok(text.to_owned()),
        false => {
            Err("letters, digits, -, _ and ., up to 100 of them, not beginning with .".to_owned())
        }
    }
}
