//! Segments whose offsets begin nowhere anew, as one sequence of records.
//!
//! The order within each partition is that of the offsets. A record may be given only if no other segment still has an
//! earlier one of its partition: that is known from what the segments hold, and where they overlap, from looking ahead
//! (`ahead`). Of the records that may be given, that with the earliest timestamp is. Each file was written in the order in
//! which the records came, so there is always one that may be given, once all segments that are waited for are open. Only
//! where Kafka had lost records and wrote others at their offsets, and these lie in several segments, it can't be said
//! which came first; each file's own order is kept then.
//!
//! Open are the first segments of the lanes, with a block of lines each, and those that one of them waits for.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap, VecDeque};

use archiver_format::gap::{Gap, GapReason};
use archiver_format::read::Selection;
use archiver_format::record::Partition;

use super::super::rows::Row;
use super::lanes::lanes;
use super::open::Open;
use super::part::Part;

/// Merges segments.
pub(super) struct Merge {
    parts: Vec<Part>,
    selection: Selection,
    /// Partitions of which Kafka had lost records that it had shown.
    went_back: BTreeSet<Partition>,
    lanes: Vec<Lane>,
    /// The parts that still have records of a partition, in the order of their first offsets.
    holders: HashMap<Partition, Vec<usize>>,
    /// The lanes that have a record, by its timestamp.
    heads: BinaryHeap<Head>,
    /// Heads that wait for another one.
    waiting: Vec<Head>,
}

/// A timestamp in milliseconds since 1970, and the lane that has it. The first in a heap is the earliest.
type Head = Reverse<(i64, usize)>;

struct Lane {
    /// Those that aren't open yet.
    parts: VecDeque<usize>,
    open: Option<Open>,
    /// Records of this partition wait for nobody up to this offset, without it.
    horizon: Option<(Partition, i64)>,
}

impl Lane {
    fn new(parts: VecDeque<usize>) -> Self {
        Self {
            parts,
            open: None,
            horizon: None,
        }
    }
}

impl Merge {
    /// Parts in the order of their numbers.
    pub fn new(parts: Vec<Part>, gaps: &[Gap], selection: Selection) -> Result<Self, String> {
        let lanes = lanes(&parts, gaps).into_iter().map(Lane::new);
        let mut holders = HashMap::<_, Vec<_>>::new();
        for (number, part) in parts.iter().enumerate() {
            for partition in part.spans.keys() {
                holders.entry(*partition).or_default().push(number);
            }
        }
        for (partition, holders) in &mut holders {
            holders.sort_by_key(|part| parts[*part].spans.get(partition).map(|span| span.first));
        }
        let truncated = gaps.iter();
        let truncated = truncated.filter(|gap| gap.reason == GapReason::Truncated);
        let went_back = truncated.map(|gap| gap.partition);
        let mut merge = Self {
            lanes: lanes.collect(),
            parts,
            selection,
            went_back: went_back.collect(),
            holders,
            heads: BinaryHeap::new(),
            waiting: Vec::new(),
        };
        for lane in 0..merge.lanes.len() {
            merge.begin(lane)?;
        }
        Ok(merge)
    }

    /// The next record.
    pub fn next(&mut self) -> Result<Row, String> {
        let lane = loop {
            let Some(Reverse((time, lane))) = self.heads.pop() else {
                if self.waiting.is_empty() {
                    return Ok(Row::End);
                }
                if !self.open_what_is_waited_for()? {
                    break self.that_went_back();
                }
                self.heads.extend(self.waiting.drain(..));
                continue;
            };
            if self.lanes.len() == 1 || self.blocker(lane)?.is_none() {
                break lane;
            }
            self.waiting.push(Reverse((time, lane)));
        };
        // Of nothing, too, it takes as long as the rest of a record.
        if !self.waiting.is_empty() {
            self.heads.extend(self.waiting.drain(..));
        }
        let open = self.lanes[lane].open.as_ref();
        let row = open.map_or(Row::End, Open::row);
        self.step(lane)?;
        Ok(row)
    }

    /// The lane of the earliest of the waiting heads whose partition has some offsets twice.
    fn that_went_back(&mut self) -> usize {
        let is_it = |Reverse((_, lane)): &Head| {
            let open = self.lanes[*lane].open.as_ref();
            open.is_some_and(|open| self.went_back.contains(&open.head.partition))
        };
        let at = self.waiting.iter().position(is_it).unwrap_or(0);
        let Reverse((_, lane)) = self.waiting.remove(at);
        lane
    }

