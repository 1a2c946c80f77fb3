//! Pulse: whether an archive's loop goes round, and what it has submitted is written. The loop only counts; whoever looks
//! remembers since when a count has been what it is.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often the loop goes round at least, whatever it waits for.
pub const BEAT: Duration = Duration::from_secs(5);

/// The pulse of one archive.
#[derive(Debug, Default)]
pub struct Pulse {
    is_reading: AtomicBool,
    has_submitted: AtomicBool,
    beats: Count,
    writes: Count,
}

/// A count, and since when it has been seen as it is.
#[derive(Debug, Default)]
struct Count {
    count: AtomicU64,
    seen: Mutex<Option<(u64, Instant)>>,
}

impl Pulse {
    /// The loop goes round; `has_submitted` something that is not written yet.
    pub fn beats(&self, has_submitted: bool) {
        self.is_reading.store(true, Ordering::Relaxed);
        self.has_submitted.store(has_submitted, Ordering::Relaxed);
        self.beats.count.fetch_add(1, Ordering::Relaxed);
    }

    /// The loop has been left.
    pub fn rests(&self) {
        self.is_reading.store(false, Ordering::Relaxed);
    }

    /// Something that was submitted is written.
    pub fn wrote(&self) {
        self.writes.count.fetch_add(1, Ordering::Relaxed);
    }

    /// Does something wait to be written?
    pub fn is_busy(&self) -> bool {
        self.is_reading.load(Ordering::Relaxed) && self.has_submitted.load(Ordering::Relaxed)
    }

    /// For how long the loop has not gone round, although it should.
    pub fn without_beat(&self, now: Instant) -> Duration {
        let is_due = self.is_reading.load(Ordering::Relaxed);
        self.beats.unchanged_for(now, is_due)
    }

    /// For how long nothing was written, although it `is_due`.
    pub fn without_write(&self, now: Instant, is_due: bool) -> Duration {
        self.writes.unchanged_for(now, is_due)
    }
}

impl Count {
    /// For how long it has been seen as it is, while it `is_due` to change.
    fn unchanged_for(&self, now: Instant, is_due: bool) -> Duration {
        let count = self.count.load(Ordering::Relaxed);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match *seen {
            Some((before, since)) if is_due && before == count => {
                now.saturating_duration_since(since)
            }
            _ => {
                *seen = Some((count, now));
                Duration::ZERO
            }
        }
    }
}
