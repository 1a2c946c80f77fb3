//! Time: the wall clock, for what people read, and ticks that many archives share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;
use tokio::time::{MissedTickBehavior, interval_at};

use super::broadcast::{Broadcast, Listener};

/// The wall clock.
pub trait Clock: Send + Sync {
    /// Now, in milliseconds since 1970.
    fn now_ms(&self) -> i64;

    /// Now, RFC 3339 in UTC.
    fn now(&self) -> String {
        rfc3339(self.now_ms())
    }
}

/// The operating system's.
pub struct RealClock;

impl Clock for RealClock {
    fn now_ms(&self) -> i64 {
        ms(SystemTime::now())
    }
}

/// Milliseconds since 1970. A clock that is further off than can be told stands at the first or last time that can.
fn ms(time: SystemTime) -> i64 {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => millis(since),
        Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
    }
}

/// A duration in milliseconds; the longest that can be told, if it is longer.
pub fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// A time in milliseconds since 1970, RFC 3339 in UTC; the first or last that can be written, if it is beyond that.
pub fn rfc3339(ms: i64) -> String {
    let nearest = match ms < 0 {
        true => Timestamp::MIN,
        false => Timestamp::MAX,
    };
    let time = Timestamp::from_millisecond(ms).unwrap_or(nearest);
    time.to_string()
}

/// How long it takes at most until it is said that the clock was set, and by how much it must have been.
const LOOK: Duration = Duration::from_secs(5);
const STEP_LEAST: Duration = Duration::from_secs(1);

/// Says for ever when the wall clock was set: the times in the log and in the lists of gaps jump with it.
pub async fn watch() {
    let mut before = (SystemTime::now(), Instant::now());
    loop {
        tokio::time::sleep(LOOK).await;
        let now = (SystemTime::now(), Instant::now());
        if let Some(said) = step(before.0, now.0, now.1 - before.1) {
            tracing::info!("{said}");
        }
        before = now;
    }
}

/// What is to be said of a wall clock that shows these times, so long after each other.
fn step(before: SystemTime, now: SystemTime, elapsed: Duration) -> Option<String> {
    let expected = before.checked_add(elapsed)?;
    let (off, way, why) = match now.duration_since(expected) {
        Ok(off) => (off, "went forward", ": it was set, or the machine slept"),
        Err(e) => (e.duration(), "was set back", ""),
    };
    (off >= STEP_LEAST).then(|| format!("the clock {way} by {:.0} s{why}", off.as_secs_f64()))
}

/// One timer for each interval, however many archives wait for it.
#[derive(Clone, Default)]
pub struct Ticks(Arc<Mutex<HashMap<Duration, Broadcast>>>);

impl Ticks {
    /// The ticks of this interval. Must be called within a tokio runtime.
    pub fn every(&self, interval: Duration) -> Listener {
        let mut intervals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ticks = intervals.entry(interval).or_insert_with(|| {
            let ticks = Broadcast::default();
            tokio::spawn(run(ticks.clone(), interval));
            ticks
        });
        ticks.listen()
    }
}

async fn run(ticks: Broadcast, interval: Duration) {
    let mut timer = interval_at(tokio::time::Instant::now() + interval, interval);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        timer.tick().await;
        ticks.send();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPOCH: SystemTime = SystemTime::UNIX_EPOCH;
    const YEAR: Duration = Duration::from_secs(31_556_952);

    #[test]
    fn a_time_that_cant_be_written_is_the_nearest_that_can() {
        let written = |time| rfc3339(ms(time));
        assert_eq!(written(EPOCH), "1970-01-01T00:00:00Z");
        let last = written(EPOCH + YEAR * 8029);
        assert!(last.starts_with("9999-"), "{last}");
        for years in [8031, 1_000_000] {
            assert_eq!(written(EPOCH + YEAR * years), Timestamp::MAX.to_string());
        }
        assert_eq!(
            written(EPOCH - YEAR * 1_000_000),
            Timestamp::MIN.to_string()
        );
    }

    #[test]
    fn a_clock_that_was_set_is_said_to_be_and_one_that_is_slewed_is_not() {
        let elapsed = Duration::from_secs(5);
        let said = |seconds: f64| {
            let off = Duration::from_secs_f64(seconds.abs());
            let now = EPOCH + YEAR + elapsed;
            let now = if seconds < 0.0 { now - off } else { now + off };
            step(EPOCH + YEAR, now, elapsed)
        };
        assert_eq!(said(0.0), None);
        assert_eq!(said(0.9), None);
        assert_eq!(said(-0.9), None);
        assert_eq!(
            said(-3600.0).as_deref(),
            Some("the clock was set back by 3600 s")
        );
        let forward = said(20.0).unwrap_or_default();
        assert!(forward.contains("went forward by 20 s"), "{forward}");
    }
}
