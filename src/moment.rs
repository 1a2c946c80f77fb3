//! Moments: a time as people type it on the command line.
//!
//! Understood are RFC 3339 (`2026-11-20T09:00:00Z`), a date and time or a time of today by the clock of this machine
//! (`2026-11-20 09:00`, `09:00:30`), seconds or milliseconds since 1970, and how long ago (`-5m`). A time of the clock
//! that there is twice, or not at all, as the clock is set on that day, is refused with both times that may be meant.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{Timestamp, Zoned};

use crate::config::parse_duration;

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
        if let Some(ago) = text.strip_prefix('-').and_then(parse_duration) {
            return Ok(Self::Ago(ago));
        }
        if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
            return since_1970(text);
        }
        if has_offset(text) {
            let time = text.parse::<Timestamp>();
            return time.map(at).map_err(|_| unknown(text, now.time_zone()));
        }
        let clock = on_the_clock(text, now.date());
        let clock = clock.ok_or_else(|| unknown(text, now.time_zone()))?;
        in_zone(text, clock, now.time_zone())
    }
}

impl FromStr for Moment {
    type Err = NotAMoment;

    /// Reads a time by the clock of this machine.
    fn from_str(text: &str) -> Result<Self, NotAMoment> {
        if !is_without_clock(text) && TimeZone::try_system().is_err() {
            // Where nothing says which it is, it is UTC.
            let tz = std::env::var("TZ").ok().filter(|tz| !tz.is_empty());
            if let Some(tz) = tz {
                return Err(NotAMoment::Zone { tz });
            }
        }
        Self::parse(text, &Zoned::now())
    }
}

/// Why a text is no time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAMoment {
    /// It is nothing that is understood.
    #[error(
        "not a time; understood are 2026-11-20T09:00:00Z, \"2026-11-20 09:00\" and 09:00 (both {zone}), seconds or milliseconds since 1970, and -5m for five minutes ago"
    )]
    Unknown {
        /// The zone of the machine.
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
        /// The zone of the machine.
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

fn unknown(_: &str, zone: &TimeZone) -> NotAMoment {
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
fn has_offset(text: &str) -> bool {
    let time = text
        .split_once(['T', 't', ' '])
        .map_or("", |(_, time)| time);
    time.ends_with(['Z', 'z']) || time.contains(['+', '-'])
}

/// What the clock shows: a date, a time of today, or both.
fn on_the_clock(text: &str, today: Date) -> Option<DateTime> {
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
            return time.map(at).map_err(|_| unknown(text, zone));
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
mod tests {
    use super::*;

    /// A winter's noon in Berlin.
    fn parse(text: &str) -> Result<Moment, NotAMoment> {
        let now = "2026-11-20T12:00[Europe/Berlin]".parse::<Zoned>();
        Moment::parse(text, &now.expect("a time"))
    }

    fn utc(text: &str) -> Moment {
        at(text.parse().expect("a time"))
    }

    #[test]
    fn a_time_is_understood_however_it_is_typed() {
        for (text, expected) in [
            ("2026-11-20T09:00:00Z", "2026-11-20T09:00:00Z"),
            ("2026-11-20t09:00:00z", "2026-11-20T09:00:00Z"),
            ("2026-11-20 09:00:00.250+02:00", "2026-11-20T07:00:00.250Z"),
            ("2026-11-20T09:00-05:00", "2026-11-20T14:00:00Z"),
            ("2026-11-20T09:00", "2026-11-20T08:00:00Z"),
            ("2026-11-20 09:00", "2026-11-20T08:00:00Z"),
            ("2026-07-20 09:00:30", "2026-07-20T07:00:30Z"),
            ("2026-07-20", "2026-07-19T22:00:00Z"),
            ("09:00", "2026-11-20T08:00:00Z"),
            ("09:00:30.5", "2026-11-20T08:00:30.500Z"),
            ("1763628000", "2025-11-20T08:40:00Z"),
            ("1763628000123", "2025-11-20T08:40:00.123Z"),
            ("100000000", "1973-03-03T09:46:40Z"),
            ("99999999999", "5138-11-16T09:46:39Z"),
            ("100000000000", "1973-03-03T09:46:40Z"),
            ("0", "1970-01-01T00:00:00Z"),
        ] {
            assert_eq!(parse(text), Ok(utc(expected)), "{text}");
        }
        let now = 1_000_000;
        for (text, ms) in [
            ("-5m", 700_000),
            ("-1m30s", 910_000),
            ("now", now),
            ("-2d", -171_800_000),
        ] {
            assert_eq!(parse(text).map(|moment| moment.ms(now)), Ok(ms), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_told_what_would_be_one() {
        for text in [
            "",
            "5m",
            "-5",
            "-",
            "yesterday",
            "2026-13-01",
            "2026-11-31 09:00",
            "25:00",
            "9",
            "20261120",
            "2026-11",
            "2026-11-20 09",
            "2026-11-20T",
            "T09:00",
            "09:00Z",
            "2026-11-20T09:00:00 Z ",
            "1763628000123456",
            "99999999999999999999999",
            "-5m5m",
            "+5m",
        ] {
            let said = parse(text).expect_err(text).to_string();
            assert!(said.contains("since 1970"), "{text}: {said}");
        }
        let said = parse("x").expect_err("none").to_string();
        assert!(said.contains("(both in Europe/Berlin)"), "{said}");
    }

    #[test]
    fn a_time_that_the_clock_shows_twice_or_never_is_refused_with_both_that_may_be_meant() {
        let said = |text| parse(text).expect_err("two").to_string();
        assert_eq!(
            said("2026-10-25 02:30"),
            "2026-10-25 02:30 is a time that the clock shows twice on that day in Europe/Berlin; write \
             2026-10-25T02:30:00+02:00 (before it was set) or 2026-10-25T02:30:00+01:00 (after)"
        );
        assert_eq!(
            said("2026-03-29T02:30"),
            "2026-03-29T02:30 is a time that the clock never shows on that day in Europe/Berlin; write \
             2026-03-29T02:30:00+01:00 (before it was set) or 2026-03-29T02:30:00+02:00 (after)"
        );
        assert!(parse("2026-10-25T02:30:00+02:00").is_ok());
    }
}
