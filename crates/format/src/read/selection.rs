//! Which lines are asked for.

use crate::index::{Entry, Origin, Span};
use crate::position::Positions;
use crate::record::{NextOffset, Offsets, Partition};

/// Which lines are asked for; all of them by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only records with a timestamp at this one or later, in milliseconds since 1970.
    pub since_ms: Option<i64>,
    /// Only records with a timestamp before this one.
    pub until_ms: Option<i64>,
    /// Only records of this partition.
    pub partition: Option<Partition>,
    /// Only records with these offsets.
    pub offsets: Option<Offsets>,
    /// Only records from these positions of their partitions on; of a partition that isn't among them, all.
    pub from: Positions,
}

impl Selection {
    /// Are all lines asked for, wherever they come from?
    pub fn is_all(&self) -> bool {
        *self == Self::default()
    }

    /// Is a line of this origin asked for?
    #[inline]
    pub fn holds(&self, origin: &Origin) -> bool {
        let time = origin.timestamp_ms;
        let is_since = |since| time.is_some_and(|time| time >= since);
        let is_until = |until| time.is_some_and(|time| time < until);
        self.since_ms.is_none_or(is_since)
            && self.until_ms.is_none_or(is_until)
            && self.is_of(origin.partition)
            && (self.offsets.as_ref())
                .is_none_or(|offsets| offsets.contains(&NextOffset::new(origin.offset)))
            && self.is_behind(origin.partition, origin.offset)
    }

    /// May a line of this block be asked for?
    pub fn may_hold(&self, entry: &Entry) -> bool {
        entry.spans().any(|span| self.may_hold_of(span))
    }

    /// May a line of this span be asked for?
    pub fn may_hold_of(&self, span: &Span) -> bool {
        let is_since = |since| span.times.is_some_and(|times| times.highest_ms >= since);
        let is_until = |until| span.times.is_some_and(|times| times.lowest_ms < until);
        let overlap = |offsets: &Offsets| {
            span.last >= offsets.start.get()
                && span.first < offsets.end.get()
                && !offsets.is_empty()
        };
        self.since_ms.is_none_or(is_since)
            && self.until_ms.is_none_or(is_until)
            && self.is_of(span.partition)
            && self.offsets.as_ref().is_none_or(overlap)
            && self.is_behind(span.partition, span.last)
    }

    #[inline]
    fn is_behind(&self, partition: Partition, offset: i64) -> bool {
        self.from.is_empty() || offset >= self.from.next(partition).get()
    }

    #[inline]
    fn is_of(&self, partition: Partition) -> bool {
        self.partition.is_none_or(|only| only == partition)
    }
}
