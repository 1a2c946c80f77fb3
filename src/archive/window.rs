//! A window: the part of a topic that an archive takes, and then ends.
//!
//! Where it begins and ends is fixed before the archive starts, so that it ends although producers go on. A partition is
//! over when its position is at its end, when a record behind that comes, or when the broker says that there is nothing
//! more: offsets that hold no record, such as markers of transactions, are never seen.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use archiver_format::position::Positions;
use archiver_format::record::{NextOffset, Partition, Record};

use crate::observe::status::WindowRead;

/// The part of a topic that an archive takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Where each partition begins; others are not read.
    pub from: Positions,
    /// Where each of them ends, behind its last offset; `None` if it goes on until it is stopped.
    pub to: Option<BTreeMap<Partition, NextOffset>>,
    /// The timestamps of its records, in milliseconds since 1970; one without a timestamp is taken if all are.
    pub times: Range<i64>,
    /// A partition is over at a record with this timestamp or a later one, in milliseconds since 1970: none that is taken
    /// comes after it. An end that is found by a search for this timestamp would be too early, as brokers find their own
    /// markers, too, which are stamped with the time at which a transaction ended.
    pub over_at: i64,
    /// So many records are taken at most.
    pub records: u64,
}

impl Window {
    /// Every timestamp.
    pub const ALWAYS: Range<i64> = i64::MIN..i64::MAX;

    /// Is a record with this timestamp in it?
    #[inline]
    pub fn has_time(&self, record: &Record<'_>) -> bool {
        match record.timestamp_ms() {
            Some(ms) => self.times.contains(&ms),
            None => self.times == Self::ALWAYS,
        }
    }

    /// Does it go on, with partitions that come into being later?
    pub fn goes_on(&self) -> bool {
        self.to.is_none()
    }

    /// Does none that is taken come after this record?
    #[inline]
    pub fn is_over_at(&self, record: &Record<'_>) -> bool {
        record.timestamp_ms().is_some_and(|ms| ms >= self.over_at)
    }
}

/// How far whoever reads a window is in it.
#[derive(Debug)]
pub struct Progress {
    window: Window,
    /// Partitions that are read, and where each of them ends.
    open: BTreeMap<Partition, NextOffset>,
    /// Partitions that were read to their ends.
    over: BTreeSet<Partition>,
    /// Partitions of which a record has come that is behind all that are taken.
    passed: BTreeSet<Partition>,
    /// How many records may still be taken.
    left: u64,
    read: WindowRead,
}

/// What becomes of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is taken.
    Taken,
    /// It is left out, and the position moves on behind it.
    LeftOut,
    /// It is behind the end.
    Beyond,
}

impl Progress {
    /// At these positions, after so many records.
    pub fn new(window: Window, positions: &Positions, records: u64) -> Self {
        let ends = window.to.clone().unwrap_or_default();
        let left = window.records.saturating_sub(records);
        let (over, open) = ends
            .into_iter()
            .partition::<BTreeMap<_, _>, _>(|(p, end)| positions.next(*p) >= *end);
        Self {
            over: over.into_keys().collect(),
            passed: BTreeSet::new(),
            open,
            left,
            read: WindowRead::default(),
            window,
        }
    }

    /// Judges a record, and counts it.
    #[inline]
    pub fn judge(&mut self, record: &Record<'_>) -> Verdict {
        let end = self.open.get(&record.partition);
        let is_beyond =
            self.window.to.is_some() && end.is_none_or(|end| record.offset >= end.get());
        if self.left == 0 || is_beyond {
            return Verdict::Beyond;
        }
        if self.window.is_over_at(record) {
            self.passed.insert(record.partition);
        }
        if !self.passed.is_empty() && self.passed.contains(&record.partition) {
            return Verdict::Beyond;
        }
        self.read.count(record);
        if !self.window.has_time(record) {
            *self.read.left_out.entry(record.partition).or_default() += 1;
            return Verdict::LeftOut;
        }
        self.left -= 1;
        Verdict::Taken
    }

    /// The partitions that are over since this was asked last: those that stand at their ends, are said to have nothing
    /// before them, or of which a later record has come.
    pub fn newly_over(
        &mut self,
        positions: &Positions,
        said: &[(Partition, NextOffset)],
    ) -> Vec<Partition> {
        let passed = std::mem::take(&mut self.passed);
        let is_over = |(partition, end): (&Partition, &NextOffset)| {
            let mut said = said.iter();
            positions.next(*partition) >= *end
                || passed.contains(partition)
                || said.any(|(of, at)| of == partition && at >= end)
        };
        let over = self.open.iter().filter(|at| is_over((at.0, at.1)));
        let over = over.map(|(partition, _)| *partition).collect::<Vec<_>>();
        for partition in &over {
            self.open.remove(partition);
            self.over.insert(*partition);
        }
        over
    }

