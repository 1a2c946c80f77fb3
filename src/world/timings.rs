//! How long things took, counted in classes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The upper bounds of the classes, in seconds; the last class has none.
pub const BOUNDS_SECONDS: [f64; 11] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 25.0,
];

/// Counts durations in classes.
#[derive(Debug, Default)]
pub struct Timings {
    counts: [AtomicU64; BOUNDS_SECONDS.len() + 1],
    sum_us: AtomicU64,
}

/// What devices took long for.
#[derive(Debug, Default)]
pub struct DiskTimings {
    /// Writes of batches.
    pub writes: Timings,
    /// Syncs of files that were made together.
    pub syncs: Timings,
}

impl Timings {
    /// Counts one.
    pub fn count(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        let class = BOUNDS_SECONDS.partition_point(|bound| *bound < seconds);
        self.counts[class].fetch_add(1, Ordering::Relaxed);
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.sum_us.fetch_add(us, Ordering::Relaxed);
    }

    /// How many there were in each class: one more than the bounds.
    pub fn counts(&self) -> Vec<u64> {
        let counts = self.counts.iter();
        counts.map(|count| count.load(Ordering::Relaxed)).collect()
    }

    /// How long all took together, in seconds.
    pub fn sum_seconds(&self) -> f64 {
        self.sum_us.load(Ordering::Relaxed) as f64 / 1e6
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_counted_in_the_class_whose_bound_it_does_not_exceed() {
        let timings = Timings::default();
        for ms in [0, 1, 2, 30, 90_000] {
            timings.count(Duration::from_millis(ms));
        }
        assert_eq!(timings.counts(), [2, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1]);
        assert!((timings.sum_seconds() - 90.033).abs() < 1e-6);
    }
}
