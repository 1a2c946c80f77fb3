//! Positions: how far an archive has come in each partition, and how far a batch takes it.
//!
//! A position moves only by an [`Advance`] that begins where it stands. So a record that a batch leaves out or has
//! twice is noticed when the batch is applied.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::record::{LeaderEpoch, NextOffset, Partition, Record};

/// Where a partition goes on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The offset to read next.
    pub next: NextOffset,
    /// The leader epoch of the record before it, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<LeaderEpoch>,
}

impl Position {
    /// The position behind a record.
    #[inline]
    pub const fn after(record: &Record<'_>) -> Self {
        Self {
            next: record.next(),
            epoch: record.epoch,
        }
    }
}

impl From<NextOffset> for Position {
    fn from(next: NextOffset) -> Self {
        Self { next, epoch: None }
    }
}

/// Where each partition goes on. A partition that isn't in it has never been read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    from = "BTreeMap<Partition, Position>",
    into = "BTreeMap<Partition, Position>"
)]
pub struct Positions {
    /// In the order of the partitions: most archives have all of them, so that one is found where its number says.
    sorted: Vec<(Partition, Position)>,
}

impl Positions {
    /// Where a partition goes on; `None` if it has never been read.
    #[inline]
    pub fn get(&self, partition: Partition) -> Option<Position> {
        let at = self.find(partition).ok()?;
        Some(self.sorted[at].1)
    }

    /// The offset to read next in a partition; 0 if it has never been read.
    #[inline]
    pub fn next(&self, partition: Partition) -> NextOffset {
        self.get(partition).unwrap_or_default().next
    }

    /// Puts a partition at a position, wherever it stood.
    #[inline]
    pub fn set(&mut self, partition: Partition, position: Position) {
        match self.find(partition) {
            Ok(at) => self.sorted[at].1 = position,
            Err(at) => self.sorted.insert(at, (partition, position)),
        }
    }

    /// Forgets a partition.
    pub fn remove(&mut self, partition: Partition) {
        if let Ok(at) = self.find(partition) {
            self.sorted.remove(at);
        }
    }

    /// The partitions and their positions, in the order of the partitions.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (Partition, Position)> + '_ {
        self.sorted.iter().copied()
    }

    /// The partitions, in order.
    pub fn partitions(&self) -> impl DoubleEndedIterator<Item = Partition> + '_ {
        self.iter().map(|(partition, _)| partition)
    }

    /// Is there no partition?
    pub fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }

    /// Moves each partition of an advance on, if it stands where the advance begins; else nothing is moved.
    pub fn apply(&mut self, advance: &Advance) -> Result<(), Misstep> {
        self.check(advance)?;
        for step in &advance.steps {
            self.set(step.partition, step.to);
        }
        Ok(())
    }

    /// Does each partition stand where this advance begins?
    pub fn check(&self, advance: &Advance) -> Result<(), Misstep> {
        for step in &advance.steps {
            let stands = self.next(step.partition);
            let goes_back = step.to.next < step.from && !step.is_gap;
            if step.from != stands || goes_back {
                return Err(Misstep {
                    partition: step.partition,
                    stands,
                    from: step.from,
                    to: step.to.next,
                });
            }
        }
        Ok(())
    }

    /// The index of a partition, or the one to insert it at.
    #[inline]
    fn find(&self, partition: Partition) -> Result<usize, usize> {
        let at = usize::try_from(partition).unwrap_or(usize::MAX);
        match self.sorted.get(at) {
            Some((there, _)) if *there == partition => Ok(at),
            _ => self.sorted.binary_search_by_key(&partition, |&(p, _)| p),
        }
    }
}

impl FromIterator<(Partition, Position)> for Positions {
    fn from_iter<I: IntoIterator<Item = (Partition, Position)>>(positions: I) -> Self {
        BTreeMap::from_iter(positions).into()
    }
}

impl<const N: usize> From<[(Partition, Position); N]> for Positions {
    fn from(positions: [(Partition, Position); N]) -> Self {
        positions.into_iter().collect()
    }
}

impl From<BTreeMap<Partition, Position>> for Positions {
    fn from(positions: BTreeMap<Partition, Position>) -> Self {
        Self {
            sorted: positions.into_iter().collect(),
        }
    }
}

impl From<Positions> for BTreeMap<Partition, Position> {
    fn from(positions: Positions) -> Self {
        positions.sorted.into_iter().collect()
    }
}

