//! Rotation: when a segment is to be sealed.

use std::time::Duration;

use archiver_format::contents::Contents;
use archiver_format::manifest::SealReason;
use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::open_segment::OpenSegment;
use crate::config::Rotation;
use crate::world::clock::millis;

const DAY_MS: i64 = 86_400_000;

/// Is a segment large enough to be sealed?
pub fn is_full(rotation: &Rotation, segment: &OpenSegment) -> Option<SealReason> {
    let Contents { records, .. } = segment.contents();
    let reaches = |limit: Option<u64>, has: u64| limit.is_some_and(|limit| has >= limit);
    if reaches(rotation.bytes, segment.data.length()) {
        Some(SealReason::Size)
    } else if reaches(rotation.records, *records) {
        Some(SealReason::Records)
    } else {
        None
    }
}

/// Is a segment's time over? One that is too small for `every` is left until the next time.
pub fn is_due(
    rotation: &Rotation,
    zone: &TimeZone,
    segment: &mut OpenSegment,
    now: i64,
) -> Option<SealReason> {
    if let Some(idle) = rotation.idle
        && now >= segment.written.saturating_add(millis(idle))
    {
        return Some(SealReason::Idle);
    }
    let every = rotation.every?;
    if now < due(every, zone, segment) {
        return None;
    }
    if segment.data.length() >= rotation.bytes_min {
        return Some(SealReason::Every);
    }
    segment.due = Some(next_multiple(every, zone, now));
    None
}

/// When a segment has to be looked at again, in milliseconds since 1970.
pub fn next(rotation: &Rotation, zone: &TimeZone, segment: &mut OpenSegment) -> Option<i64> {
    let idle = rotation
        .idle
        .map(|idle| segment.written.saturating_add(millis(idle)));
    let every = rotation.every.map(|every| due(every, zone, segment));
    idle.into_iter().chain(every).min()
}

/// When the wall clock says that a segment is to be sealed. Worked out once, as it takes a look at the time zone.
fn due(every: Duration, zone: &TimeZone, segment: &mut OpenSegment) -> i64 {
    let opened = segment.opened;
    let due = &mut segment.due;
    *due.get_or_insert_with(|| next_multiple(every, zone, opened))
}

/// The first multiple of an interval after a time, by the clock on the wall in a zone: whole days are counted from 1970,
/// shorter intervals from midnight. A day that lacks an hour, or has one twice, keeps its multiples.
fn next_multiple(every: Duration, zone: &TimeZone, after: i64) -> i64 {
    let every = millis(every).max(1);
    let next = Timestamp::from_millisecond(after).ok().and_then(|time| {
        let time = time.to_zoned(zone.clone());
        let midnight = time.date().to_datetime(Time::midnight());
        let next = match every >= DAY_MS {
            true => {
                let today = midnight.duration_since(DateTime::constant(1970, 1, 1, 0, 0, 0, 0));
                let (days, today) = (every / DAY_MS, today.as_hours() / 24);
                midnight.checked_add((days - today.rem_euclid(days)).days())
            }
            false => {
                let since = time.datetime().duration_since(midnight).as_millis();
                let since = i64::try_from(since).ok()?;
                let next = (since / every + 1).saturating_mul(every).min(DAY_MS);
                midnight.checked_add(next.milliseconds())
            }
        };
        let next = next.ok()?.to_zoned(zone.clone()).ok()?;
        Some(next.timestamp().as_millisecond())
    });
    // The second time that the clock shows this hour.
    let is_later = next.filter(|next| *next > after);
    is_later.unwrap_or_else(|| after.saturating_add(every))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        let time = text.parse::<Timestamp>().expect("a time");
        time.as_millisecond()
    }

    fn next(hours_and_minutes: (u64, u64), zone: &str, after: &str) -> String {
        let (hours, minutes) = hours_and_minutes;
        let every = Duration::from_secs(hours * 3600 + minutes * 60);
        let zone = TimeZone::get(zone).expect("a zone");
        let next = next_multiple(every, &zone, at(after));
        Timestamp::from_millisecond(next)
            .expect("a time")
            .to_string()
    }

    #[test]
    fn multiples_are_those_of_the_clock_on_the_wall() {
        for (every, zone, after, expected) in [
            (
                (1, 0),
                "UTC",
                "2026-11-20T09:17:00Z",
                "2026-11-20T10:00:00Z",
            ),
            (
                (1, 0),
                "UTC",
                "2026-11-20T10:00:00Z",
                "2026-11-20T11:00:00Z",
            ),
            (
                (0, 5),
                "UTC",
                "2026-11-20T23:58:00Z",
                "2026-11-21T00:00:00Z",
            ),
            // An offset of half an hour.
            (
                (1, 0),
                "Asia/Kolkata",
                "2026-11-20T09:17:00Z",
                "2026-11-20T09:30:00Z",
            ),
            (
                (24, 0),
                "Asia/Shanghai",
                "2026-11-20T09:17:00Z",
                "2026-11-20T16:00:00Z",
            ),
            // 2:00 to 3:00 doesn't exist on this day.
            (
                (6, 0),
                "Europe/Berlin",
                "2026-03-29T00:30:00Z",
                "2026-03-29T04:00:00Z",
            ),
            (
                (24, 0),
                "Europe/Berlin",
                "2026-03-28T23:00:00Z",
                "2026-03-29T22:00:00Z",
            ),
            // A week that begins on a Thursday, as 1970 did.
            (
                (7 * 24, 0),
                "UTC",
                "2026-11-20T09:17:00Z",
                "2026-11-26T00:00:00Z",
            ),
        ] {
            assert_eq!(
                next(every, zone, after),
                expected,
                "{every:?} {zone} {after}"
            );
        }
    }
}
