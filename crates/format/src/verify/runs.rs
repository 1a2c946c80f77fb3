//! Runs: the offsets that some lines hold of one partition, in their order.
//!
//! A topic of a billion records may be one run; a compacted one has nearly as many runs as records. So each is kept in
//! two or three bytes.

use crate::index::varint::{put, take};

/// Offsets that go up, as runs without holes between them.
#[derive(Debug, Clone)]
pub(super) struct Runs {
    /// Of each run how far it begins behind the end of the one before, and how long it is; without the last one.
    bytes: Vec<u8>,
    first: i64,
    /// Where the last run begins, and where it ends.
    begin: i64,
    end: i64,
    /// Where the one before it ends.
    before: i64,
}

/// A run of offsets: from this one up to before that one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Run {
    pub from: i64,
    pub to: i64,
}

impl Runs {
    /// Those of one line.
    pub fn new(offset: i64) -> Self {
        Self {
            bytes: Vec::new(),
            first: offset,
            begin: offset,
            end: offset.saturating_add(1),
            before: offset,
        }
    }

    /// All offsets of a run.
    pub fn whole(run: Run) -> Self {
        Self {
            end: run.to,
            ..Self::new(run.from)
        }
    }

    /// Takes up the next offset; false if it isn't behind all others.
    #[inline]
    pub fn push(&mut self, offset: i64) -> bool {
        if offset == self.end {
            self.end = offset.saturating_add(1);
            return true;
        }
        offset > self.end && self.begin_another(offset)
    }

    fn begin_another(&mut self, offset: i64) -> bool {
        put(self.begin.wrapping_sub(self.before) as u64, &mut self.bytes);
        put(self.end.wrapping_sub(self.begin) as u64, &mut self.bytes);
        self.before = self.end;
        self.begin = offset;
        self.end = offset.saturating_add(1);
        true
    }

    pub fn first(&self) -> i64 {
        self.first
    }

    /// The offset behind the last one.
    pub fn end(&self) -> i64 {
        self.end
    }

    /// In their order.
    pub fn iter(&self) -> impl Iterator<Item = Run> + use<'_> {
        let (mut bytes, mut end) = (&self.bytes[..], self.first);
        let known = std::iter::from_fn(move || {
            let from = end.wrapping_add(take(&mut bytes)? as i64);
            end = from.wrapping_add(take(&mut bytes)? as i64);
            Some(Run { from, to: end })
        });
        known.chain([Run {
            from: self.begin,
            to: self.end,
        }])
    }
}

/// These ranges in order, joined where they touch.
pub(super) fn joined(mut ranges: Vec<Run>) -> Vec<Run> {
    ranges.retain(|range| range.from < range.to);
    ranges.sort_unstable();
    let mut joined = Vec::<Run>::new();
    for range in ranges {
        match joined.last_mut() {
            Some(last) if range.from <= last.to => last.to = last.to.max(range.to),
            _ => joined.push(range),
        }
    }
    joined
}

/// What is left of a range without those, which are joined.
pub(super) fn without(range: Run, those: &[Run], mut each: impl FnMut(Run)) {
    let mut from = range.from;
    let at = those.partition_point(|that| that.to <= from);
    for that in those[at..].iter().take_while(|that| that.from < range.to) {
        if that.from > from {
            let to = that.from;
            each(Run { from, to });
        }
        from = from.max(that.to);
    }
    if from < range.to {
        each(Run { from, to: range.to });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::tests::Random;

    fn run((from, to): (i64, i64)) -> Run {
        Run { from, to }
    }

    #[test]
    fn runs_are_what_was_pushed() {
        for seed in 0..200 {
            let mut random = Random(seed);
            let mut offset = random.below(1 << 40) as i64;
            let mut runs = Runs::new(offset);
            let mut offsets = vec![offset];
            for _ in 0..random.below(300) {
                assert!(!runs.push(offset - random.below(3) as i64));
                offset += 1 + (random.one_in(4) as i64) * random.below(1 << 20) as i64;
                assert!(runs.push(offset));
                offsets.push(offset);
            }
            let found = runs.iter().flat_map(|run| run.from..run.to);
            assert_eq!(found.collect::<Vec<_>>(), offsets);
            let mut all = runs.iter();
            let mut end = i64::MIN;
            assert!(all.all(|run| std::mem::replace(&mut end, run.to) < run.from));
            assert_eq!(runs.first(), offsets[0]);
            assert_eq!(runs.end(), offset + 1);
        }
    }

    #[test]
    fn what_is_left_of_a_range_is_each_offset_in_none_of_those() {
        for seed in 0..2_000 {
            let mut random = Random(seed);
            let mut some = || {
                let from = random.below(40) as i64;
                run((from, from + random.below(9) as i64))
            };
            let those = (0..seed % 6).map(|_| some()).collect::<Vec<_>>();
            let range = some();
            let mut left = Vec::new();
            without(range, &joined(those.clone()), |run| left.push(run));
            assert!(left.iter().all(|run| run.from < run.to));
            let left = left.iter().flat_map(|run| run.from..run.to);
            let expected = (range.from..range.to).filter(|offset| {
                let mut those = those.iter();
                !those.any(|that| (that.from..that.to).contains(offset))
            });
            assert!(left.eq(expected), "seed {seed}");
        }
    }
}
