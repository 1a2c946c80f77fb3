//! The axis of time: which times stand below it, by the clock of a zone.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// A time, and what stands below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tick {
    /// Milliseconds since 1970.
    pub time_ms: i64,
    /// The time, or the day.
    pub label: String,
    /// The date that a time is on, or the year that a day is in, where that is another one than before.
    pub date: Option<String>,
}

/// How far one tick is from the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// By the clock.
    Ms(i64),
    Days(i64),
    Months(i16),
    Years(i16),
}

/// From the shortest to the longest.
const STEPS: [Step; 41] = [
    Step::Ms(1),
    Step::Ms(2),
    Step::Ms(5),
    Step::Ms(10),
    Step::Ms(20),
    Step::Ms(50),
    Step::Ms(100),
    Step::Ms(200),
    Step::Ms(500),
    Step::Ms(SECOND_MS),
    Step::Ms(2 * SECOND_MS),
    Step::Ms(5 * SECOND_MS),
    Step::Ms(10 * SECOND_MS),
    Step::Ms(15 * SECOND_MS),
    Step::Ms(30 * SECOND_MS),
    Step::Ms(MINUTE_MS),
    Step::Ms(2 * MINUTE_MS),
    Step::Ms(5 * MINUTE_MS),
    Step::Ms(10 * MINUTE_MS),
    Step::Ms(15 * MINUTE_MS),
    Step::Ms(30 * MINUTE_MS),
    Step::Ms(HOUR_MS),
    Step::Ms(2 * HOUR_MS),
    Step::Ms(3 * HOUR_MS),
    Step::Ms(6 * HOUR_MS),
    Step::Ms(12 * HOUR_MS),
    Step::Days(1),
    Step::Days(2),
    Step::Days(7),
    Step::Days(14),
    Step::Months(1),
    Step::Months(3),
    Step::Months(6),
    Step::Years(1),
    Step::Years(2),
    Step::Years(5),
    Step::Years(10),
    Step::Years(50),
    Step::Years(100),
    Step::Years(500),
    Step::Years(2000),
];

impl Step {
    /// About how long it is.
    fn ms(self) -> i64 {
        match self {
            Self::Ms(ms) => ms,
            Self::Days(days) => days * DAY_MS,
            Self::Months(months) => i64::from(months) * 30 * DAY_MS,
            Self::Years(years) => i64::from(years) * 365 * DAY_MS,
        }
    }

    /// How a time is written, and the date or year that it is in.
    fn written(self, time: &Zoned) -> (String, Option<String>) {
        let formats = match self {
            Self::Ms(ms) if ms < SECOND_MS => ("%H:%M:%S%.3f", "%Y-%m-%d"),
            Self::Ms(ms) if ms < MINUTE_MS => ("%H:%M:%S", "%Y-%m-%d"),
            Self::Ms(_) => ("%H:%M", "%Y-%m-%d"),
            Self::Days(_) => ("%d %b", "%Y"),
            Self::Months(_) => ("%b", "%Y"),
            Self::Years(_) => ("%Y", ""),
        };
        let (label, date) = formats;
        let date = (!date.is_empty()).then(|| time.strftime(date).to_string());
        (time.strftime(label).to_string(), date)
    }
}

/// At most so many ticks from one time to another, both in milliseconds since 1970.
pub fn ticks(from_ms: i64, to_ms: i64, zone: &TimeZone, most: i64) -> Vec<Tick> {
    let span = to_ms.saturating_sub(from_ms);
    let fits = STEPS.iter().find(|step| span / step.ms() < most.max(1));
    let step = fits.copied().unwrap_or(Step::Years(2000));
    let times = match step {
        Step::Ms(step_ms) => by_clock(from_ms, to_ms, zone, step_ms),
        _ => by_calendar(from_ms, to_ms, zone, step).unwrap_or_default(),
    };
    let mut before = None;
    let ticks = times.into_iter().filter_map(|time_ms| {
        let (label, date) = step.written(&zoned(time_ms, zone)?);
        let is_other = date != before;
        before.clone_from(&date);
        Some(Tick {
            time_ms,
            label,
            date: date.filter(|_| is_other),
        })
    });
    ticks.collect()
}

