//! How librdkafka's threads wait: this takes the place of the C library's function, which waits for a time of day. When
//! the clock is set back, that would come later by as much (docs/adr/0010-monotonic-waits.md).

use std::ffi::c_int;
use std::time::Duration;

use libc::{clockid_t, pthread_cond_t, pthread_mutex_t, timespec};

/// What C11's threads return, by glibc's threads.h.
const SUCCESS: c_int = 0;
const ERROR: c_int = 2;
const TIMED_OUT: c_int = 4;

/// librdkafka measures by the monotonic clock, and waits again if it is told too early that the time is over. So a clock
/// that is set between its look at it and ours costs no more than this.
const LONGEST: Duration = Duration::from_secs(5);

unsafe extern "C" {
    fn pthread_cond_clockwait(
        cond: *mut pthread_cond_t,
        mutex: *mut pthread_mutex_t,
        clock: clockid_t,
        until: *const timespec,
    ) -> c_int;
}

/// Waits on a condition until this time of day, as the clock is set now.
///
/// # Safety
/// What C11 asks for: the condition is alive, the mutex held by this thread, and `until` readable.
#[unsafe(no_mangle)]
unsafe extern "C" fn cnd_timedwait(
    cond: *mut pthread_cond_t,
    mutex: *mut pthread_mutex_t,
    until: *const timespec,
) -> c_int {
    // SAFETY: the caller's. In glibc a `cnd_t` is a `pthread_cond_t` and a `mtx_t` a `pthread_mutex_t`: its own
    // cnd_timedwait casts them, too.
    let ended = unsafe {
        let left = left(now(libc::CLOCK_REALTIME), *until);
        let until = after(now(libc::CLOCK_MONOTONIC), left);
        pthread_cond_clockwait(cond, mutex, libc::CLOCK_MONOTONIC, &until)
    };
    match ended {
        0 => SUCCESS,
        libc::ETIMEDOUT => TIMED_OUT,
        _ => ERROR,
    }
}

/// The time by a clock.
fn now(clock: clockid_t) -> timespec {
    let mut now = timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `now` is writable. Neither of the two clocks can fail.
    unsafe { libc::clock_gettime(clock, &mut now) };
    now
}

fn left(now: timespec, until: timespec) -> Duration {
    let nanos = |time: timespec| i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec);
    let left = u64::try_from((nanos(until) - nanos(now)).max(0));
    left.map_or(LONGEST, Duration::from_nanos).min(LONGEST)
}

/// The time so long after another one.
fn after(now: timespec, left: Duration) -> timespec {
    let nanos = now.tv_nsec + i64::from(left.subsec_nanos());
    timespec {
        tv_sec: now.tv_sec + left.as_secs().cast_signed() + nanos / 1_000_000_000,
        tv_nsec: nanos % 1_000_000_000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(tv_sec: i64, tv_nsec: i64) -> timespec {
        timespec { tv_sec, tv_nsec }
    }

    #[test]
    fn what_is_left_is_told_from_both_times_and_never_long() {
        let half = 500_000_000;
        assert_eq!(left(at(10, half), at(12, 0)), Duration::from_millis(1500));
        for passed in [at(10, half), at(10, 0), at(i64::MIN, 0)] {
            assert_eq!(left(at(10, half), passed), Duration::ZERO);
        }
        for far in [at(3610, 0), at(i64::MAX, 999_999_999)] {
            assert_eq!(left(at(10, 0), far), LONGEST);
            assert_eq!(left(at(i64::MIN, 0), far), LONGEST);
        }
    }

    #[test]
    fn the_end_of_a_wait_carries_into_the_next_second() {
        let end = after(at(7, 800_000_000), Duration::from_millis(1300));
        assert_eq!((end.tv_sec, end.tv_nsec), (9, 100_000_000));
    }
}
