//! Which records behind the checkpoint were printed already: a crash takes them away, and they are archived once more.

use std::collections::BTreeMap;

use archiver_format::index::Origin;
use archiver_format::position::Positions;
use archiver_format::record::Partition;

/// Records by partition and offset: runs of offsets, from the first to the last of each.
#[derive(Debug, Default)]
pub(super) struct Printed(BTreeMap<Partition, BTreeMap<i64, i64>>);

impl Printed {
    /// Adds a record.
    pub fn add(&mut self, origin: &Origin) {
        let runs = self.0.entry(origin.partition).or_default();
        let offset = origin.offset;
        match runs.range_mut(..=offset).next_back() {
            Some((_, last)) if *last >= offset.saturating_sub(1) => *last = (*last).max(offset),
            _ => drop(runs.insert(offset, offset)),
        }
    }

    /// Was this record printed?
    pub fn contains(&self, origin: &Origin) -> bool {
        let runs = self.0.get(&origin.partition);
        let run = runs.and_then(|runs| runs.range(..=origin.offset).next_back());
        run.is_some_and(|(_, last)| *last >= origin.offset)
    }

    /// Adds all of the others, and leaves none there.
    pub fn take_up(&mut self, others: &mut Self) {
        for (partition, others) in std::mem::take(&mut others.0) {
            let runs = self.0.entry(partition).or_default();
            let mut all = std::mem::take(runs).into_iter().chain(others);
            let mut all = all.by_ref().collect::<Vec<_>>();
            all.sort_unstable();
            for (first, last) in all {
                match runs.last_entry() {
                    Some(mut before) if *before.get() >= first.saturating_sub(1) => {
                        let before = before.get_mut();
                        *before = last.max(*before);
                    }
                    _ => drop(runs.insert(first, last)),
                }
            }
        }
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Forgets what a checkpoint counts: nothing takes that away any more.
    pub fn forget_counted(&mut self, positions: &Positions) {
        self.0.retain(|partition, runs| {
            let next = positions.next(*partition).get();
            runs.retain(|_, last| *last >= next);
            !runs.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use archiver_format::position::Position;
    use archiver_format::record::NextOffset;

    use super::*;

    fn origin(partition: Partition, offset: i64) -> Origin {
        Origin {
            partition,
            offset,
            timestamp_ms: None,
        }
    }

    #[test]
    fn records_are_known_until_a_checkpoint_counts_them() {
        let mut printed = Printed::default();
        for offset in [5, 6, 7, 9, 3] {
            printed.add(&origin(1, offset));
        }
        let known = |printed: &Printed| {
            let offsets = (0..12).filter(|offset| printed.contains(&origin(1, *offset)));
            offsets.collect::<Vec<_>>()
        };
        assert_eq!(known(&printed), [3, 5, 6, 7, 9]);
        assert!(!printed.contains(&origin(0, 5)));
        let at = |offset| Positions::from_iter([(1, Position::from(NextOffset::new(offset)))]);
        printed.forget_counted(&at(7));
        assert_eq!(known(&printed), [5, 6, 7, 9]);
        let mut more = Printed::default();
        for offset in [0, 1, 2, 6, 7, 8, 11] {
            more.add(&origin(1, offset));
        }
        printed.take_up(&mut more);
        assert!(more.is_empty());
        assert_eq!(known(&printed), [0, 1, 2, 5, 6, 7, 8, 9, 11]);
        printed.forget_counted(&at(12));
        assert!(printed.is_empty());
    }
}
