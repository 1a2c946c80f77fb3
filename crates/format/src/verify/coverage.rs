//! Which offsets of each partition an archive holds: whether it has one twice, and where it has none.
//!
//! A topic that is created again, and a log that got shorter, begin offsets anew. So the offsets of a partition are
//! several generations, and a gap in the manifest ends one and begins the next. Where a segment has lines of several of
//! them is not written anywhere: but a partition goes back where one begins, and each generation has a last offset.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::path::PathBuf;

use super::finding::Finding;
use super::listing::Listing;
use super::pieces::{Piece, Pieces};
use super::runs::{Run, Runs, joined, without};
use super::segments::Listed;
use crate::checkpoint::Checkpoint;
use crate::contents::Contents;
use crate::gap::{Gap, GapReason};
use crate::manifest::Entry;
use crate::record::Partition;

/// Offsets that an archive doesn't hold, without a gap that says why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hole {
    /// The partition.
    pub partition: Partition,
    /// The first of the offsets.
    pub from: i64,
    /// The offset behind the last.
    pub to: i64,
    /// Are these offsets of the topic as it is now, as far as the archive knows?
    pub is_of_now: bool,
}

/// The offsets of an archive.
#[derive(Debug, Default)]
pub struct Coverage {
    partitions: BTreeMap<Partition, Vec<Generation>>,
    paths: Vec<PathBuf>,
}

/// Offsets of a partition that go up.
#[derive(Debug, Default)]
struct Generation {
    /// The line of the manifest that begins it; 0 for the first one.
    line: u64,
    /// Up to where it goes at most, as far as that is known without its lines.
    begin: Option<i64>,
    end: Option<i64>,
    /// Offsets that need not be there: gaps, and what can't be known.
    excused: Vec<Run>,
    /// What segments hold, and which segment.
    held: Vec<(usize, Runs)>,
}

impl Coverage {
    /// What is known without the segments.
    pub(super) fn new(listing: &Listing, checkpoint: &Checkpoint) -> Self {
        let mut coverage = Self::default();
        for (line, entry) in &listing.lines {
            if let Entry::Gap(gap) = entry {
                coverage.add_gap(*line, gap);
            }
        }
        for (partition, position) in checkpoint.progress.positions.iter() {
            coverage.last(partition).end = Some(position.next.get());
        }
        coverage
    }

    fn generations(&mut self, partition: Partition) -> &mut Vec<Generation> {
        let generations = self.partitions.entry(partition).or_default();
        if generations.is_empty() {
            generations.push(Generation::default());
        }
        generations
    }

    fn last(&mut self, partition: Partition) -> &mut Generation {
        let generations = self.generations(partition);
        let last = generations.len() - 1;
        &mut generations[last]
    }

    fn add_gap(&mut self, line: u64, gap: &Gap) {
        let from = gap.from.get();
        let run = gap.to.map(|to| Run { from, to: to.get() });
        let last = self.last(gap.partition);
        last.excused.extend(run);
        let next = match gap.reason {
            GapReason::Expired | GapReason::Corrupt => return,
            GapReason::Recreated => {
                last.end = Some(from);
                Generation {
                    line,
                    begin: Some(0),
                    ..Generation::default()
                }
            }
            // What was read stays; others may be at the same offsets, or may have been deleted unread.
            GapReason::Truncated => {
                last.end = run.map(|run| run.to);
                Generation {
                    line,
                    begin: Some(from),
                    excused: run.into_iter().collect(),
                    ..Generation::default()
                }
            }
        };
        self.generations(gap.partition).push(next);
    }

    /// Adds what a segment holds, and says where it goes back.
    pub(super) fn add(
        &mut self,
        listed: &Listed,
        path: PathBuf,
        pieces: Pieces,
        findings: &mut Vec<Finding>,
    ) {
        let number = self.paths.len();
        let mut pieces = pieces.into_list().into_iter().peekable();
        while let Some(Piece { partition, runs }) = pieces.next() {
            let mut all = vec![runs];
            while let Some(next) = pieces.next_if(|next| next.partition == partition) {
                all.push(next.runs);
            }
            let generations = self.generations(partition);
            let (lowest, highest) = possible(generations, listed);
            let possible = highest - lowest + 1;
            if let (Some(back), Some(before)) = (all.get(possible), all.get(possible - 1)) {
                findings.push(Finding::Back {
                    path: path.clone(),
                    partition,
                    offset: back.first(),
                    before: before.end() - 1,
                });
            }
            // Each piece is of a later generation than the one before.
            let spare = possible.saturating_sub(all.len());
            for (at, runs) in (lowest..).zip(all) {
                let at = at.min(highest);
                let window = &mut generations[at..=(at + spare).min(highest)];
                place(window, number, runs);
            }
        }
        self.paths.push(path);
    }

    /// Is all that a segment has of a partition of the log as it is now, as far as the archive knows?
    pub(super) fn is_of_now(&self, partition: Partition, listed: &Listed) -> bool {
        let generations = self.partitions.get(&partition);
        generations.is_none_or(|all| possible(all, listed).0 + 1 == all.len().max(1))
    }

