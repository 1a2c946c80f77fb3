//! Moments: a time as people type it.
//!
//! Understood are RFC 3339 (`2026-11-20T09:00:00Z`), a date and time or a time of today by the clock of a zone
//! (`2026-11-20 09:00`, `09:00:30`, `today`, `yesterday`), seconds or milliseconds since 1970, and how long ago (`-5m`,
//! `2h ago`). A time of the clock that there is twice, or not at all, as the clock is set on that day, is refused with both
//! times that may be meant.

mod duration;
mod zone;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{Timestamp, Zoned};

pub use duration::{parse as parse_duration, show as show_duration};
pub use zone::{LOCAL, Zone, nearest_zone, zone};

/// From here on a number is seconds since 1970 (in 1973), milliseconds (in 1973), and nothing that is known.
const SECONDS_FROM: i64 = 100_000_000;
const MILLISECONDS_FROM: i64 = 100_000_000_000;
const MILLISECONDS_END: i64 = 100_000_000_000_000;

/// A time that was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// In milliseconds since 1970.
    At(i64),
    /// So long before now.
    Ago(Duration),
}

impl Moment {
    /// The same in milliseconds since 1970, where it is now so late.
    pub fn ms(self, now_ms: i64) -> i64 {
        match self {
            Self::At(ms) => ms,
            Self::Ago(ago) => {
                now_ms.saturating_sub(i64::try_from(ago.as_millis()).unwrap_or(i64::MAX))
            }
        }
    }

    /// Reads a time where it is this time of day in this zone.
    ///
    /// # Errors
    ///
    /// If it is none, or one of two.
    pub fn parse(text: &str, now: &Zoned) -> Result<Self, NotAMoment> {
        if text == "now" {
            return Ok(Self::Ago(Duration::ZERO));
        }
        let ago = match text.strip_suffix(" ago") {
            Some(ago) => Some(ago.trim_end()),
            None => text.strip_prefix('-'),
        };
        if let Some(ago) = ago.and_then(parse_duration) {
            return Ok(Self::Ago(ago));
        }
        // A zone that nobody would look at.
        if text.contains('[') {
            return Err(unknown(now.time_zone()));
        }
        if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
            return since_1970(text);
        }
        if has_offset(text) {
            let time = text.parse::<Timestamp>();
            return time.map(at).map_err(|_| unknown(now.time_zone()));
        }
        let clock = on_the_clock(text, now.date());
        let clock = clock.ok_or_else(|| unknown(now.time_zone()))?;
        in_zone(text, clock, now.time_zone())
    }
}

impl FromStr for Moment {
    type Err = NotAMoment;

    /// Reads a time by the clock of this machine.
    fn from_str(text: &str) -> Result<Self, NotAMoment> {
        if !is_without_clock(text) {
            Zone::of_machine().map_err(|tz| NotAMoment::Zone { tz })?;
        }
        Self::parse(text, &Zoned::now())
    }
}

/// Why a text is no time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAMoment {
    /// It is nothing that is understood.
    #[error(
        "not a time; understood are 2026-11-20T09:00:00Z, \"2026-11-20 09:00\", 09:00, today and yesterday (all {zone}), seconds or milliseconds since 1970, and -5m or \"5m ago\""
    )]
    Unknown {
        /// The zone whose clock is meant.
        zone: String,
    },
    /// It is by the clock of this machine, and nobody knows where that is.
    #[error(
        "TZ={tz} is no time zone that is known here; set TZ to one, such as Europe/Berlin, or write a time with its offset, such as 2026-11-20T09:00:00Z"
    )]
    Zone {
        /// What stands in the environment.
        tz: String,
    },
    /// It is a number that can't be a time.
    #[error(
        "{text} is {what}; a number of 9 to 11 digits is seconds since 1970, one of 12 to 14 is milliseconds"
    )]
    Number {
        /// The number.
        text: String,
        /// What it is instead.
        what: &'static str,
    },
    /// The clock shows it never, or twice.
    #[error(
        "{text} is a time that the clock {how} on that day in {zone}; write {before} (before it was set) or {after} (after)"
    )]
    Ambiguous {
        /// The text.
        text: String,
        /// How often the clock shows it.
        how: &'static str,
        /// The zone whose clock is meant.
        zone: String,
        /// With the offset before the clock was set, RFC 3339.
        before: String,
        /// With the offset after that.
        after: String,
    },
}

