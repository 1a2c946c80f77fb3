//! The clock that says when records are due. It is never set, and goes on while the machine's time is corrected.

use std::num::NonZeroU64;
use std::time::Duration;

use rustix::thread::{clock_nanosleep_absolute, set_current_timer_slack};
use rustix::time::{ClockId, Timespec, clock_gettime};

/// A clock by which somebody can wait.
pub trait Clock {
    /// Nanoseconds since some beginning.
    fn now_ns(&self) -> i128;

    /// Waits until this moment, or a little longer.
    fn sleep_until(&self, moment_ns: i128);
}

/// The system's (`CLOCK_MONOTONIC`), with sleeps up to a moment: a sleep of a length would begin later than it was
/// computed.
#[derive(Debug)]
pub struct Monotonic(());

impl Monotonic {
    /// For this thread, which is woken as exactly as the system can (`PR_SET_TIMERSLACK`).
    pub fn of_thread() -> Self {
        // Without it a wake-up comes up to 50 µs late.
        let _ = set_current_timer_slack(NonZeroU64::new(1));
        Self(())
    }
}

impl Clock for Monotonic {
    fn now_ns(&self) -> i128 {
        let now = clock_gettime(ClockId::Monotonic);
        i128::from(now.tv_sec) * 1_000_000_000 + i128::from(now.tv_nsec)
    }

    fn sleep_until(&self, moment_ns: i128) {
        let moment = moment_ns.max(0);
        let moment = Timespec {
            tv_sec: i64::try_from(moment / 1_000_000_000).unwrap_or(i64::MAX),
            tv_nsec: (moment % 1_000_000_000) as _,
        };
        // A signal ends it early, and who sleeps looks at the clock again.
        let _ = clock_nanosleep_absolute(ClockId::Monotonic, &moment);
    }
}

/// Milliseconds as clocks count.
pub fn of_ms(ms: i64) -> i128 {
    i128::from(ms) * 1_000_000
}

/// What clocks count as whole milliseconds, rounded down.
pub fn in_ms(ns: i128) -> i64 {
    i64::try_from(ns.div_euclid(1_000_000)).unwrap_or(i64::MAX)
}

/// A length of time as clocks count.
pub fn ns(length: Duration) -> i128 {
    i128::try_from(length.as_nanos()).unwrap_or(i128::MAX)
}
