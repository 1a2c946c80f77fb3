//! Times as they stand in a field of a row.
//!
//! Understood are numbers since 1970, whole or with a fraction, as a number or as text; RFC 3339; and a date and time
//! without an offset (`2021-01-01 00:00:00.5`, also with a `T`, or a date alone), by the clock of a zone. A time of the
//! clock that there is twice, as the clock is set back, is the first of the two; one that there never is, as it is set
//! forward, is as much later as the clock was set.
//!
//! The unit of numbers is told by the size of the first one that isn't 0, once for all rows of a file: below 10^11 it is
//! seconds (until the year 5138), below 10^14 milliseconds, below 10^17 microseconds, else nanoseconds.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::moment::has_offset;

/// No more digits of a number are looked at: the rest is less than a nanosecond.
const DIGITS_MAX: u32 = 30;
/// No time is further away from 1970, in nanoseconds: Kafka's timestamps are milliseconds in 64 bits.
const FURTHEST_NS: i128 = i64::MAX as i128 * 1_000_000;
/// From here on a number by itself is taken for a time, where nobody says that it is one: in 1973, in seconds.
const LIKELY_FROM: u128 = 100_000_000;

/// What a number since 1970 counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Seconds,
    Milliseconds,
    Microseconds,
    Nanoseconds,
}

/// Reads the times of one file.
#[derive(Debug, Clone)]
pub(super) struct Times {
    zone: TimeZone,
    /// Known from the first number on.
    unit: Option<Unit>,
}

/// A text that is no time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no time; understood are a number since 1970, 2021-01-01T00:00:00Z and \"2021-01-01 00:00:00\""
)]
pub(super) struct NotATime(String);

impl Times {
    /// Times of the clock are those of this zone.
    pub fn new(zone: TimeZone) -> Self {
        Self { zone, unit: None }
    }

    /// What numbers count, once that is known.
    pub fn unit(&self) -> Option<Unit> {
        self.unit
    }

    /// Nanoseconds since 1970.
    pub fn read(&mut self, text: &str) -> Result<i128, NotATime> {
        let text = text.trim_ascii();
        let ns = match Decimal::read(text.as_bytes()) {
            Some(number) => self.since_1970(&number),
            None => self.date(text),
        };
        let ns = ns.filter(|ns| (-FURTHEST_NS..=FURTHEST_NS).contains(ns));
        ns.ok_or_else(|| NotATime(shortened(text)))
    }

    fn since_1970(&mut self, number: &Decimal) -> Option<i128> {
        if number.digits == 0 {
            return Some(0);
        }
        let unit = match self.unit {
            Some(unit) => unit,
            None => *self.unit.insert(Unit::of(number)?),
        };
        number.times_ten_to(unit.exponent())
    }

    fn date(&self, text: &str) -> Option<i128> {
        if !text.starts_with(|first: char| first.is_ascii_digit()) || text.contains('[') {
            return None;
        }
        let time = match has_offset(text) {
            true => text.parse::<jiff::Timestamp>().ok()?,
            false => {
                let clock = text.parse::<DateTime>().ok()?;
                self.zone.to_timestamp(clock).ok()?
            }
        };
        Some(time.as_nanosecond())
    }
}

/// Is this most likely a time, though nobody says so?
pub(super) fn is_likely(text: &str) -> bool {
    let text = text.trim_ascii();
    match Decimal::read(text.as_bytes()) {
        Some(number) => (number.whole()).is_some_and(|whole| whole >= LIKELY_FROM),
        None => Times::new(TimeZone::UTC).date(text).is_some(),
    }
}

/// Is this a number, or a date?
pub(super) fn is_number_or_date(text: &str) -> bool {
    let text = text.trim_ascii();
    Decimal::read(text.as_bytes()).is_some() || is_likely(text)
}

impl Unit {
    fn of(number: &Decimal) -> Option<Self> {
        Some(match number.whole()? {
            0..100_000_000_000 => Self::Seconds,
            100_000_000_000..100_000_000_000_000 => Self::Milliseconds,
            100_000_000_000_000..100_000_000_000_000_000 => Self::Microseconds,
            _ => Self::Nanoseconds,
        })
    }

    /// Of ten, for nanoseconds.
    fn exponent(self) -> i32 {
        match self {
            Self::Seconds => 9,
            Self::Milliseconds => 6,
            Self::Microseconds => 3,
            Self::Nanoseconds => 0,
        }
    }

    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Seconds => "seconds since 1970",
            Self::Milliseconds => "milliseconds since 1970",
            Self::Microseconds => "microseconds since 1970",
            Self::Nanoseconds => "nanoseconds since 1970",
        }
    }
}

/// A number with all of its digits, which no float has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Decimal {
    is_negative: bool,
    digits: u128,
    /// They are times ten to this power.
    exponent: i32,
}

impl Decimal {
    /// `12`, `-1.5`, `1.6e9`; `None` if it is no number.
    fn read(text: &[u8]) -> Option<Self> {
        let (is_negative, text) = match text {
            [b'-', rest @ ..] => (true, rest),
            rest => (false, rest),
        };
        let (mut digits, mut count, mut exponent) = (0_u128, 0, 0);
        let (mut is_fraction, mut any, mut at) = (false, false, 0);
        while let Some(&byte) = text.get(at) {
            match byte {
                b'0'..=b'9' => {
                    any = true;
                    if count < DIGITS_MAX {
                        digits = digits * 10 + u128::from(byte - b'0');
                        count += u32::from(digits > 0);
                        exponent -= i32::from(is_fraction);
                    } else {
                        exponent += i32::from(!is_fraction);
                    }
                }
                b'.' if !is_fraction => is_fraction = true,
                b'e' | b'E' if any => break,
                _ => return None,
            }
            at += 1;
        }
        if let Some((_, power)) = text.get(at..)?.split_first() {
            let power = std::str::from_utf8(power).ok()?.parse::<i16>().ok()?;
            exponent += i32::from(power);
        }
        any.then_some(Self {
            is_negative,
            digits,
            exponent,
        })
    }

    /// What stands before the point, without its sign; `None` if that is too large for any time.
    fn whole(&self) -> Option<u128> {
        scaled(self.digits, self.exponent)
    }

    /// Rounded down; `None` if that is too large for any time.
    fn times_ten_to(&self, power: i32) -> Option<i128> {
        let exponent = self.exponent + power;
        let size = i128::try_from(scaled(self.digits, exponent)?).ok()?;
        let is_whole = exponent >= 0 || self.digits == scaled(size.unsigned_abs(), -exponent)?;
        Some(match self.is_negative {
            true => -size - i128::from(!is_whole),
            false => size,
        })
    }
}

/// Times ten to this power, rounded down.
fn scaled(digits: u128, power: i32) -> Option<u128> {
    let ten = 10_u128.checked_pow(power.unsigned_abs());
    match (power >= 0, ten) {
        (true, ten) => digits.checked_mul(ten?),
        (false, Some(ten)) => Some(digits / ten),
        (false, None) => Some(0),
    }
}

/// As much of a text as fits into a message.
pub(super) fn shortened(text: &str) -> String {
    const SHOWN: usize = 60;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into(),
    }
}

#[cfg(test)]
#[path = "tests/times.rs"]
mod tests;