    /// Opens a part that one of the waiting heads waits for; false if all of those are open.
    fn open_what_is_waited_for(&mut self) -> Result<bool, String> {
        for at in 0..self.waiting.len() {
            let Reverse((_, lane)) = self.waiting[at];
            let Some(part) = self.blocker(lane)? else {
                continue;
            };
            if self.lane_of(part).is_some() {
                continue;
            }
            for lane in &mut self.lanes {
                lane.parts.retain(|other| *other != part);
            }
            self.lanes.push(Lane::new(VecDeque::from([part])));
            self.begin(self.lanes.len() - 1)?;
            return Ok(true);
        }
        Ok(false)
    }

    /// A part with an earlier record of the partition of a lane's head, if there is one.
    fn blocker(&mut self, lane: usize) -> Result<Option<usize>, String> {
        let Some(open) = &self.lanes[lane].open else {
            return Ok(None);
        };
        let (part, head) = (open.part, open.head);
        if let Some((partition, below)) = self.lanes[lane].horizon
            && partition == head.partition
            && head.offset < below
        {
            return Ok(None);
        }
        let (mut at, mut horizon) = (0, Some(i64::MAX));
        while let Some(&other) = self.holder(head.partition, at) {
            at += 1;
            let first = self.parts[other].spans.get(&head.partition);
            let first = first.map(|span| span.first);
            if other == part {
                continue;
            }
            if first.is_none_or(|first| first >= head.offset) {
                horizon = horizon.and(first);
                break;
            }
            horizon = None;
            let next = match self.lane_of(other) {
                Some(lane) => self.next_of(lane, head.partition)?,
                None => first,
            };
            if next.is_some_and(|next| next < head.offset) {
                return Ok(Some(other));
            }
        }
        self.lanes[lane].horizon = horizon.map(|below| (head.partition, below));
        Ok(None)
    }

    fn holder(&self, partition: Partition, at: usize) -> Option<&usize> {
        self.holders.get(&partition)?.get(at)
    }

    /// The lane in which a part is open.
    fn lane_of(&self, part: usize) -> Option<usize> {
        let is_it = |lane: &Lane| lane.open.as_ref().is_some_and(|open| open.part == part);
        self.lanes.iter().position(is_it)
    }

    /// The next offset of a partition in the open part of a lane.
    fn next_of(&mut self, lane: usize, partition: Partition) -> Result<Option<i64>, String> {
        let Some(open) = &mut self.lanes[lane].open else {
            return Ok(None);
        };
        let part = &self.parts[open.part];
        open.next_of(partition, || part.open(&self.selection))
    }

    /// Goes on to the next record of a lane, behind the one that was given.
    fn step(&mut self, lane: usize) -> Result<(), String> {
        let Some(open) = &mut self.lanes[lane].open else {
            return Ok(());
        };
        let (part, partition) = (open.part, open.head.partition);
        if !open.step()? {
            self.lanes[lane].open = None;
            self.forget_all(part);
            return self.begin(lane);
        }
        self.heads.push(Reverse((open.time_ms(), lane)));
        if let Some(span) = self.parts[part].spans.get_mut(&partition) {
            span.records = span.records.saturating_sub(1);
            if span.records == 0 {
                self.forget(part, partition);
            }
        }
        Ok(())
    }

    /// A part has no more records.
    fn forget_all(&mut self, part: usize) {
        for partition in self.parts[part].spans.keys() {
            if let Some(holders) = self.holders.get_mut(partition) {
                holders.retain(|holder| *holder != part);
            }
        }
    }

    /// A part has no more records of a partition.
    fn forget(&mut self, part: usize, partition: Partition) {
        if let Some(holders) = self.holders.get_mut(&partition) {
            holders.retain(|holder| *holder != part);
        }
    }

    /// Opens the next part of a lane that has a record.
    fn begin(&mut self, lane: usize) -> Result<(), String> {
        while let Some(part) = self.lanes[lane].parts.pop_front() {
            let stream = self.parts[part].open(&self.selection)?;
            if let Some(open) = Open::new(part, stream)? {
                self.heads.push(Reverse((open.time_ms(), lane)));
                self.lanes[lane].open = Some(open);
                break;
            }
            self.forget_all(part);
        }
        Ok(())
    }
}
