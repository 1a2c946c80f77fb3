//! The read-ahead: records between the thread that reads and the one that sends, up to a limit of memory.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::due::Due;
use super::record::InputError;

/// What was left out of the inputs, and what was sent as it stood.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Read {
    /// Rows that were left out, as they could not be used.
    pub skipped: u64,
    /// Rows that were sent as they stand.
    pub sent_raw: u64,
}

/// So much is read ahead, at most; as much again may be on its way to the producer.
const BYTES_MOST: usize = 8 << 20;
/// What a record takes beside its bytes.
const RECORD_BYTES: usize = size_of::<Due>();

/// Records that were read and not sent yet.
#[derive(Default)]
pub struct Buffer {
    inside: Mutex<Inside>,
    /// There is something to take, or never will be.
    filled: Condvar,
    /// There is room, or nobody takes any more.
    emptied: Condvar,
}

#[derive(Default)]
struct Inside {
    records: Vec<Due>,
    bytes: usize,
    end: Option<Result<Read, InputError>>,
    is_closed: bool,
}

/// What is there to be sent.
#[derive(Debug)]
pub enum Taken {
    /// Records, in their order.
    Records(Vec<Due>),
    /// Nothing yet.
    Nothing,
    /// There won't be more, for this reason.
    End(Result<Read, InputError>),
}

impl Buffer {
    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a record, once there is room. False if nobody takes it any more.
    pub fn put(&self, record: Due) -> bool {
        let mut inside = self.lock();
        while inside.bytes >= BYTES_MOST && !inside.is_closed {
            inside = self
                .emptied
                .wait(inside)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if inside.is_closed {
            return false;
        }
        inside.bytes += bytes(&record);
        inside.records.push(record);
        if inside.records.len() == 1 {
            self.filled.notify_one();
        }
        true
    }

    /// There won't be more.
    pub fn end(&self, why: Result<Read, InputError>) {
        self.lock().end = Some(why);
        self.filled.notify_one();
    }

    /// Takes all that is there; waits so long for something.
    pub fn take(&self, patience: Duration) -> Taken {
        let mut inside = self.lock();
        if inside.records.is_empty() && inside.end.is_none() && !patience.is_zero() {
            let waited = self.filled.wait_timeout(inside, patience);
            inside = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        if inside.records.is_empty() {
            return match inside.end.take() {
                Some(why) => Taken::End(why),
                None => Taken::Nothing,
            };
        }
        inside.bytes = 0;
        let records = std::mem::take(&mut inside.records);
        drop(inside);
        self.emptied.notify_one();
        Taken::Records(records)
    }

    /// Nobody takes anything any more.
    pub fn close(&self) {
        self.lock().is_closed = true;
        self.emptied.notify_one();
    }
}

fn bytes(due: &Due) -> usize {
    let record = &due.merged.record;
    let length = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, Vec::capacity);
    let headers = record.headers.iter();
    let headers = headers.map(|(name, value)| name.capacity() + length(value) + 48);
    RECORD_BYTES + length(&record.key) + length(&record.value) + headers.sum::<usize>()
}
