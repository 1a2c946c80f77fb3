//! Numbers for people.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A size in bytes, in at most eight characters.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1 << 10 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    // From here on three digits would be rounded up to the next unit.
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let digits = usize::from(value < 99.95);
    format!("{value:.digits$} {}", UNITS[unit])
}

/// How many times larger the lines are than the file that holds them.
pub fn ratio(plain_bytes: u64, bytes: u64) -> String {
    match bytes {
        0 => String::new(),
        _ => format!("{:.1}", plain_bytes as f64 / bytes as f64),
    }
}

/// A number in at most six characters: exact as long as that is short.
pub fn short(number: u64) -> String {
    const UNITS: [&str; 6] = ["k", "M", "G", "T", "P", "E"];
    if number < 10_000 {
        return number.to_string();
    }
    let mut value = number as f64 / 1000.0;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let digits = match value {
        value if value < 9.995 => 2,
        value if value < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.digits$} {}", UNITS[unit])
}

/// A number with all its digits, in groups of three.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// How long, in seconds, in at most six characters: two units would be more than the eye takes in.
pub fn span(seconds: f64) -> String {
    let units = [
        (119.5, 1.0, "s"),
        (7170.0, 60.0, "min"),
        (172_000.0, 3600.0, "h"),
    ];
    let unit = units.iter().find(|(most, ..)| seconds < *most);
    match unit {
        Some((_, of, name)) => format!("{:.0} {name}", seconds.max(0.0) / of),
        None => match seconds / 86_400.0 {
            days if days < 999.5 => format!("{days:.0} d"),
            days => format!("{:.0} y", days / 365.25),
        },
    }
}

/// A time in milliseconds since 1970 by the clock of this machine, to the second; nothing if there is none. Of what no calendar has it says
/// only on which side that is.
pub fn time(ms: Option<i64>) -> String {
    let Some(ms) = ms else {
        return String::new();
    };
    match Timestamp::from_millisecond(ms) {
        Ok(time) => {
            let time = time.to_zoned(TimeZone::system());
            time.strftime("%Y-%m-%d %H:%M:%S").to_string()
        }
        Err(_) if ms > 0 => "> 9999".into(),
        Err(_) => "< -9999".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_that_no_calendar_has_are_no_blanks() {
        assert_eq!(time(None), "");
        assert_eq!(time(Some(i64::MAX)), "> 9999");
        assert_eq!(time(Some(i64::MIN)), "< -9999");
        assert_eq!(time(Some(1_764_420_000_123)).len(), 19);
    }

    #[test]
    fn numbers_and_spans_are_short() {
        for (number, text) in [
            (0, "0"),
            (9_999, "9999"),
            (10_000, "10.0 k"),
            (2_831_222, "2.83 M"),
            (999_400, "999 k"),
            (999_999, "1.00 M"),
            (u64::MAX, "18.4 E"),
        ] {
            assert_eq!(short(number), text, "{number}");
        }
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_234_567), "1,234,567");
        for (seconds, text) in [
            (-1.0, "0 s"),
            (0.4, "0 s"),
            (119.0, "119 s"),
            (120.0, "2 min"),
            (7_200.0, "2 h"),
            (172_800.0, "2 d"),
            (1e9, "32 y"),
        ] {
            assert_eq!(span(seconds), text, "{seconds}");
        }
    }

    #[test]
    fn sizes_are_short() {
        for (number, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (102_296, "99.9 KiB"),
            (102_400, "100 KiB"),
            (1_023_400, "999 KiB"),
            (1_023_999, "1.0 MiB"),
            (5 << 30, "5.0 GiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(bytes(number), text, "{number}");
        }
    }
}
