//! Durations: `"500ms"`, `"1s"`, `"5m"`, `"1h"`, `"30d"`, `"1m30s"`.

use std::fmt::Write as _;
use std::time::Duration;

/// The units, largest first, in milliseconds.
const UNITS: [(&str, u64); 5] = [
    ("d", DAY_MS),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

const DAY_MS: u64 = 24 * 3_600_000;

/// Whole numbers with a unit each, the larger unit first, each unit once.
pub fn parse(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut units = UNITS.iter();
    let mut total_ms: u64 = 0;
    while !rest.is_empty() {
        let (number, after) = split_at_first(rest, |c| !c.is_ascii_digit());
        let (unit, after) = split_at_first(after, |c| c.is_ascii_digit());
        // `find` consumes what is larger, so that order and uniqueness follow.
        let (_, unit_ms) = units.find(|(name, _)| *name == unit)?;
        let part_ms = number.parse::<u64>().ok()?.checked_mul(*unit_ms)?;
        total_ms = total_ms.checked_add(part_ms)?;
        rest = after;
    }
    (!text.is_empty()).then(|| Duration::from_millis(total_ms))
}

fn split_at_first(text: &str, stop: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(stop).unwrap_or(text.len()))
}

/// The duration as it would be typed, in hours rather than days.
pub fn show(duration: Duration) -> String {
    let mut rest_ms = duration.as_millis();
    let mut shown = String::new();
    for (name, unit_ms) in &UNITS[1..] {
        let count = rest_ms / u128::from(*unit_ms);
        rest_ms %= u128::from(*unit_ms);
        if count > 0 {
            let _ = write!(shown, "{count}{name}");
        }
    }
    if shown.is_empty() {
        shown.push_str("0s");
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_with_units_are_durations() {
        for (text, ms) in [
            ("500ms", 500),
            ("1s", 1_000),
            ("5m", 300_000),
            ("1h", 3_600_000),
            ("1m30s", 90_000),
            ("1h2m3s4ms", 3_723_004),
            ("0s", 0),
        ] {
            let duration = Duration::from_millis(ms);
            assert_eq!(parse(text), Some(duration), "{text}");
            assert_eq!(show(duration), text);
        }
        let days = Duration::from_hours(49);
        assert_eq!(parse("2d1h"), Some(days));
        assert_eq!(parse(&show(days)), Some(days));
    }

    #[test]
    fn anything_else_is_not() {
        for text in [
            "",
            "1",
            "s",
            "-1s",
            "+1s",
            "1.5s",
            "1 s",
            " 1s",
            "1S",
            "1D",
            "1h1d",
            "30s1m",
            "1s1s",
            "1s5",
            "99999999999999999999s",
            "18446744073709551615h",
            "١s",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
