//! In which directory a record's file is: Hive's `day=2026-01-01/hour=05`, by the clock of a zone.

use std::fmt;

use archiver::moment::Zone;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// What Hive, Spark and Trino call the directory of records without a value.
const NONE: &str = "__HIVE_DEFAULT_PARTITION__";

/// By what files are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
pub enum PartitionBy {
    /// A directory for each day
    #[serde(rename = "day")]
    #[value(name = "day")]
    Day,
    /// A directory for each day, and in it one for each hour
    #[serde(rename = "day,hour")]
    #[value(name = "day,hour")]
    DayAndHour,
}

impl PartitionBy {
    /// As it is typed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::DayAndHour => "day,hour",
        }
    }

    /// The columns that readers make of the directories.
    pub fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Day => &["day"],
            Self::DayAndHour => &["day", "hour"],
        }
    }
}

/// From a record's timestamp to the directory of its file.
#[derive(Debug, Clone)]
pub struct Layout {
    /// By what; `None` is one directory for all.
    pub by: Option<PartitionBy>,
    /// Whose clock says which day it is.
    pub zone: Zone,
}

impl Layout {
    /// The place of a record with this timestamp, in milliseconds since 1970.
    pub fn place(&self, timestamp_ms: Option<i64>) -> Place {
        let Some(by) = self.by else {
            return Place::All;
        };
        let time = timestamp_ms.and_then(|ms| Timestamp::from_millisecond(ms).ok());
        let clock = time.map(|time| self.zone.0.to_datetime(time));
        match by {
            PartitionBy::Day => Place::Day(clock.map(|clock| clock.date())),
            PartitionBy::DayAndHour => Place::Hour(clock.map(|clock| (clock.date(), clock.hour()))),
        }
    }
}

/// Where a record belongs. One without a timestamp, or with one that no calendar has, belongs to no day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// All records are in one place.
    All,
    /// Those of a day.
    Day(Option<Date>),
    /// Those of an hour.
    Hour(Option<(Date, i8)>),
}

impl fmt::Display for Place {
    /// The directory, with a slash behind it; nothing for all.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => Ok(()),
            Self::Day(Some(day)) => write!(f, "day={day}/"),
            Self::Day(None) => write!(f, "day={NONE}/"),
            Self::Hour(Some((day, hour))) => write!(f, "day={day}/hour={hour:02}/"),
            Self::Hour(None) => write!(f, "day={NONE}/hour={NONE}/"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(by: PartitionBy, zone: &str, ms: Option<i64>) -> String {
        let zone = zone.parse().expect("a zone");
        let layout = Layout { by: Some(by), zone };
        layout.place(ms).to_string()
    }

    #[test]
    fn a_record_is_in_the_day_and_hour_of_the_zone() {
        let by = PartitionBy::DayAndHour;
        for (zone, ms, expected) in [
            ("UTC", 1_767_243_599_999, "day=2026-01-01/hour=04/"),
            ("UTC", 1_767_243_600_000, "day=2026-01-01/hour=05/"),
            ("Asia/Tokyo", 1_767_225_600_000, "day=2026-01-01/hour=09/"),
            (
                "America/New_York",
                1_767_225_600_000,
                "day=2025-12-31/hour=19/",
            ),
            // The clock is set back from three to two, and shows half past two twice.
            (
                "Europe/Berlin",
                1_792_888_200_000,
                "day=2026-10-25/hour=02/",
            ),
            (
                "Europe/Berlin",
                1_792_891_800_000,
                "day=2026-10-25/hour=02/",
            ),
            ("UTC", -1, "day=1969-12-31/hour=23/"),
        ] {
            assert_eq!(place(by, zone, Some(ms)), expected, "{zone} {ms}");
        }
        assert_eq!(place(PartitionBy::Day, "UTC", Some(0)), "day=1970-01-01/");
    }

    #[test]
    fn a_record_without_a_time_that_a_calendar_has_is_in_no_day() {
        for ms in [None, Some(i64::MAX), Some(i64::MIN)] {
            let directory = place(PartitionBy::Day, "UTC", ms);
            assert_eq!(directory, "day=__HIVE_DEFAULT_PARTITION__/");
        }
    }
}
