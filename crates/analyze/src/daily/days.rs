//! Which days are due.

use anyhow::Context;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// A day by a zone's calendar; it may have 23 hours, or 25.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    /// Its date.
    pub date: Date,
    /// Where it begins, in milliseconds since 1970.
    pub since_ms: i64,
    /// Where the next one begins.
    pub until_ms: i64,
}

impl Day {
    fn of(date: Date, zone: &TimeZone) -> anyhow::Result<Self> {
        let begin = |date: Date| {
            let begin = date.to_zoned(zone.clone());
            begin.map(|begin| begin.timestamp().as_millisecond())
        };
        let bounds = || Ok::<_, jiff::Error>((begin(date)?, begin(date.tomorrow()?)?));
        let (since_ms, until_ms) = bounds().with_context(|| format!("finding the day {date}"))?;
        Ok(Self {
            date,
            since_ms,
            until_ms,
        })
    }
}

/// The days from this one on, or else yesterday alone, to yesterday: all that are over.
///
/// # Errors
///
/// If a date is beyond the calendar.
pub fn due(from: Option<Date>, now_ms: i64, zone: &TimeZone) -> anyhow::Result<Vec<Day>> {
    let now = Timestamp::from_millisecond(now_ms).context("reading the clock")?;
    let today = now.to_zoned(zone.clone()).date();
    let yesterday = today.yesterday().context("reading the clock")?;
    let first = from.unwrap_or(yesterday);
    let dates = first.series(1.day()).take_while(|date| *date < today);
    dates.map(|date| Day::of(date, zone)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn berlin() -> TimeZone {
        TimeZone::get("Europe/Berlin").expect("a zone")
    }

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().expect("a time").as_millisecond()
    }

    #[test]
    fn without_a_first_day_it_is_yesterday_by_the_calendar() {
        // It is the 2nd in Berlin already.
        let days = due(None, at("2026-06-01T22:30:00Z"), &berlin()).expect("days");
        let [day] = days[..] else { panic!("{days:?}") };
        assert_eq!(day.date, date(2026, 6, 1));
        assert_eq!(day.since_ms, at("2026-05-31T22:00:00Z"));
        assert_eq!(day.until_ms, at("2026-06-01T22:00:00Z"));
    }

    #[test]
    fn days_that_were_missed_are_due_each_by_itself_and_none_overlaps() {
        let days = due(
            Some(date(2026, 3, 27)),
            at("2026-03-31T09:00:00Z"),
            &berlin(),
        );
        let days = days.expect("days");
        assert_eq!(days.len(), 4);
        assert!(days.is_sorted_by(|one, next| one.until_ms == next.since_ms));
        let hours = days
            .iter()
            .map(|day| (day.until_ms - day.since_ms) / 3_600_000);
        // On the 29th, the clock is set.
        assert_eq!(hours.collect::<Vec<_>>(), [24, 24, 23, 24]);
    }

    #[test]
    fn a_day_that_isn_t_over_is_never_due() {
        let days = due(
            Some(date(2026, 6, 2)),
            at("2026-06-02T10:00:00Z"),
            &berlin(),
        );
        assert_eq!(days.expect("days"), []);
    }
}
