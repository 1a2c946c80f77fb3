//! The retention race of a partition: will Kafka delete records before they are taken, and when?
//!
//! A partition that lags has its next offset behind the end of the log and before it the log's start, which retention
//! moves. Both are noted at each look. The start moves in jumps, a segment each time, so that its speed is that of the
//! line which fits all points best; the archive's own speed is that of the last ones.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// How many points are kept. When there are too many, every second one is dropped, and only half as many are taken.
const POINTS_MOST: usize = 48;
/// From so many on there is a forecast.
const POINTS_LEAST: usize = 4;
/// Points that are older say nothing of how it goes on.
const WINDOW: Duration = Duration::from_secs(600);
/// How long ago the archive's own speed begins to count.
const OWN_WINDOW: Duration = Duration::from_secs(60);

/// What is known of the race in one partition, while it lags.
#[derive(Debug, Default)]
pub struct Race {
    points: VecDeque<Point>,
    /// The last look, whether it is among them or not.
    latest: Option<Point>,
    /// How far points are apart at least.
    apart: Duration,
}

#[derive(Debug, Clone, Copy)]
struct Point {
    at: Instant,
    /// The first offset of the log.
    start: i64,
    /// The offset that the archive takes next.
    next: i64,
}

impl Race {
    /// Notes where the log begins, and which offset is taken next.
    pub fn note(&mut self, at: Instant, start: i64, next: i64) {
        // A partition that went back, or whose log did, is another race.
        let parted = |last: &Point| start < last.start || next < last.next;
        if self.latest.as_ref().is_some_and(parted) {
            *self = Self::default();
        }
        self.latest = Some(Point { at, start, next });
        let is_close = |last: &Point| at.duration_since(last.at) < self.apart;
        if self.points.back().is_some_and(is_close) {
            return;
        }
        self.points.push_back(Point { at, start, next });
        while self
            .points
            .front()
            .is_some_and(|p| at.duration_since(p.at) > WINDOW)
        {
            self.points.pop_front();
        }
        if self.points.len() > POINTS_MOST {
            let mut number = 0;
            self.points.retain(|_| {
                number += 1;
                number % 2 == 1
            });
            self.apart = WINDOW / POINTS_MOST as u32;
        }
    }

    /// In about how long the log's start is beyond the offset that is taken next, counted from the last look; `None` if
    /// that is not to be expected.
    pub fn overtaken_in(&self) -> Option<Duration> {
        let last = &self.latest?;
        let recent = |point: &&Point| last.at.duration_since(point.at) <= OWN_WINDOW;
        let nexts = self.points.iter().filter(recent);
        let own_speed = slope(nexts.map(|p| (before(last, p), p.next)))?;
        let start_speed = self.start_speed(last)?;
        let closing = start_speed - own_speed;
        let distance = (last.next - last.start) as f64;
        // Slower than a record an hour is no race.
        (start_speed > 0.0 && closing > 1.0 / 3600.0).then_some(())?;
        Duration::try_from_secs_f64((distance / closing).max(0.0)).ok()
    }

    /// How fast the start has moved since it first did: before that, nothing may have been old enough to be deleted.
    fn start_speed(&self, last: &Point) -> Option<f64> {
        let first = self.points.front()?.start;
        let stood = self.points.iter().take_while(|p| p.start == first).count();
        let moved = self.points.iter().skip(stood.saturating_sub(1));
        if moved.len() < POINTS_LEAST {
            return None;
        }
        slope(moved.map(|p| (before(last, p), p.start)))
    }
}

/// When a point was, in seconds before the last one: zero or less.
fn before(last: &Point, point: &Point) -> f64 {
    -last.at.duration_since(point.at).as_secs_f64()
}

/// The slope of the line that fits points best (least squares); `None` if they are all at one time.
fn slope(points: impl Iterator<Item = (f64, i64)> + Clone) -> Option<f64> {
    let (_, first) = points.clone().next()?;
    let (mut count, mut x, mut y, mut xx, mut xy) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for (at, offset) in points {
        // Offsets are large, and only their differences count.
        let offset = (offset - first) as f64;
        count += 1.0;
        x += at;
        y += offset;
        xx += at * at;
        xy += at * offset;
    }
    let spread = count * xx - x * x;
    (spread > f64::EPSILON).then(|| (count * xy - x * y) / spread)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A race in which the start moves by `segment` each time, on average `start` a second, and the archive `own`, with a
    /// distance of so many offsets at first; what is said after so many seconds, looked at every five.
    fn said(segment: i64, start: i64, own: i64, distance: i64, seconds: u64) -> Option<Duration> {
        let (mut race, begun) = (Race::default(), Instant::now());
        for second in (0..=seconds).step_by(5) {
            let passed = second as i64;
            let start = start * passed / segment * segment;
            race.note(
                begun + Duration::from_secs(second),
                start,
                distance + own * passed,
            );
        }
        race.overtaken_in()
    }

    #[test]
    fn what_is_overtaken_is_said_in_advance_and_when() {
        for (seconds, left) in [(60, 940.0), (300, 700.0), (900, 100.0)] {
            let found = said(10_000, 1500, 500, 1_000_000, seconds).expect("a forecast");
            let off = (found.as_secs_f64() - left).abs();
            assert!(off < 5.0 + left / 15.0, "{seconds}: {found:?} for {left}");
        }
    }

    #[test]
    fn a_start_that_has_stood_for_long_is_known_by_its_speed_since() {
        let (mut race, begun) = (Race::default(), Instant::now());
        for look in 0..40 {
            let start = (look - 29).max(0) * 5000;
            race.note(
                begun + Duration::from_secs(5) * look as u32,
                start,
                100_000 + look,
            );
        }
        let left = race.overtaken_in().expect("a forecast").as_secs_f64();
        assert!((left - 50.0).abs() < 2.0, "{left}");
    }

    #[test]
    fn who_is_fast_enough_or_waits_for_nothing_is_not_overtaken() {
        assert_eq!(said(10_000, 1500, 1600, 1_000_000, 600), None);
        assert_eq!(said(10_000, 0, 0, 1_000_000, 600), None);
        assert_eq!(
            said(10_000, 1500, 0, 1_000_000, 10),
            None,
            "too early to say"
        );
    }

    #[test]
    fn the_memory_of_a_race_is_bounded_and_ends_when_the_partition_goes_back() {
        let (mut race, begun) = (Race::default(), Instant::now());
        for second in 0..10_000 {
            race.note(begun + Duration::from_secs(second), second as i64, 50_000);
            assert!(race.points.len() <= POINTS_MOST);
        }
        let left = race.overtaken_in().expect("a forecast").as_secs_f64();
        assert!((left - 40_000.0).abs() < 200.0, "{left}");
        race.note(begun + Duration::from_secs(10_000), 10_000, 20_000);
        assert_eq!(race.overtaken_in(), None);
    }
}
