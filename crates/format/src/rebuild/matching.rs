//! Lines held against the records of their topic.
//!
//! Within a partition the lines are in the order of the offsets, but partitions stand between each other in any order. So
//! all ways are followed in which the next records of the partitions can be the lines so far. One that is alone is
//! certain. Where two ways have taken the same records, whatever comes later can't tell them apart.

use std::collections::{HashMap, VecDeque};

use super::{Origins, Unknown};
use crate::contents::Contents;
use crate::digest::Digest;
use crate::index::Origin;
use crate::record::Partition;

/// A record that may be a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// Its own offset.
    pub offset: i64,
    /// Its timestamp in milliseconds since 1970, if it has one.
    pub timestamp_ms: Option<i64>,
    /// The digest of its line, without the newline.
    pub digest: Digest,
}

/// The records of a topic that may be lines of a segment.
pub trait Records {
    /// The next of them in a partition, in the order of their offsets; none if there are no more.
    fn more(&mut self, partition: Partition) -> Result<Vec<Candidate>, Unknown>;
}

/// So many steps of ways are kept at most.
const STEPS_MOST: usize = 1 << 20;

/// Finds out which records the lines of a segment are.
pub struct Matching<R> {
    records: R,
    queues: Vec<Queue>,
    /// All ways that are possible, by how many records they have taken of each partition.
    ways: Vec<Way>,
    /// How many lines were taken.
    lines: u64,
}

/// Records of a partition that not all ways have taken.
struct Queue {
    partition: Partition,
    /// How many lines the segment has of it.
    expected: u64,
    /// How many were dropped before the first one here.
    dropped: u64,
    records: VecDeque<Candidate>,
    is_at_end: bool,
}

/// A way in which the lines so far can be records.
#[derive(Clone)]
struct Way {
    /// How many records it has taken of each partition.
    taken: Vec<u64>,
    /// The partitions of the lines that aren't certain yet, by the places of their queues.
    steps: Vec<u32>,
    /// Another way that has taken the same: where it is another one first, and up to which line.
    other: Option<Other>,
}

#[derive(Clone, Copy)]
struct Other {
    from: u64,
    to: u64,
    one: u32,
    other: u32,
}

impl<R: Records> Matching<R> {
    /// For a segment that holds this.
    pub fn new(records: R, contents: &Contents) -> Self {
        let queues = contents.partitions.iter();
        let queues = queues.map(|(partition, span)| Queue {
            partition: *partition,
            expected: span.records,
            dropped: 0,
            records: VecDeque::new(),
            is_at_end: false,
        });
        let queues = queues.collect::<Vec<_>>();
        let way = Way {
            taken: vec![0; queues.len()],
            steps: Vec::new(),
            other: None,
        };
        Self {
            records,
            queues,
            ways: vec![way],
            lines: 0,
        }
    }

    /// The record that comes next in a partition for whoever has taken so many.
    fn candidate(&mut self, queue: usize, taken: u64) -> Result<Option<Candidate>, Unknown> {
        let of = &mut self.queues[queue];
        if taken >= of.expected {
            return Ok(None);
        }
        let at = usize::try_from(taken - of.dropped).unwrap_or(usize::MAX);
        while at >= of.records.len() && !of.is_at_end {
            let more = self.records.more(of.partition)?;
            of.is_at_end = more.is_empty();
            of.records.extend(more);
        }
        Ok(of.records.get(at).copied())
    }

    /// All ways on from one, with this line.
    fn go_on(&mut self, way: &Way, digest: Digest, next: &mut Vec<Way>) -> Result<(), Unknown> {
        for queue in 0..self.queues.len() {
            let candidate = self.candidate(queue, way.taken[queue])?;
            if candidate.is_some_and(|candidate| candidate.digest == digest) {
                let mut on = way.clone();
                on.taken[queue] += 1;
                on.steps.push(queue as u32);
                next.push(on);
            }
        }
        Ok(())
    }