fn at(time: Timestamp) -> Moment {
    Moment::At(time.as_millisecond())
}

fn unknown(zone: &TimeZone) -> NotAMoment {
    NotAMoment::Unknown {
        zone: match zone.iana_name() {
            Some(name) => format!("in {name}"),
            None => "by the clock of this machine".to_owned(),
        },
    }
}

/// Seconds or milliseconds since 1970, told apart by their size.
fn since_1970(text: &str) -> Result<Moment, NotAMoment> {
    let number = text.parse::<i64>().unwrap_or(i64::MAX);
    let what = match number {
        // The beginning of time, in either.
        0 => return Ok(Moment::At(0)),
        SECONDS_FROM..MILLISECONDS_FROM => return Ok(Moment::At(number * 1_000)),
        MILLISECONDS_FROM..MILLISECONDS_END => return Ok(Moment::At(number)),
        ..SECONDS_FROM => "too small for a time since 1970",
        _ => "too large for one",
    };
    let text = text.to_owned();
    Err(NotAMoment::Number { text, what })
}

/// Is it a time that is the same wherever the clock is?
fn is_without_clock(text: &str) -> bool {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text == "now" || text.starts_with('-') || is_number || has_offset(text)
}

/// Does the text say the offset from UTC?
pub fn has_offset(text: &str) -> bool {
    let time = text
        .split_once(['T', 't', ' '])
        .map_or("", |(_, time)| time);
    time.ends_with(['Z', 'z']) || time.contains(['+', '-'])
}

/// What the clock shows: a date, a time of today, or both.
fn on_the_clock(text: &str, today: Date) -> Option<DateTime> {
    match text {
        "today" => return Some(today.to_datetime(Time::midnight())),
        "yesterday" => return Some(today.yesterday().ok()?.to_datetime(Time::midnight())),
        _ => {}
    }
    match text.split_once(['T', 't', ' ']) {
        Some((date, time)) => Some(this_date(date)?.to_datetime(this_time(time)?)),
        None => match this_date(text) {
            Some(date) => Some(date.to_datetime(Time::midnight())),
            None => Some(today.to_datetime(this_time(text)?)),
        },
    }
}

/// `2026-11-20`; nothing that leaves its parts out, or the dashes.
fn this_date(text: &str) -> Option<Date> {
    let is_whole = text.len() == 10 && text.matches('-').count() == 2;
    is_whole.then(|| text.parse().ok())?
}

/// `09:00`, `09:00:30`, `09:00:30.5`.
fn this_time(text: &str) -> Option<Time> {
    text.contains(':').then(|| text.parse().ok())?
}

/// The moment at which the clock in this zone shows that.
fn in_zone(text: &str, clock: DateTime, zone: &TimeZone) -> Result<Moment, NotAMoment> {
    let ambiguous = zone.to_ambiguous_timestamp(clock);
    let (how, before, after) = match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { offset } => {
            let time = offset.to_timestamp(clock);
            return time.map(at).map_err(|_| unknown(zone));
        }
        AmbiguousOffset::Gap { before, after } => ("never shows", before, after),
        AmbiguousOffset::Fold { before, after } => ("shows twice", before, after),
    };
    let with = |offset: Offset| WithOffset(clock, offset).to_string();
    Err(NotAMoment::Ambiguous {
        text: text.to_owned(),
        how,
        zone: zone.iana_name().unwrap_or("this zone").to_owned(),
        before: with(before),
        after: with(after),
    })
}

/// RFC 3339.
struct WithOffset(DateTime, Offset);

impl fmt::Display for WithOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.1.seconds();
        let minutes = seconds.abs() / 60;
        let sign = if seconds < 0 { '-' } else { '+' };
        write!(f, "{}{sign}{:02}:{:02}", self.0, minutes / 60, minutes % 60)
    }
}

#[cfg(test)]
mod tests;
