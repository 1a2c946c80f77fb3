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
/// So many records make a batch: to be woken for each takes longer than to send it.
const BATCH: usize = 1024;
/// So long is waited for a whole one.
const BATCH_WAIT: Duration = Duration::from_millis(1);

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
        if matches!(inside.records.len(), 1 | BATCH) || inside.bytes >= BYTES_MOST {
            self.filled.notify_one();
        }
        true
    }

    /// There won't be more.
    pub fn end(&self, why: Result<Read, InputError>) {
        self.lock().end = Some(why);
        self.filled.notify_one();
    }

    /// Takes all that is there; waits so long for something. Where that isn't due at some time, it waits a moment more for a
    /// batch.
    pub fn take(&self, patience: Duration, is_paced: bool) -> Taken {
        let mut inside = self.lock();
        if inside.records.is_empty() {
            inside = self.wait(inside, 1, patience);
            if !is_paced && !inside.records.is_empty() {
                inside = self.wait(inside, BATCH, BATCH_WAIT);
            }
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

    /// Waits so long for so many records, or as many as there is room for.
    fn wait<'a>(
        &self,
        inside: MutexGuard<'a, Inside>,
        records: usize,
        patience: Duration,
    ) -> MutexGuard<'a, Inside> {
        let is_wanting = |inside: &mut Inside| {
            inside.records.len() < records && inside.bytes < BYTES_MOST && inside.end.is_none()
        };
        let waited = self.filled.wait_timeout_while(inside, patience, is_wanting);
        waited.unwrap_or_else(PoisonError::into_inner).0
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::merge::Merged;
    use crate::replay::record::Outgoing;
    use std::time::Instant;

    /// Nothing here waits for so long.
    const LONG: Duration = Duration::from_secs(600);

    fn due(number: u64, bytes: usize) -> Due {
        let record = Outgoing {
            value: Some(vec![0; bytes]),
            ..Outgoing::default()
        };
        let merged = Merged {
            input: 0,
            due_ns: 0,
            record,
        };
        Due {
            merged,
            read: number,
            round: 0,
            later_ns: 0,
        }
    }

    /// The numbers of all records that come, and the end.
    fn take_all(buffer: &Buffer) -> (Vec<u64>, Result<Read, InputError>) {
        let mut taken = Vec::new();
        loop {
            match buffer.take(LONG, false) {
                Taken::Records(records) => taken.extend(records.iter().map(|due| due.read)),
                Taken::Nothing => {}
                Taken::End(end) => return (taken, end),
            }
        }
    }

    #[test]
    fn a_record_that_comes_alone_is_taken_all_the_same() {
        let begun = Instant::now();
        let buffer = Buffer::default();
        std::thread::scope(|scope| {
            let taken = scope.spawn(|| [buffer.take(LONG, false), buffer.take(LONG, true)]);
            for number in [1, 2] {
                assert!(buffer.put(due(number, 0)));
                while !buffer.lock().records.is_empty() {
                    std::thread::yield_now();
                }
            }
            for taken in taken.join().expect("no panic") {
                assert!(matches!(taken, Taken::Records(records) if records.len() == 1));
            }
        });
        assert!(begun.elapsed() < LONG, "nobody was woken");
    }

    #[test]
    fn all_records_come_in_their_order_and_then_the_end() {
        for bytes in [0, BYTES_MOST / 3, BYTES_MOST + 1] {
            let buffer = Buffer::default();
            let count = if bytes == 0 {
                10 * BATCH as u64 + 1
            } else {
                20
            };
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    for number in 0..count {
                        assert!(buffer.put(due(number, bytes)));
                    }
                    buffer.end(Ok(Read::default()));
                });
                let (taken, end) = take_all(&buffer);
                assert_eq!(taken, (0..count).collect::<Vec<_>>());
                assert!(end.is_ok());
            });
        }
    }

    #[test]
    fn who_fills_it_ends_once_nobody_takes_any_more() {
        let buffer = Buffer::default();
        assert!(buffer.put(due(1, BYTES_MOST)));
        std::thread::scope(|scope| {
            let put = scope.spawn(|| buffer.put(due(2, 0)));
            buffer.close();
            assert!(!put.join().expect("no panic"));
        });
        assert!(
            matches!(buffer.take(Duration::ZERO, true), Taken::Records(records) if records.len() == 1)
        );
        assert!(matches!(buffer.take(Duration::ZERO, true), Taken::Nothing));
    }
}