    /// The number of the first line that isn't certain.
    fn uncertain_from(&self) -> u64 {
        let uncertain = self.ways.first().map_or(0, |way| way.steps.len());
        self.lines + 1 - uncertain as u64
    }

    /// Appends the origins of the steps of the only way, which are certain now.
    fn settle(&mut self, known: &mut VecDeque<Origin>) -> Result<(), Unknown> {
        let [way] = &mut self.ways[..] else {
            return Ok(());
        };
        let mut at = way.taken.clone();
        for step in way.steps.iter().rev() {
            at[*step as usize] -= 1;
        }
        for step in way.steps.drain(..) {
            let queue = &mut self.queues[step as usize];
            let number = usize::try_from(at[step as usize] - queue.dropped).unwrap_or(usize::MAX);
            at[step as usize] += 1;
            let candidate = queue.records.get(number).ok_or(Unknown::Contents)?;
            known.push_back(Origin {
                partition: queue.partition,
                offset: candidate.offset,
                timestamp_ms: candidate.timestamp_ms,
            });
        }
        for (queue, taken) in self.queues.iter_mut().zip(&way.taken) {
            let gone = usize::try_from(taken - queue.dropped).unwrap_or(usize::MAX);
            queue.records.drain(..gone.min(queue.records.len()));
            queue.dropped = *taken;
        }
        Ok(())
    }

    fn ambiguous(&self, other: Other) -> Unknown {
        let partition = |queue: u32| self.queues[queue as usize].partition;
        Unknown::Ambiguous {
            from: other.from,
            to: other.to,
            one: partition(other.one),
            other: partition(other.other),
        }
    }
}

impl<R: Records> Origins for Matching<R> {
    fn line(&mut self, line: &[u8], known: &mut VecDeque<Origin>) -> Result<(), Unknown> {
        let digest = Digest::of(line);
        let from = self.uncertain_from();
        let mut next = Vec::new();
        for way in std::mem::take(&mut self.ways) {
            self.go_on(&way, digest, &mut next)?;
        }
        self.lines += 1;
        self.ways = joined(next, from, self.lines);
        let Some(first) = self.ways.first() else {
            return Err(Unknown::NoRecord { line: self.lines });
        };
        // Each way that is left has another one.
        if let Some(other) = first.other
            && self.ways.iter().all(|way| way.other.is_some())
        {
            return Err(self.ambiguous(other));
        }
        if self.ways.len() * first.steps.len() > STEPS_MOST {
            return Err(Unknown::TooMany { from });
        }
        self.settle(known)
    }

    fn end(&mut self, known: &mut VecDeque<Origin>) -> Result<(), Unknown> {
        let queues = &self.queues;
        let is_whole = |way: &Way| {
            let mut taken = way.taken.iter().zip(queues);
            taken.all(|(taken, queue)| *taken == queue.expected)
        };
        self.ways.retain(is_whole);
        match self.ways.first().map(|way| way.other) {
            None => Err(Unknown::Contents),
            Some(Some(other)) => Err(self.ambiguous(other)),
            Some(None) => self.settle(known),
        }
    }
}

/// Ways, those that have taken the same records as one. The first uncertain line is number `from`, the last one `to`.
fn joined(ways: Vec<Way>, from: u64, to: u64) -> Vec<Way> {
    if ways.len() < 2 {
        return ways;
    }
    let mut places = HashMap::<Vec<u64>, usize>::new();
    let mut joined = Vec::<Way>::new();
    for way in ways {
        let place = *places.entry(way.taken.clone()).or_insert(joined.len());
        let Some(known) = joined.get_mut(place) else {
            joined.push(way);
            continue;
        };
        let steps = known.steps.iter().zip(&way.steps);
        let differs = (from..).zip(steps).find(|(_, (one, other))| one != other);
        let found = differs.map(|(from, (one, other))| Other {
            from,
            to,
            one: *one,
            other: *other,
        });
        known.other = known.other.or(way.other).or(found);
    }
    joined
}
