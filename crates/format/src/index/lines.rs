//! What a batch notes of its lines while it is filled.

use super::origin::{NO_TIMESTAMP, stored};
use super::row::Row;
use super::span::{Span, Times};
use super::step::{QUICK_MS, put_other};
use crate::record::Partition;

/// The origins of the lines of one block, as they will be stored.
#[derive(Debug, Clone)]
pub struct Lines {
    steps: Vec<u8>,
    count: u64,
    /// The partition of the last line, and the index of its row.
    partition: Partition,
    at: usize,
    /// The offset that its next line should have, and the timestamp of its last one.
    next: i64,
    stored_ms: i64,
    /// How many lines are counted by the rows.
    counted: u64,
    /// In the order of the partitions. What follows from the last lines is missing in the row of the last partition.
    rows: Vec<Noted>,
}

/// What is known of a partition of the block.
#[derive(Debug, Clone, Copy)]
struct Noted {
    partition: Partition,
    /// Where its steps begin.
    offset: i64,
    begin_ms: i64,
    /// Where it stands.
    next: i64,
    stored_ms: i64,
    /// What its lines span.
    first: i64,
    last: i64,
    records: u64,
    lowest_ms: i64,
    highest_ms: i64,
}

/// Nothing that is stored as a timestamp follows this one within [`QUICK_MS`].
const BEFORE_ALL: i64 = NO_TIMESTAMP + 1_000;

impl Default for Lines {
    fn default() -> Self {
        Self {
            steps: Vec::new(),
            count: 0,
            partition: 0,
            at: 0,
            next: 0,
            stored_ms: BEFORE_ALL,
            counted: 0,
            rows: Vec::new(),
        }
    }
}

impl Lines {
    /// Notes the next line: its partition, its own offset, which is less than [`i64::MAX`], and its timestamp in
    /// milliseconds since 1970.
    #[inline]
    pub fn push(&mut self, partition: Partition, offset: i64, timestamp_ms: Option<i64>) {
        let stored_ms = stored(timestamp_ms);
        let later_ms = stored_ms.wrapping_sub(self.stored_ms) as u64;
        if partition == self.partition && offset == self.next && later_ms < QUICK_MS {
            self.steps.push(later_ms as u8);
            self.next = offset.wrapping_add(1);
            self.stored_ms = stored_ms;
            self.count += 1;
        } else {
            self.push_other(partition, offset, stored_ms);
        }
    }

    /// How many lines were noted.
    pub fn len(&self) -> u64 {
        self.count
    }

    /// Was no line noted?
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many bytes of memory this takes up.
    pub fn capacity(&self) -> usize {
        self.steps.capacity() + self.rows.capacity() * size_of::<Noted>()
    }

    /// Forgets all lines and keeps the memory.
    pub fn clear(&mut self) {
        self.steps.clear();
        self.rows.clear();
        *self = Self {
            steps: std::mem::take(&mut self.steps),
            rows: std::mem::take(&mut self.rows),
            ..Self::default()
        };
    }

    /// What the lines hold of each partition, in the order of the partitions.
    pub fn summary(&self) -> Vec<Span> {
        self.rows().into_iter().map(|row| row.span).collect()
    }

    /// The steps of all lines.
    pub(super) fn steps(&self) -> &[u8] {
        &self.steps
    }

    /// A row for each partition, in their order.
    pub(super) fn rows(&self) -> Vec<Row> {
        let rows = self.rows.iter().enumerate().map(|(at, noted)| {
            let mut noted = *noted;
            if at == self.at {
                self.settle(&mut noted);
            }
            noted.row()
        });
        rows.collect()
    }

    /// Notes a line that is of another partition, not at the next offset, earlier, or much later.
    #[inline(never)]
    fn push_other(&mut self, partition: Partition, offset: i64, stored_ms: i64) {
        if let Some(mut noted) = self.rows.get(self.at).copied() {
            self.settle(&mut noted);
            self.rows[self.at] = noted;
            self.counted = self.count;
        }
        let moved = self.rows.is_empty() || partition != self.partition;
        if moved {
            self.at = self.find(partition, offset, stored_ms);
            self.partition = partition;
        }
        let noted = &mut self.rows[self.at];
        noted.first = noted.first.min(offset);
        if stored_ms != NO_TIMESTAMP {
            noted.lowest_ms = noted.lowest_ms.min(stored_ms);
        }
        let skip = offset.wrapping_sub(noted.next);
        let later_ms = stored_ms.wrapping_sub(noted.stored_ms);
        put_other(&mut self.steps, moved.then_some(partition), skip, later_ms);
        self.next = offset.wrapping_add(1);
        self.stored_ms = stored_ms;
        self.count += 1;
    }

    /// Counts the last lines in the row of their partition.
    #[inline]
    fn settle(&self, noted: &mut Noted) {
        noted.next = self.next;
        noted.stored_ms = self.stored_ms;
        noted.last = noted.last.max(self.next.wrapping_sub(1));
        // That there is no timestamp is less than any.
        noted.highest_ms = noted.highest_ms.max(self.stored_ms);
        noted.records += self.count - self.counted;
    }

    /// The index of a partition's row, which is made with its first line.
    #[inline]
    fn find(&mut self, partition: Partition, offset: i64, stored_ms: i64) -> usize {
        let at = usize::try_from(partition).unwrap_or(usize::MAX);
        if self
            .rows
            .get(at)
            .is_some_and(|noted| noted.partition == partition)
        {
            return at;
        }
        let found = self
            .rows
            .binary_search_by_key(&partition, |noted| noted.partition);
        found.unwrap_or_else(|at| {
            let noted = Noted {
                partition,
                offset,
                begin_ms: stored_ms,
                next: offset,
                stored_ms,
                first: offset,
                last: offset,
                records: 0,
                lowest_ms: i64::MAX,
                highest_ms: NO_TIMESTAMP,
            };
            self.rows.insert(at, noted);
            at
        })
    }
}

impl Noted {
    fn row(&self) -> Row {
        let times = (self.highest_ms != NO_TIMESTAMP).then_some(Times {
            lowest_ms: self.lowest_ms,
            highest_ms: self.highest_ms,
        });
        Row {
            offset: self.offset,
            stored_ms: self.begin_ms,
            span: Span {
                partition: self.partition,
                first: self.first,
                last: self.last,
                records: self.records,
                times,
            },
        }
    }
}
