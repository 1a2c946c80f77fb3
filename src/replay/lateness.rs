//! How late records were sent, against the moment at which they were due: not against the one at which somebody came to
//! send them, by which what holds everything up would be counted once (coordinated omission).

use hdrhistogram::Histogram;
use serde::Serialize;

/// Digits that are kept: one part in a hundred.
const DIGITS: u8 = 2;
/// What is later counts as this late: a day.
const LATEST_NS: u64 = 86_400_000_000_000;

/// How late records were.
#[derive(Debug, Clone, Default)]
pub struct Lateness {
    /// None before the first.
    histogram: Option<Histogram<u32>>,
}

/// Some figures of it, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Figures {
    /// Half were at most so late.
    pub p50_ms: f64,
    /// 99 of 100 were.
    pub p99_ms: f64,
    /// All were.
    pub max_ms: f64,
}

impl Lateness {
    /// Counts one that was so late, or early, which is no lateness.
    pub fn count(&mut self, late_ns: i128) {
        if self.histogram.is_none() {
            self.histogram = Histogram::new_with_max(LATEST_NS, DIGITS).ok();
        }
        if let Some(histogram) = &mut self.histogram {
            histogram.saturating_record(u64::try_from(late_ns).unwrap_or(0));
        }
    }

    /// Counts what another one has counted, too.
    pub fn add(&mut self, other: &Self) {
        match (&mut self.histogram, &other.histogram) {
            (Some(histogram), Some(others)) => {
                // Both have the same bounds.
                let _ = histogram.add(others);
            }
            (None, Some(_)) => self.histogram.clone_from(&other.histogram),
            _ => {}
        }
    }

    /// The figures until now.
    pub fn figures(&self) -> Figures {
        let Some(histogram) = &self.histogram else {
            return Figures::default();
        };
        let ms = |ns: u64| ns as f64 / 1e6;
        Figures {
            p50_ms: ms(histogram.value_at_quantile(0.5)),
            p99_ms: ms(histogram.value_at_quantile(0.99)),
            max_ms: ms(histogram.max()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_figures_are_those_of_what_was_counted() {
        let mut lateness = Lateness::default();
        assert_eq!(lateness.figures(), Figures::default());
        for ms in 1..=100 {
            lateness.count(ms * 1_000_000);
        }
        let near = |found: f64, wanted: f64| (found / wanted - 1.0).abs() < 0.02;
        let figures = lateness.figures();
        assert!(near(figures.p50_ms, 50.0), "{figures:?}");
        assert!(near(figures.p99_ms, 99.0), "{figures:?}");
        assert!(near(figures.max_ms, 100.0), "{figures:?}");
        lateness.count(-5);
        lateness.count(i128::MAX);
    }
}
