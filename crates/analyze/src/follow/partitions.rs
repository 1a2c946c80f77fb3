//! How far each partition was looked at, and the watermark that follows from their times.

use std::collections::BTreeMap;
use std::time::Duration;

use archiver_format::position::{Position, Positions};
use archiver_format::record::{NextOffset, Partition as Number};
use serde::{Deserialize, Serialize};

/// How far a partition was looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partition {
    /// Records before this offset were looked at.
    pub seen: NextOffset,
    /// Records before this offset are in no window that is open.
    pub low: NextOffset,
    /// The latest time of a record that was looked at, in milliseconds since 1970.
    pub latest_ms: Option<i64>,
    /// For so many milliseconds nothing has come, while others went on.
    pub quiet_ms: u64,
}

/// The partitions of an archive.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Partitions(BTreeMap<Number, Partition>);

/// A partition in which offsets begin anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("partition {partition} was looked at up to offset {seen}, and the archive is at {stands}")]
pub struct Backwards {
    partition: Number,
    seen: NextOffset,
    stands: NextOffset,
}

impl Partitions {
    /// Where each was looked at.
    pub fn seen(&self) -> Positions {
        self.positions(|partition| partition.seen)
    }

    /// Where the records of open windows begin.
    pub fn low(&self) -> Positions {
        self.positions(|partition| partition.low)
    }

    fn positions(&self, of: impl Fn(&Partition) -> NextOffset) -> Positions {
        let all = self.0.iter();
        all.map(|(number, partition)| (*number, Position::from(of(partition))))
            .collect()
    }

    /// Goes on to where the archive is. So long is it since the archive went on before. Returns whether it has gone on.
    ///
    /// # Errors
    ///
    /// If a partition has gone back.
    pub fn advance(
        &mut self,
        to: &Positions,
        elapsed: Duration,
        idle: Duration,
    ) -> Result<bool, Backwards> {
        let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let mut has_advanced = false;
        let mut quiet = Vec::new();
        for (number, position) in to.iter() {
            let partition = self.0.entry(number).or_default();
            if position.next < partition.seen {
                return Err(Backwards {
                    partition: number,
                    seen: partition.seen,
                    stands: position.next,
                });
            }
            if position.next > partition.seen {
                partition.seen = position.next;
                partition.quiet_ms = 0;
                has_advanced = true;
            } else {
                quiet.push(number);
            }
        }
        if has_advanced {
            // The archive itself may have stood still: then it must have gone on twice before one of its partitions is idle.
            let more = ms(elapsed.min(idle / 2));
            for number in quiet {
                let quiet_ms = &mut self.0.entry(number).or_default().quiet_ms;
                *quiet_ms = quiet_ms.saturating_add(more);
            }
        }
        Ok(has_advanced)
    }

    /// Notes the latest time of a record that has come.
    pub fn note_time(&mut self, number: Number, latest_ms: i64) {
        let held = &mut self.0.entry(number).or_default().latest_ms;
        *held = (*held).max(Some(latest_ms));
    }

    /// Notes where the records of open windows begin; a partition that isn't among these has none.
    pub fn note_low(&mut self, lows: &BTreeMap<Number, NextOffset>) {
        for (number, partition) in &mut self.0 {
            partition.low = lows.get(number).copied().unwrap_or(partition.seen);
        }
    }

    /// The time behind which no record is expected any more: so much before the least of the latest times in partitions that
    /// aren't idle. `None` if one of these has no record yet.
    pub fn watermark(&self, lateness_ms: i64, idle: Duration) -> Option<i64> {
        let active = self.0.values();
        let active = active.filter(|partition| u128::from(partition.quiet_ms) < idle.as_millis());
        let latest = active.map(|partition| partition.latest_ms);
        let least = latest.collect::<Option<Vec<_>>>()?.into_iter().min()?;
        Some(least.saturating_sub(lateness_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Duration = Duration::from_mins(1);
    const POLL: Duration = Duration::from_secs(5);

    fn at(offsets: &[i64]) -> Positions {
        let offsets = (0..).zip(offsets);
        offsets
            .map(|(number, offset)| (number, NextOffset::new(*offset).into()))
            .collect()
    }

    #[test]
    fn the_slowest_partition_holds_the_watermark_until_it_is_idle() {
        let mut partitions = Partitions::default();
        assert_eq!(partitions.advance(&at(&[5, 3]), POLL, IDLE), Ok(true));
        partitions.note_time(0, 1_000);
        assert_eq!(partitions.watermark(10, IDLE), None);
        partitions.note_time(1, 400);
        assert_eq!(partitions.watermark(10, IDLE), Some(390));
        for n in 6..18 {
            assert_eq!(partitions.watermark(10, IDLE), Some(390), "{n}");
            assert_eq!(partitions.advance(&at(&[n, 3]), POLL, IDLE), Ok(true));
        }
        assert_eq!(partitions.watermark(10, IDLE), Some(990));
        assert_eq!(partitions.advance(&at(&[18, 4]), POLL, IDLE), Ok(true));
        assert_eq!(partitions.watermark(10, IDLE), Some(390));
    }

    #[test]
    fn an_archive_that_stood_still_makes_no_partition_idle_at_once() {
        let mut partitions = Partitions::default();
        let night = Duration::from_hours(8);
        partitions.advance(&at(&[5, 3]), POLL, IDLE).unwrap();
        partitions.note_time(0, 1_000);
        partitions.note_time(1, 400);
        assert_eq!(partitions.advance(&at(&[5, 3]), night, IDLE), Ok(false));
        assert_eq!(partitions.advance(&at(&[6, 3]), night, IDLE), Ok(true));
        assert_eq!(partitions.watermark(0, IDLE), Some(400));
        assert_eq!(partitions.advance(&at(&[7, 3]), night, IDLE), Ok(true));
        assert_eq!(partitions.watermark(0, IDLE), Some(1_000));
    }

    #[test]
    fn offsets_that_begin_anew_are_noticed() {
        let mut partitions = Partitions::default();
        partitions.advance(&at(&[5, 3]), POLL, IDLE).unwrap();
        let error = partitions.advance(&at(&[5, 2]), POLL, IDLE).unwrap_err();
        assert_eq!(
            error.to_string(),
            "partition 1 was looked at up to offset 3, and the archive is at 2"
        );
    }
}
