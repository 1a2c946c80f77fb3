//! The text of a time: a format of strftime, as far as a path can do with it.
//!
//! Each conversion that is taken gives digits or letters, always at least one, and for all times the same alternation
//! of digits and other characters. So a number beside a time can always be told from it, and no time makes a `/` that
//! isn't typed.

use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};

/// The text in place of a time that a record doesn't have.
pub(super) const UNKNOWN: &str = "unknown";

/// A conversion gives a new text at most this often. The smallest comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Unit {
    Second,
    Minute,
    Hour,
    Day,
    Month,
    Year,
}

/// The conversions whose text is a number, which may be typed without its leading zeros, as in `%-d`.
const NUMBERS: &[(char, Unit)] = &[
    ('Y', Unit::Year),
    ('m', Unit::Month),
    ('d', Unit::Day),
    ('H', Unit::Hour),
    ('M', Unit::Minute),
    ('S', Unit::Second),
    ('y', Unit::Year),
    ('C', Unit::Year),
    ('q', Unit::Month),
    ('j', Unit::Day),
    // The year that a week belongs to changes within December and January.
    ('G', Unit::Day),
    ('g', Unit::Day),
    ('V', Unit::Day),
    ('U', Unit::Day),
    ('W', Unit::Day),
    ('u', Unit::Day),
    ('w', Unit::Day),
    ('I', Unit::Hour),
    ('s', Unit::Second),
];

/// The others. `%F` is `%Y-%m-%d`, `%R` is `%H:%M`, `%T` is `%H:%M:%S`.
const TEXTS: &[(char, Unit)] = &[
    ('F', Unit::Day),
    ('R', Unit::Minute),
    ('T', Unit::Second),
    ('B', Unit::Month),
    ('b', Unit::Month),
    ('h', Unit::Month),
    ('A', Unit::Day),
    ('a', Unit::Day),
    ('p', Unit::Hour),
    ('P', Unit::Hour),
    // It changes with the zone's offset alone, which is looked at in any case.
    ('z', Unit::Year),
];

/// All conversions, for messages.
pub(super) fn known() -> String {
    let conversions = NUMBERS.iter().chain(TEXTS);
    let typed: Vec<String> = conversions.map(|(char, _)| format!("%{char}")).collect();
    typed.join(" ")
}

/// Why a format can't be one.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// This conversion isn't known, so many characters behind the beginning.
    Conversion(String, usize),
    /// It holds nothing of the time.
    Constant,
    /// It begins with the text that stands for no time.
    Reserved,
}

/// A format that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Format {
    text: String,
    /// The smallest of its conversions.
    unit: Unit,
}

impl Format {
    pub fn parse(text: &str) -> Result<Self, Fault> {
        if text.starts_with(UNKNOWN) {
            return Err(Fault::Reserved);
        }
        let mut unit = None;
        let mut chars = text.chars().enumerate().peekable();
        while let Some((at, char)) = chars.next() {
            if char != '%' || chars.next_if(|(_, next)| *next == '%').is_some() {
                continue;
            }
            let unpadded = chars.next_if(|(_, next)| *next == '-').is_some();
            let typed = chars.next().map(|(_, next)| next);
            let mut taken = NUMBERS.iter().chain(TEXTS.iter().filter(|_| !unpadded));
            let Some((_, found)) = taken.find(|(char, _)| Some(*char) == typed) else {
                let flag = if unpadded { "-" } else { "" };
                let typed = typed.map(String::from).unwrap_or_default();
                return Err(Fault::Conversion(format!("%{flag}{typed}"), at));
            };
            unit = Some(unit.unwrap_or(Unit::Year).min(*found));
        }
        let text = text.to_owned();
        unit.map(|unit| Self { text, unit }).ok_or(Fault::Constant)
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn unit(&self) -> Unit {
        self.unit
    }

    /// The text of this time in a zone.
    pub fn text(&self, time: Option<Timestamp>, zone: &TimeZone) -> String {
        let text = time.map(|time| strtime::format(&self.text, &time.to_zoned(zone.clone())));
        // A format that was checked has a text for every time.
        text.and_then(Result::ok)
            .unwrap_or_else(|| UNKNOWN.to_owned())
    }
}

/// The time of a record. None if it has none, or one that no calendar has.
pub(super) fn time(time_ms: Option<i64>) -> Option<Timestamp> {
    let time_ms = time_ms.filter(|time_ms| (0..end_ms()).contains(time_ms))?;
    Timestamp::from_millisecond(time_ms).ok()
}

/// The first time that has no text: in the year 9999.
fn end_ms() -> i64 {
    Timestamp::MAX.as_second() * SECOND_MS
}

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// The first and the last millisecond around one, between which no text of this unit changes. There may be others with
/// the same text: a clock that is set back shows an hour twice.
pub(super) fn span(time_ms: i64, unit: Unit, zone: &TimeZone) -> (i64, i64) {
    let Some(time) = time(Some(time_ms)) else {
        return match time_ms {
            ..0 => (i64::MIN, -1),
            _ => (end_ms(), i64::MAX),
        };
    };
    let local = zone.to_datetime(time);
    let offset_ms = i64::from(zone.to_offset(time).seconds()) * SECOND_MS;
    let (first, length) = unit_around(time_ms + offset_ms, unit, local.date());
    let (first, last) = (first - offset_ms, first - offset_ms + length - 1);
    // Transitions are at whole seconds: the next millisecond makes one at this very time the one before.
    let next_ms = Timestamp::from_millisecond(time_ms + 1).unwrap_or(time);
    let before = zone.preceding(next_ms).next();
    let after = zone.following(time).next();
    let before = before.map_or(0, |at| at.timestamp().as_millisecond());
    let after = after.map_or(end_ms(), |at| at.timestamp().as_millisecond());
    (
        first.max(before).max(0),
        last.min(after - 1).min(end_ms() - 1),
    )
}

/// When a unit begins by the clock on the wall, and its length.
fn unit_around(local_ms: i64, unit: Unit, date: civil::Date) -> (i64, i64) {
    let whole = |length: i64| (local_ms.div_euclid(length) * length, length);
    let days = |before: i64, length: i64| {
        let (today, _) = whole(DAY_MS);
        (today - (before - 1) * DAY_MS, length * DAY_MS)
    };
    match unit {
        Unit::Second => whole(SECOND_MS),
        Unit::Minute => whole(MINUTE_MS),
        Unit::Hour => whole(HOUR_MS),
        Unit::Day => whole(DAY_MS),
        Unit::Month => days(date.day().into(), date.days_in_month().into()),
        Unit::Year => days(date.day_of_year().into(), date.days_in_year().into()),
    }
}