    /// What was read of it.
    pub fn read(&self) -> &WindowRead {
        &self.read
    }

    /// Has it been read to its end?
    pub fn is_complete(&self) -> bool {
        self.left == 0 || (self.window.to.is_some() && self.open.is_empty())
    }

    /// Those of these positions that are read on.
    pub fn reading(&self, positions: &Positions) -> Positions {
        let open = positions.iter();
        open.filter(|(partition, _)| !self.over.contains(partition))
            .collect()
    }

    /// Are partitions read that come into being later?
    pub fn takes_new(&self) -> bool {
        self.window.goes_on()
    }
}

#[cfg(test)]
mod tests {
    use archiver_format::record::{Timestamp, TimestampKind};

    use super::*;

    fn record(partition: Partition, offset: i64, ms: i64) -> Record<'static> {
        let kind = TimestampKind::Create;
        Record {
            partition,
            offset,
            timestamp: Some(Timestamp { ms, kind }),
            ..Record::default()
        }
    }

    fn positions(at: [(Partition, i64); 2]) -> Positions {
        at.into_iter()
            .map(|(p, next)| (p, NextOffset::new(next).into()))
            .collect()
    }

    fn window(records: u64) -> Window {
        Window {
            from: positions([(0, 3), (1, 0)]),
            to: Some([(0, NextOffset::new(9)), (1, NextOffset::ZERO)].into()),
            times: 100..200,
            over_at: 300,
            records,
        }
    }

    #[test]
    fn a_record_is_taken_by_its_offset_and_its_timestamp() {
        let mut progress = Progress::new(window(u64::MAX), &positions([(0, 3), (1, 0)]), 0);
        for (record, verdict) in [
            (record(0, 3, 100), Verdict::Taken),
            (record(0, 4, 99), Verdict::LeftOut),
            (record(0, 5, 200), Verdict::LeftOut),
            (record(0, 8, 199), Verdict::Taken),
            (record(0, 9, 150), Verdict::Beyond),
            (record(1, 0, 150), Verdict::Beyond),
            (
                Record {
                    timestamp: None,
                    ..record(0, 8, 0)
                },
                Verdict::LeftOut,
            ),
        ] {
            assert_eq!(progress.judge(&record), verdict, "{record:?}");
        }
        assert_eq!(progress.read().left_out, [(0, 3)].into());
        assert_eq!(progress.read().records, 5);
    }

    #[test]
    fn a_partition_is_over_at_a_record_that_is_later_than_any_that_is_taken() {
        let at = positions([(0, 3), (1, 0)]);
        let mut progress = Progress::new(window(u64::MAX), &at, 0);
        assert_eq!(progress.judge(&record(0, 3, 300)), Verdict::Beyond);
        assert_eq!(progress.judge(&record(0, 4, 150)), Verdict::Beyond);
        assert_eq!(progress.newly_over(&at, &[]), [0]);
        assert!(progress.is_complete());
    }

    #[test]
    fn it_is_complete_when_each_partition_stands_at_its_end_or_has_nothing_more() {
        let mut progress = Progress::new(window(u64::MAX), &positions([(0, 3), (1, 0)]), 0);
        assert!(!progress.is_complete());
        let at = positions([(0, 8), (1, 0)]);
        assert_eq!(progress.reading(&at).partitions().collect::<Vec<_>>(), [0]);
        assert!(
            progress
                .newly_over(&at, &[(0, NextOffset::new(8))])
                .is_empty()
        );
        assert_eq!(progress.newly_over(&at, &[(0, NextOffset::new(9))]), [0]);
        assert!(progress.is_complete());
        assert!(progress.reading(&at).is_empty());
    }

    #[test]
    fn it_is_complete_when_as_many_records_were_taken_as_are_wanted() {
        let mut progress = Progress::new(window(5), &positions([(0, 3), (1, 0)]), 4);
        assert_eq!(progress.judge(&record(0, 3, 150)), Verdict::Taken);
        assert!(progress.is_complete());
        assert_eq!(progress.judge(&record(0, 4, 150)), Verdict::Beyond);
    }
}
