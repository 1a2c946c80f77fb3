//! Topics as their brokers keep them, and everything that was ever in them.

use std::ops::Range;

use archiver_format::envelope::Decoded;
use archiver_format::position::Position;
use archiver_format::record::{
    Header, LeaderEpoch, NextOffset, Partition, Record, Timestamp, TimestampKind,
};
use xxhash_rust::xxh3::xxh3_64;

/// An offset, as the brokers count.
pub type Offset = i64;

/// A topic's name and each life that it had: it is deleted and created again.
#[derive(Debug, Default)]
pub struct Topic {
    /// The last one is the present one, if the topic exists.
    pub lives: Vec<Life>,
    /// Does it exist now?
    pub exists: bool,
}

/// A topic from its creation to its deletion.
#[derive(Debug)]
pub struct Life {
    /// The topic's id.
    pub id: String,
    /// Its partitions.
    pub partitions: Vec<Log>,
    /// How many of them it was created with.
    pub created_with: usize,
}

/// A partition's log.
#[derive(Debug, Default)]
pub struct Log {
    /// The first offset that is still held.
    pub start: Offset,
    /// Up to where a reader sees: the rest belongs to transactions that are open.
    pub visible: Offset,
    /// What is at each offset from 0: an index into `all`, or nothing (a control record, aborted, compacted).
    slots: Vec<Option<usize>>,
    /// Everything that was ever written, in order.
    pub all: Vec<Written>,
    /// No broker leads it now.
    pub leaderless: bool,
    /// Its broker takes every offset for one that it doesn't hold.
    pub refuses: bool,
    /// A batch that can't be read now.
    corrupt: Option<Range<Offset>>,
    /// Those that couldn't be read at some time.
    pub were_corrupt: Vec<Range<Offset>>,
    /// It lost records that a reader may have seen.
    pub got_shorter: bool,
    /// Where it ended before it got shorter: who has read so far goes back to have the others at offsets before that.
    ended: Offset,
    /// Where each epoch after the first begins.
    epochs: Vec<Offset>,
}

/// A record as it was written.
#[derive(Debug, Clone)]
pub struct Written {
    /// Its offset.
    pub offset: Offset,
    /// Its value.
    pub value: Option<Vec<u8>>,
    /// When it was written, if that is known; not in the order of the offsets.
    pub timestamp: Option<Timestamp>,
    /// Its key.
    key: Option<Vec<u8>>,
    /// Its headers.
    headers: Vec<Header<'static>>,
    /// Nobody was ever to see it.
    pub aborted: bool,
    /// Not having it is no loss: compacted, or its log got shorter where it was.
    pub excused: bool,
    /// Another one had its offset before, which a reader may have seen.
    pub rewritten: bool,
    /// What it was written in.
    pub epoch: LeaderEpoch,
}

impl Written {
    /// What a reader gets.
    pub fn record(&self, partition: Partition) -> Record<'_> {
        Record {
            partition,
            offset: self.offset,
            value: self.value.as_deref(),
            epoch: Some(self.epoch),
            timestamp: self.timestamp,
            key: self.key.as_deref(),
            headers: Some(&self.headers),
        }
    }

    /// Is this what a line says that holds all of a record?
    pub fn is(&self, decoded: &Decoded<'_>) -> bool {
        self.offset == decoded.offset
            && self.timestamp == decoded.timestamp
            && self.key.as_deref() == decoded.key.as_deref()
            && self.value.as_deref() == decoded.value.as_deref()
            && self.headers == decoded.headers
    }
}

fn timestamp(chance: u64, number: usize) -> Option<Timestamp> {
    let kind = match chance % 8 {
        0 => return None,
        1 => TimestampKind::Append,
        _ => TimestampKind::Create,
    };
    let late = (chance >> 3) % 100 * (chance >> 10 & 1);
    let ms = 1_764_000_000_000 + 10 * number as i64 - 10 * late as i64;
    Some(Timestamp { ms, kind })
}

/// Nothing, an empty one, text that must be escaped, or no text.
fn bytes(chance: u64) -> Option<Vec<u8>> {
    let bytes: &[u8] = match chance % 6 {
        0 => return None,
        1 => b"",
        2 => b"a\"\n\\",
        3 => b"\xff\n",
        _ => b"host-7",
    };
    Some(bytes.to_vec())
}

fn headers(chance: u64) -> Vec<Header<'static>> {
    let header = |number: u64| {
        let name = bytes(chance >> number).unwrap_or_default();
        let value = bytes(chance >> (8 + number));
        (name.into(), value.map(Into::into))
    };
    (0..(chance % 8).saturating_sub(4)).map(header).collect()
}

impl Topic {
    /// The present life, if the topic exists.
    pub fn now(&self) -> Option<&Life> {
        self.lives.last().filter(|_| self.exists)
    }

    /// The same, to change it.
    pub fn now_mut(&mut self) -> Option<&mut Life> {
        self.lives.last_mut().filter(|_| self.exists)
    }
}

impl Life {
    /// A topic that was just created.
    pub fn new(id: String, partitions: usize) -> Self {
        Self {
            id,
            partitions: (0..partitions).map(|_| Log::default()).collect(),
            created_with: partitions,
        }
    }

    /// A partition, if there is one of this number.
    pub fn partition(&self, number: Partition) -> Option<&Log> {
        self.partitions.get(usize::try_from(number).ok()?)
    }
}

impl Log {
    /// The offset of the next record.
    pub fn end(&self) -> Offset {
        self.slots.len() as Offset
    }

