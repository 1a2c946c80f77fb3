//! The flags of `archiver capture`, and what they mean.

use std::time::Duration;

use archiver_format::record::{Offsets, Partition};
use jiff::Zoned;

use super::wanted::{Wanted, What};
use crate::cli::{UsageError, usage};
use crate::commands::cat::offsets;
use crate::commands::connection::{Connection, pair};
use crate::config::{NOT_WRITTEN, Typed};
use crate::moment::{Moment, Zone, parse_duration};

/// What to capture.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub struct Args {
    #[command(flatten)]
    connection: Connection,
    /// A topic, or ^PATTERN for all whose whole names match; may be repeated
    #[arg(short, long, value_name = "TOPIC")]
    topic: Vec<String>,
    /// The file, with {topic}, {partition}, {seq:06}, {time:%Y-%m-%d}; - for standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<String>,
    /// The last 5m, or the last 1000 records of each partition
    #[arg(long, value_name = "DURATION|N", value_parser = last, group = "range")]
    last: Option<Last>,
    /// All that Kafka holds
    #[arg(long, group = "range")]
    all: bool,
    /// Records from offset A on and before B; either may be left out
    #[arg(long, value_name = "A..B", value_parser = offsets, group = "range", requires = "partition")]
    offsets: Option<Offsets>,
    /// Records with this timestamp or a later one
    #[arg(
        long,
        value_name = "TIME",
        allow_hyphen_values = true,
        conflicts_with = "range"
    )]
    since: Option<String>,
    /// Records with a timestamp before this one; if it is still to come, until then
    #[arg(
        long,
        value_name = "TIME",
        allow_hyphen_values = true,
        conflicts_with = "range"
    )]
    until: Option<String>,
    /// The zone whose clock is meant, instead of this machine's
    #[arg(long, value_name = "ZONE")]
    timezone: Option<Zone>,
    /// Records may lie so far behind later ones; beyond, --until misses them
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "1m")]
    late: Duration,
    /// Only this partition
    #[arg(long, value_name = "N")]
    partition: Option<Partition>,
    /// So many records of each topic at most
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Go on with what comes, until a signal
    #[arg(short, long, conflicts_with_all = ["until", "offsets"])]
    follow: bool,
    /// With --follow: go on for so long
    #[arg(long = "for", value_name = "DURATION", value_parser = duration, requires = "follow")]
    pub(super) stop_after: Option<Duration>,
    /// raw (the value) or json (all of the record, as an object)
    #[arg(long, value_name = "FORMAT", value_parser = ["raw", "json"])]
    format: Option<String>,
    /// Another key of the configuration for each file: --set 'rotate={size="1GiB"}'
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    set: Vec<(String, String)>,
    /// Go on with the same capture after it was interrupted
    #[arg(long, conflicts_with = "overwrite")]
    pub(super) resume: bool,
    /// Delete what an earlier capture wrote there
    #[arg(long)]
    pub(super) overwrite: bool,
    /// Report as a JSON object for each topic
    #[arg(long)]
    pub(super) json: bool,
}

const AFTER: &str = "\
TIME is 2026-11-20T09:00:00Z, or \"2026-11-20 09:00\", 09:00, today or yesterday
by the clock of the zone, or seconds or milliseconds since 1970, or -5m.
Exit codes: 0 complete, 1 failed, 2 usage, 3 complete but for gaps (Kafka had
deleted something before it was read), 130 interrupted.

    archiver capture -b localhost:9092 -t metrics -o '{topic}.ndjson.gz' --last 5m
    archiver capture -b localhost:9092 -t '^app\\..*' -o '{topic}.ndjson' --all
    archiver capture -b localhost:9092 -t metrics -o - --last 1000 | jq .";

/// How much of the end is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    Records(u64),
    Time(Duration),
}

/// Keys that say how files are written, and what does the same of standard output.
const OF_FILES: [(&str, &str); 4] = [
    ("compression", "pipe it through gzip or zstd"),
    ("compression_level", "pipe it through gzip or zstd"),
    ("rotate", "pipe it through split"),
    ("seal_on_stop", "leave it out"),
];

impl Args {
    /// Refuses what is about files if none is written.
    pub(super) fn check_output(&self) -> Result<(), UsageError> {
        if !self.is_to_output() {
            return Ok(());
        }
        if self.resume || self.overwrite {
            let flag = if self.resume {
                "--resume"
            } else {
                "--overwrite"
            };
            return Err(usage(&format!(
                "{flag} is about what an earlier capture wrote to a file, and -o - writes none; leave it out, or name a \
                 file with -o FILE"
            )));
        }
        let mut keys = self.set.iter().map(|(key, _)| key.as_str());
        let of_files = keys.find_map(|key| OF_FILES.iter().find(|(of_files, _)| key == *of_files));
        match of_files {
            Some((key, instead)) => Err(usage(&format!(
                "--set {key}=… is about files, and -o - writes none; {instead}, or name a file with -o FILE"
            ))),
            None => Ok(()),
        }
    }

