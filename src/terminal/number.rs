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