    /// Is a transaction open?
    pub fn is_open(&self) -> bool {
        self.visible < self.end()
    }

    /// Writes a record; `name` is put before its value, so that it can be told from all others.
    pub fn append(&mut self, name: &str, value: Option<&[u8]>, in_transaction: bool) {
        let seen = !self.is_open();
        let unique = format!("{name}.{} ", self.all.len());
        // Null and empty ones can't be told apart; they are counted.
        let value = value.map(|value| match value {
            [] => Vec::new(),
            _ => [unique.as_bytes(), value].concat(),
        });
        // What it has beside its value follows from its name, which leaves chance to the rest of the run.
        let chance = xxh3_64(unique.as_bytes());
        self.slots.push(Some(self.all.len()));
        self.all.push(Written {
            offset: self.end() - 1,
            value,
            timestamp: timestamp(chance, self.all.len()),
            key: bytes(chance >> 16),
            headers: headers(chance >> 24),
            aborted: false,
            excused: false,
            rewritten: self.end() <= self.ended,
            epoch: self.epochs.len() as LeaderEpoch,
        });
        if seen && !in_transaction {
            self.visible = self.end();
        }
    }

    /// From where on it is not what was read up to there, if it isn't.
    pub fn parts_before(&self, at: Position) -> Option<NextOffset> {
        let epoch = usize::try_from(at.epoch?).ok()?;
        let later = self.epochs.iter().skip(epoch).min();
        let end = later.copied().unwrap_or(self.end());
        (end < at.next.get()).then_some(NextOffset::new(end))
    }

    /// Knows no epoch as late as this one: what a restore of older data leaves.
    pub fn lacks_epoch(&self, at: Position) -> bool {
        at.epoch
            .and_then(|epoch| usize::try_from(epoch).ok())
            .is_some_and(|epoch| epoch > self.epochs.len())
    }

    /// Its brokers have lost what they knew of epochs.
    pub fn forget_epochs(&mut self) {
        self.epochs.clear();
        self.all.iter_mut().for_each(|written| written.epoch = 0);
    }

    /// Ends the open transaction.
    pub fn end_transaction(&mut self, commit: bool) {
        if !commit {
            for offset in self.visible..self.end() {
                self.forget(offset, |written| written.aborted = true);
            }
        }
        // The control record.
        self.slots.push(None);
        self.visible = self.end();
    }

    /// Compacts a record away.
    pub fn compact(&mut self, offset: Offset) {
        if offset < self.visible {
            self.forget(offset, |written| written.excused = true);
        }
    }

    /// Deletes everything before this offset.
    pub fn expire(&mut self, before: Offset) {
        self.start = self.start.max(before.min(self.visible));
    }

    /// Loses everything from this offset on.
    pub fn truncate(&mut self, at: Offset) -> bool {
        if at < self.start || at >= self.end() {
            return false;
        }
        self.got_shorter = true;
        self.ended = self.ended.max(self.end());
        for offset in at..self.end() {
            self.forget(offset, |written| written.excused = true);
        }
        self.slots.truncate(usize::try_from(at).unwrap_or(0));
        self.visible = self.visible.min(at);
        self.epochs.push(at);
        if let Some(batch) = self.corrupt.take() {
            self.corrupt = (batch.start < at).then(|| batch.start..batch.end.min(at));
        }
        true
    }

    /// Damages a batch that takes these of the offsets that a reader may see.
    pub fn damage(&mut self, batch: Range<Offset>) {
        let batch = batch.start.max(self.start)..batch.end.min(self.visible);
        if !batch.is_empty() {
            self.were_corrupt.push(batch.clone());
            self.corrupt = Some(batch);
        }
    }

    /// Everything can be read again; says whether anything couldn't.
    pub fn mend(&mut self) -> bool {
        self.corrupt.take().is_some()
    }

    /// The batch that can't be read and is what comes first from an offset on.
    pub fn corrupt_from(&self, next: Offset) -> Option<Range<Offset>> {
        let batch = self
            .corrupt
            .clone()
            .filter(|batch| batch.end > self.start)?;
        let is_first = self
            .next(next)
            .is_none_or(|found| found.offset >= batch.start);
        (next < batch.end && is_first).then_some(batch)
    }

    fn forget(&mut self, offset: Offset, how: impl Fn(&mut Written)) {
        let slot = usize::try_from(offset)
            .ok()
            .and_then(|at| self.slots.get_mut(at));
        if let Some(index) = slot.and_then(Option::take) {
            how(&mut self.all[index]);
        }
    }

    /// What a reader may see.
    pub fn held(&self) -> Range<Offset> {
        self.start..self.visible
    }

    /// The first record that a reader may see with this timestamp or a later one, in milliseconds since 1970.
    pub fn first_at(&self, time_ms: i64) -> Option<Offset> {
        let mut at = self.next(self.start);
        while let Some(written) = at {
            if written.timestamp.is_some_and(|stamp| stamp.ms >= time_ms) {
                return Some(written.offset);
            }
            at = self.next(written.offset + 1);
        }
        None
    }

    /// The first record at or after an offset that a reader may see.
    pub fn next(&self, from: Offset) -> Option<&Written> {
        let from = usize::try_from(from.max(self.start)).ok()?;
        let to = usize::try_from(self.visible).ok()?;
        let mut slots = self.slots.get(from..to)?.iter();
        slots.find_map(|slot| slot.map(|index| &self.all[index]))
    }
}