/// How far a batch, or a listed gap, takes one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The partition.
    pub partition: Partition,
    /// Where it must stand before. Offsets from here to the first record of the batch hold no record: Kafka has
    /// compacted them away, or they are markers of transactions.
    pub from: NextOffset,
    /// Where it stands afterwards.
    pub to: Position,
    /// The offsets between are a gap that is listed. Only such a step may go back, to the end of a log that got
    /// shorter.
    pub is_gap: bool,
}

/// How far a batch takes its archive: one step for each partition that it has records of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Advance {
    /// How many records it holds.
    pub records: u64,
    /// The partitions that it moves.
    pub steps: Vec<Step>,
}

impl Advance {
    /// Counts a record of a partition that stood at `from` before it. Records come in runs of one partition, so the
    /// last step is looked at first.
    #[inline]
    pub fn count(&mut self, record: &Record<'_>, from: NextOffset) {
        self.records += 1;
        self.pass(record, from);
    }

    /// Goes on behind a record of a partition that stood at `from` before it, without counting the record.
    #[inline]
    pub fn pass(&mut self, record: &Record<'_>, from: NextOffset) {
        let to = Position::after(record);
        match self.steps.last_mut() {
            Some(last) if last.partition == record.partition => last.to = to,
            _ => self.reach(record.partition, from, to),
        }
    }

    /// Moves a partition that is not the one of the record before.
    fn reach(&mut self, partition: Partition, from: NextOffset, to: Position) {
        let mut steps = self.steps.iter_mut();
        match steps.find(|step| step.partition == partition) {
            Some(step) => step.to = to,
            None => self.steps.push(Step {
                partition,
                from,
                to,
                is_gap: false,
            }),
        }
    }
}

/// A batch does not begin where its partition stands, so something would be lost or doubled: a fault in the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "partition {partition} stands at offset {stands}, but what was to be written takes it from {from} to {to}; this is a \
     fault in the program, please report it"
)]
pub struct Misstep {
    /// The partition.
    pub partition: Partition,
    /// Where it stands.
    pub stands: NextOffset,
    /// Where the batch begins.
    pub from: NextOffset,
    /// Where it ends.
    pub to: NextOffset,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(next: i64) -> Position {
        NextOffset::new(next).into()
    }

    fn step(partition: Partition, from: i64, to: i64) -> Step {
        Step {
            partition,
            from: NextOffset::new(from),
            to: at(to),
            is_gap: false,
        }
    }

    fn advance(steps: &[Step]) -> Advance {
        Advance {
            records: 1,
            steps: steps.to_vec(),
        }
    }

    #[test]
    fn an_advance_moves_each_partition_that_stands_where_it_begins() {
        let mut positions = Positions::from([(0, at(5)), (7, at(2))]);
        positions
            .apply(&advance(&[step(0, 5, 9), step(3, 0, 4)]))
            .expect("fits");
        let expected = [(0, at(9)), (3, at(4)), (7, at(2))];
        assert_eq!(positions, Positions::from(expected));
    }

    #[test]
    fn an_overlap_or_a_hole_is_refused_and_nothing_is_moved() {
        let before = Positions::from([(0, at(5)), (1, at(5))]);
        for wrong in [step(1, 4, 9), step(1, 6, 9), step(1, 5, 4), step(2, 1, 2)] {
            let mut positions = before.clone();
            let refused = positions.apply(&advance(&[step(0, 5, 6), wrong]));
            assert_eq!(refused.map_err(|e| e.partition), Err(wrong.partition));
            assert_eq!(positions, before, "{wrong:?}");
        }
    }

    #[test]
    fn only_a_gap_that_is_named_steps_back() {
        let mut positions = Positions::from([(0, at(9))]);
        let back = Step {
            is_gap: true,
            ..step(0, 9, 4)
        };
        positions.apply(&advance(&[back])).expect("named");
        assert_eq!(positions.next(0), NextOffset::new(4));
    }

    #[test]
    fn an_advance_has_each_partition_once_from_where_it_stood() {
        let mut advance = Advance::default();
        for (partition, offset, from) in [(0, 5, 3), (1, 9, 9), (0, 7, 6), (1, 10, 10), (2, 0, 0)] {
            let record = Record {
                partition,
                offset,
                epoch: Some(3),
                ..Record::default()
            };
            advance.count(&record, NextOffset::new(from));
        }
        assert_eq!(advance.records, 5);
        let steps = advance.steps.iter();
        let steps = steps.map(|step| (step.partition, step.from.get(), step.to.next.get()));
        let steps = steps.collect::<Vec<_>>();
        assert_eq!(steps, [(0, 3, 8), (1, 9, 11), (2, 0, 1)]);
        assert!(advance.steps.iter().all(|step| step.to.epoch == Some(3)));
    }
}