/// A time as a clock shows it, with its date; down to milliseconds where it has some.
pub fn written(time_ms: i64, zone: &TimeZone) -> String {
    let format = match time_ms.rem_euclid(SECOND_MS) {
        0 => "%Y-%m-%d %H:%M:%S",
        _ => "%Y-%m-%d %H:%M:%S%.3f",
    };
    match zoned(time_ms, zone) {
        Some(time) => time.strftime(format).to_string(),
        None => time_ms.to_string(),
    }
}

/// What a zone is called. Where nothing says which one it is, it is UTC.
pub fn zone_name(zone: &TimeZone) -> &str {
    match zone.is_unknown() {
        true => "UTC",
        false => zone.iana_name().unwrap_or("local time"),
    }
}

/// A time by the clock of a zone, if there are years for it.
pub fn zoned(time_ms: i64, zone: &TimeZone) -> Option<Zoned> {
    let time = Timestamp::from_millisecond(time_ms).ok()?;
    Some(time.to_zoned(zone.clone()))
}

/// Times at which the clock shows a multiple of the step, also behind a change of the clock.
fn by_clock(from_ms: i64, to_ms: i64, zone: &TimeZone, step_ms: i64) -> Vec<i64> {
    // How far the clock is behind the last multiple.
    let behind = |time_ms: i64| {
        let clock_ms = Timestamp::from_millisecond(time_ms).map(|time| {
            let offset = zone.to_offset(time);
            time_ms + i64::from(offset.seconds()) * SECOND_MS
        });
        clock_ms.unwrap_or(time_ms).rem_euclid(step_ms)
    };
    let mut times = Vec::new();
    let mut time_ms = from_ms - behind(from_ms);
    while time_ms <= to_ms {
        if time_ms >= from_ms {
            times.push(time_ms);
        }
        let next_ms = time_ms + step_ms;
        let earlier_ms = next_ms - behind(next_ms);
        time_ms = match earlier_ms > time_ms && behind(earlier_ms) == 0 {
            true => earlier_ms,
            false => next_ms + (step_ms - behind(next_ms)) % step_ms,
        };
    }
    times
}

/// The first moments of days, months or years.
fn by_calendar(from_ms: i64, to_ms: i64, zone: &TimeZone, step: Step) -> Option<Vec<i64>> {
    let mut date = first(zoned(from_ms, zone)?.date(), step)?;
    let mut times = Vec::new();
    loop {
        let start = date.to_zoned(zone.clone()).ok()?;
        let time_ms = start.timestamp().as_millisecond();
        if time_ms > to_ms {
            return Some(times);
        }
        if time_ms >= from_ms {
            times.push(time_ms);
        }
        let next = match step {
            Step::Ms(_) => return Some(times),
            Step::Days(days) => date.checked_add(days.days()),
            Step::Months(months) => date.checked_add(months.months()),
            Step::Years(years) => date.checked_add(years.years()),
        };
        match next {
            Ok(next) => date = next,
            // The last of all years.
            Err(_) => return Some(times),
        }
    }
}

/// The last date of a step that isn't later. Weeks begin on Mondays.
fn first(date: Date, step: Step) -> Option<Date> {
    let first = match step {
        Step::Ms(_) => date,
        Step::Days(days) => {
            let monday = Date::new(1970, 1, 5).ok()?;
            let since = i64::from(monday.until(date).ok()?.get_days());
            date.checked_sub(since.rem_euclid(days).days()).ok()?
        }
        Step::Months(months) => {
            let month = i16::from(date.month()) - 1;
            let month = month - month % months + 1;
            Date::new(date.year(), i8::try_from(month).ok()?, 1).ok()?
        }
        Step::Years(years) => Date::new(date.year() - date.year().rem_euclid(years), 1, 1).ok()?,
    };
    Some(first)
}
