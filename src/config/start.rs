//! Where an archive without a checkpoint begins: `"latest"`, `"earliest"`, `"last:1000"`, or a time.

use jiff::Zoned;
use jiff::tz::TimeZone;
use serde_json::{Value as Json, json};

use super::built::Start;
use super::key_kind::Kind;
use super::problem::{Problem, Text};
use super::walk::{Toml, Walker};
use crate::moment::{Moment, NotAMoment};
use crate::terminal::nearest;

const LATEST: &str = "latest";
const EARLIEST: &str = "earliest";
const LAST: &str = "last:";

/// Places to begin at.
pub(super) struct Starts;

/// A place as it is typed.
pub(super) enum Typed {
    /// The same in every time zone.
    Known(Start),
    /// A time, by the clock of a zone that another key says.
    Time(Text),
}

impl Kind for Starts {
    type Value = Typed;

    fn read(&self, walker: &mut Walker<'_>, key: &str, value: &Toml<'_>) -> Option<Typed> {
        let text = walker.text(value, "a string such as \"earliest\" or \"-10m\"")?;
        match text.value.as_str() {
            LATEST => return Some(Typed::Known(Start::Latest)),
            EARLIEST => return Some(Typed::Known(Start::Earliest)),
            _ => {}
        }
        if let Some(count) = text.value.strip_prefix(LAST) {
            let count = count.parse().ok().filter(|count| *count > 0);
            if count.is_none() {
                let message = format!("{} has no number of records", text.quoted());
                let help = "write \"last:1000\" for the last thousand of each partition";
                walker.report(Problem::at(&text.span, message).help(help));
            }
            return Some(Typed::Known(Start::Last(count?)));
        }
        match Moment::parse(&text.value, &now(&TimeZone::UTC)) {
            Ok(_) => Some(Typed::Time(text)),
            Err(NotAMoment::Unknown { .. }) => {
                walker.report(unknown(key, &text));
                None
            }
            Err(error) => {
                walker.report(not_a_time(key, &text, &error));
                None
            }
        }
    }

    fn limits(&self) -> String {
        format!(
            "`\"{LATEST}\"` (what comes from now on), `\"{EARLIEST}\"` (everything that Kafka still holds), `\"{LAST}1000\"` \
             (so many records of each partition), or a time such as `\"2026-11-20 09:00\"` (by the clock in `timezone`), \
             `\"2026-11-20T09:00:00Z\"` or `\"-10m\"` (from the first record of each partition with that timestamp or a \
             later one)"
        )
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "minLength": 1 })
    }
}

impl Typed {
    /// The place that it is by the clock of this zone.
    pub fn by_clock(&self, walker: &mut Walker<'_>, key: &str, zone: &TimeZone) -> Option<Start> {
        let text = match self {
            Self::Known(start) => return Some(*start),
            Self::Time(text) => text,
        };
        let now = now(zone);
        match Moment::parse(&text.value, &now) {
            Ok(Moment::At(ms)) if ms > now.timestamp().as_millisecond() => {
                let message = format!("`{key}` {} is still to come", text.quoted());
                let help = "leave it out to begin with what comes from now on";
                walker.report(Problem::at(&text.span, message).help(help));
                None
            }
            Ok(moment) => Some(Start::Since(moment)),
            Err(error) => {
                walker.report(not_a_time(key, text, &error));
                None
            }
        }
    }
}

fn now(zone: &TimeZone) -> Zoned {
    Zoned::now().with_time_zone(zone.clone())
}

fn unknown(key: &str, text: &Text) -> Problem {
    let meant = nearest(&text.value, [LATEST, EARLIEST]).filter(|_| text.is_shown());
    let label = meant.map(|meant| format!("did you mean \"{meant}\"?"));
    let message = format!("`{key}` can't be {}", text.quoted());
    let problem = Problem::at(&text.span, message).label(label.unwrap_or_default());
    problem.help(format!(
        "it is \"{LATEST}\", \"{EARLIEST}\", \"{LAST}1000\", or a time: \"2026-11-20T09:00:00Z\", \"2026-11-20 09:00\", \
         \"today\", seconds or milliseconds since 1970, \"-10m\""
    ))
}

fn not_a_time(key: &str, text: &Text, error: &NotAMoment) -> Problem {
    let problem = Problem::at(&text.span, format!("`{key}` can't be {}", text.quoted()));
    match text.is_shown() {
        true => problem.help(error.to_string()),
        false => problem,
    }
}