    /// Does it go to standard output?
    pub(super) fn is_to_output(&self) -> bool {
        self.output.as_deref() == Some("-")
    }

    /// What is wanted of each topic.
    pub(super) fn wanted(&self) -> Result<Wanted, UsageError> {
        let now = self.timezone.clone().unwrap_or_default().now();
        // Without --timezone it is the clock of this machine, if it is known where that is.
        let zoned = self.timezone.as_ref().map(|_| &now);
        let now_ms = now.timestamp().as_millisecond();
        let what = match (&self.last, &self.offsets) {
            (Some(Last::Records(count)), _) => What::Last(*count),
            (Some(Last::Time(length)), _) => What::Times(Moment::Ago(*length).ms(now_ms)..i64::MAX),
            (_, Some(offsets)) => What::Offsets(offsets.clone()),
            _ if self.all => What::All,
            _ if self.since.is_none() && self.until.is_none() => match self.follow {
                true => What::Last(0),
                false => {
                    return Err(usage(
                        "what to capture? Say --last 5m, --last 1000, --since TIME, --until TIME, --offsets A..B, --all or --follow",
                    ));
                }
            },
            _ => {
                let since =
                    time("--since", self.since.as_deref(), zoned, now_ms)?.unwrap_or(i64::MIN);
                let until =
                    time("--until", self.until.as_deref(), zoned, now_ms)?.unwrap_or(i64::MAX);
                if since >= until {
                    return Err(usage("--since is not before --until"));
                }
                What::Times(since..until)
            }
        };
        Ok(Wanted {
            what,
            partition: self.partition,
            count: self.count,
            follow: self.follow,
            late: self.late,
        })
    }

    /// What the configuration is made of.
    pub(super) fn typed(&self) -> anyhow::Result<Typed> {
        let format = self
            .format
            .iter()
            .map(|format| ("format".to_owned(), format!("{format:?}")));
        Ok(Typed {
            topics: self.topic.clone(),
            file: match self.is_to_output() {
                // Never written; but the rest is checked with it.
                true => Some(NOT_WRITTEN.to_owned()),
                false => self.output.clone(),
            },
            keys: format.chain(self.set.iter().cloned()).collect(),
            ..self.connection.typed()?
        })
    }

    /// What was asked for, as it is compared when a capture is resumed.
    pub(super) fn asked(&self) -> Vec<String> {
        let flag = |name: &str, value: Option<String>| value.map(|value| format!("{name} {value}"));
        let last = self.last.map(|last| match last {
            Last::Records(count) => count.to_string(),
            Last::Time(length) => format!("{}ms", length.as_millis()),
        });
        let offsets = self.offsets.as_ref();
        let offsets = offsets.map(|of| format!("{}..{}", of.start, of.end));
        let asked = [
            flag("--last", last),
            self.all.then(|| "--all".to_owned()),
            flag("--offsets", offsets),
            flag("--since", self.since.clone()),
            flag("--until", self.until.clone()),
            flag("--partition", self.partition.map(|of| of.to_string())),
            flag("--count", self.count.map(|count| count.to_string())),
            self.follow.then(|| "--follow".to_owned()),
            self.until
                .as_ref()
                .map(|_| format!("--late {}ms", self.late.as_millis())),
        ];
        asked.into_iter().flatten().collect()
    }
}

fn time(
    flag: &str,
    text: Option<&str>,
    clock: Option<&Zoned>,
    now_ms: i64,
) -> Result<Option<i64>, UsageError> {
    let Some(text) = text else {
        return Ok(None);
    };
    let moment = match clock {
        Some(now) => Moment::parse(text, now),
        None => text.parse(),
    };
    let moment = moment.map_err(|e| usage(&format!("{flag} {text:?}: {e}")))?;
    Ok(Some(moment.ms(now_ms)))
}

fn last(text: &str) -> Result<Last, String> {
    if let Ok(count) = text.parse() {
        return Ok(Last::Records(count));
    }
    let length = parse_duration(text).map(Last::Time);
    length.ok_or_else(|| "neither a duration such as 5m nor a number of records".to_owned())
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| "not a duration; write 30s, 5m or 1h".to_owned())
}
