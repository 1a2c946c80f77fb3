//! Rates: how fast an archive writes now, and in each ten seconds of the last ten minutes.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::snapshot;

/// How often the counts are looked at.
pub const LOOK: Duration = Duration::from_secs(1);
/// How many looks a rate of now is taken over: files are written to about once a second, and not at even times.
const NOW_LOOKS: usize = 5;
/// How long each point of the past is.
const STEP: Duration = Duration::from_secs(10);
/// How many there are.
const POINTS: usize = 60;

/// What was written since the process began; it never becomes less.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    /// Records.
    pub records: u64,
    /// Bytes of lines, before compression.
    pub plain_bytes: u64,
    /// Bytes in the files.
    pub bytes: u64,
}

/// The same in each second.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct PerSecond {
    /// Records.
    pub records: f64,
    /// Bytes of lines, before compression.
    pub plain_bytes: f64,
    /// Bytes in the files.
    pub bytes: f64,
}

/// The counts at the last looks, and the rates before.
#[derive(Debug, Default)]
pub struct Rates {
    looks: VecDeque<(Instant, Written)>,
    step: Option<(Instant, Written)>,
    /// Records and bytes of lines a second.
    past: VecDeque<(u64, u64)>,
}

impl Rates {
    /// Notes how much was written until now.
    pub fn note(&mut self, now: Instant, written: Written) {
        self.looks.push_back((now, written));
        if self.looks.len() > NOW_LOOKS + 1 {
            self.looks.pop_front();
        }
        let (begun, before) = *self.step.get_or_insert((now, written));
        let passed = now.duration_since(begun);
        if passed >= STEP {
            let rate = per_second(before, written, passed);
            self.past
                .push_back((rate.records as u64, rate.plain_bytes as u64));
            if self.past.len() > POINTS {
                self.past.pop_front();
            }
            self.step = Some((now, written));
        }
    }

    /// How fast it is now.
    pub fn now(&self) -> PerSecond {
        match (self.looks.front(), self.looks.back()) {
            (Some((begun, before)), Some((now, written))) => {
                per_second(*before, *written, now.duration_since(*begun))
            }
            _ => PerSecond::default(),
        }
    }

    /// How fast it was, for the picture.
    pub fn shown(&self) -> snapshot::Rates {
        let (records_per_second, plain_bytes_per_second) = self.past.iter().copied().unzip();
        snapshot::Rates {
            step_seconds: STEP.as_secs(),
            records_per_second,
            plain_bytes_per_second,
        }
    }
}

fn per_second(before: Written, now: Written, passed: Duration) -> PerSecond {
    let seconds = passed.as_secs_f64();
    let rate = |before: u64, now: u64| match seconds > 0.0 {
        true => now.saturating_sub(before) as f64 / seconds,
        false => 0.0,
    };
    PerSecond {
        records: rate(before.records, now.records),
        plain_bytes: rate(before.plain_bytes, now.plain_bytes),
        bytes: rate(before.bytes, now.bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_those_of_now_and_of_each_ten_seconds_of_ten_minutes() {
        let (mut rates, begun) = (Rates::default(), Instant::now());
        let mut written = Written::default();
        for second in 0..=1000 {
            rates.note(begun + Duration::from_secs(second), written);
            let records = if second < 990 { 100 } else { 500 };
            written.records += records;
            written.plain_bytes += records * 10;
        }
        assert_eq!(rates.now().records, 500.0);
        let shown = rates.shown();
        assert_eq!(shown.records_per_second.len(), 60);
        assert_eq!(shown.records_per_second[58..], [100, 500]);
        assert_eq!(shown.plain_bytes_per_second[58..], [1000, 5000]);
        assert_eq!(Rates::default().now(), PerSecond::default());
    }
}