    /// Excuses the offsets that a segment may hold, where it can't be known which those are.
    pub(super) fn excuse(&mut self, listed: &Listed, contents: &Contents) {
        for (partition, span) in &contents.partitions {
            let generations = self.generations(*partition);
            let (lowest, highest) = possible(generations, listed);
            for generation in &mut generations[lowest..=highest] {
                generation.excused.push(Run {
                    from: span.first,
                    to: span.last.saturating_add(1),
                });
            }
        }
    }

    /// Ends with what all segments hold.
    pub(super) fn finish(&mut self, findings: &mut Vec<Finding>) {
        for (partition, generations) in &mut self.partitions {
            for generation in &mut *generations {
                generation.excused = joined(std::mem::take(&mut generation.excused));
            }
            let last = generations.last();
            let Some((last, next)) = last.and_then(|last| Some((last, last.end?))) else {
                continue;
            };
            let highest = last.held.iter().max_by_key(|(_, runs)| runs.end());
            if let Some((at, runs)) = highest.filter(|(_, runs)| runs.end() > next) {
                findings.push(Finding::Ahead {
                    path: self.paths[*at].clone(),
                    partition: *partition,
                    offset: runs.end() - 1,
                    next,
                });
            }
        }
        findings.extend(self.twice());
    }

    /// Offsets that two segments hold.
    fn twice(&self) -> Vec<Finding> {
        let mut found = BTreeMap::<(Partition, usize, usize), Run>::new();
        for (partition, generation) in self.all() {
            generation.merge(
                |one, other, run| {
                    let known = found.entry((partition, one, other)).or_insert(run);
                    known.to = known.to.max(run.to);
                },
                |_| {},
            );
        }
        let found = found.into_iter();
        let found = found.map(|((partition, one, other), run)| Finding::Twice {
            partition,
            from: run.from,
            to: run.to,
            path: self.paths[other].clone(),
            other: self.paths[one].clone(),
        });
        found.collect()
    }

    /// All offsets that the archive doesn't hold and no gap excuses, in the order of partitions and offsets.
    pub fn holes(&self, mut each: impl FnMut(Hole)) {
        for (partition, generations) in &self.partitions {
            for (number, generation) in (1..).zip(generations) {
                let is_of_now = number == generations.len();
                generation.merge(
                    |_, _, _| {},
                    |hole| {
                        without(hole, &generation.excused, |Run { from, to }| {
                            each(Hole {
                                partition: *partition,
                                from,
                                to,
                                is_of_now,
                            });
                        });
                    },
                );
            }
        }
    }

    fn all(&self) -> impl Iterator<Item = (Partition, &Generation)> {
        let partitions = self.partitions.iter();
        partitions.flat_map(|(partition, generations)| {
            let generations = generations.iter();
            generations.map(|generation| (*partition, generation))
        })
    }
}

/// The first and the last generation that a segment may have lines of.
fn possible(generations: &[Generation], listed: &Listed) -> (usize, usize) {
    let begun = |line| generations.partition_point(|generation| generation.line <= line);
    let lowest = begun(listed.opened).max(1) - 1;
    let highest = begun(listed.ended.unwrap_or(u64::MAX)).max(1) - 1;
    (lowest, highest.max(lowest))
}

/// Puts what a segment holds to one of these generations. Where it can be of several, none of these offsets is missing
/// from any of them, and that is all that can be said.
fn place(generations: &mut [Generation], number: usize, runs: Runs) {
    let mut possible = generations.iter().enumerate();
    let is_possible = |(_, generation): &(usize, &Generation)| generation.may_hold(&runs);
    let first = possible.find(is_possible).map(|(at, _)| at);
    if possible.any(|(at, generation)| is_possible(&(at, generation))) {
        for generation in generations {
            generation.excused.extend(runs.iter());
        }
        return;
    }
    let at = first.unwrap_or(generations.len() - 1);
    generations[at].held.push((number, runs));
}

impl Generation {
    /// May some of these offsets be of it?
    fn may_hold(&self, runs: &Runs) -> bool {
        self.begin.is_none_or(|begin| begin < runs.end())
            && self.end.is_none_or(|end| runs.first() < end)
    }

    /// Tells in order what is held by two segments, and what by none.
    fn merge(&self, mut twice: impl FnMut(usize, usize, Run), mut hole: impl FnMut(Run)) {
        let runs = self.held.iter().map(|(_, runs)| runs.iter());
        let mut runs = runs.collect::<Vec<_>>();
        let mut next = BinaryHeap::with_capacity(runs.len());
        for (at, runs) in runs.iter_mut().enumerate() {
            next.extend(runs.next().map(|run| Reverse((run, at))));
        }
        let first = next.peek().map(|Reverse((run, _))| run.from);
        let excused = self.excused.first().map(|run| run.from);
        let begins = [self.begin, first, excused].into_iter();
        let Some(begin) = begins.flatten().min() else {
            return;
        };
        let (mut covered, mut holder) = (begin, 0);
        while let Some(Reverse((run, at))) = next.pop() {
            let by = self.held[at].0;
            if run.from < covered {
                let to = run.to.min(covered);
                twice(holder, by, Run { to, ..run });
            } else if run.from > covered {
                let (from, to) = (covered, run.from);
                hole(Run { from, to });
            }
            if run.to > covered {
                (covered, holder) = (run.to, by);
            }
            next.extend(runs[at].next().map(|run| Reverse((run, at))));
        }
        if let Some(end) = self.end.filter(|end| *end > covered) {
            hole(Run {
                from: covered,
                to: end,
            });
        }
    }
}
