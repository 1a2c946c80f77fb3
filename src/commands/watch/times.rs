//! Times as they are printed, by the clock of a zone.

use archiver_format::record::Timestamp as RecordTime;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::safe::formatted;

/// How much of a time is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// RFC 3339.
    Whole,
    /// Date and time of day.
    Day,
    /// The time of day.
    Clock,
}

impl Shape {
    /// What stands before the milliseconds, and what behind them.
    const fn around(self) -> [&'static str; 2] {
        match self {
            Self::Whole => ["%Y-%m-%dT%H:%M:%S", "%:z"],
            Self::Day => ["%Y-%m-%d %H:%M:%S", ""],
            Self::Clock => ["%H:%M:%S", ""],
        }
    }
}

/// Prints times of one shape. Those of the same second have all in common but their milliseconds.
pub(super) struct Times {
    shape: Shape,
    zone: TimeZone,
    second: Option<i64>,
    before: String,
    behind: String,
}

impl Times {
    /// By the clock of this zone.
    pub fn new(shape: Shape, zone: &TimeZone) -> Self {
        Self {
            shape,
            zone: zone.clone(),
            second: None,
            before: String::new(),
            behind: String::new(),
        }
    }

    /// Appends a time in milliseconds since 1970: that number itself, where no calendar has it.
    pub fn append(&mut self, ms: i64, to: &mut Vec<u8>) {
        let second = ms.div_euclid(1000);
        if self.second != Some(second) {
            let Ok(time) = Timestamp::from_second(second) else {
                return formatted(to, format_args!("{ms}"));
            };
            let time = time.to_zoned(self.zone.clone());
            let [before, behind] = self.shape.around();
            self.before = time.strftime(before).to_string();
            self.behind = time.strftime(behind).to_string();
            self.second = Some(second);
        }
        let ms = ms.rem_euclid(1000);
        let (before, behind) = (&self.before, &self.behind);
        formatted(to, format_args!("{before}.{ms:03}{behind}"));
    }

    /// Appends the time of a record, or that it has none.
    pub fn append_of(&mut self, time: Option<RecordTime>, to: &mut Vec<u8>) {
        match time {
            Some(time) => self.append(time.ms, to),
            None => to.extend_from_slice(b"null"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_their_milliseconds_and_their_zone() {
        let zone = TimeZone::get("Asia/Shanghai").expect("a zone");
        let shown = |shape, times: &[i64]| {
            let mut of = Times::new(shape, &zone);
            let mut to = Vec::new();
            for ms in times {
                of.append(*ms, &mut to);
                to.push(b' ');
            }
            String::from_utf8(to).expect("UTF-8")
        };
        let times = [1_764_420_000_005, 1_764_420_000_123, -1, i64::MAX];
        assert_eq!(
            shown(Shape::Whole, &times),
            "2025-11-29T20:40:00.005+08:00 2025-11-29T20:40:00.123+08:00 1970-01-01T07:59:59.999+08:00 9223372036854775807 "
        );
        assert_eq!(shown(Shape::Day, &times[..1]), "2025-11-29 20:40:00.005 ");
        assert_eq!(shown(Shape::Clock, &times[..1]), "20:40:00.005 ");
    }
}
