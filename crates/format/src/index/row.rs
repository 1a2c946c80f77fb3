//! Rows: what the head of an entry says of one partition: where its steps begin, and what its lines span.

use super::origin::known;
use super::span::{Span, Times};
use super::varint::{put, take, unzigzag, zigzag};
use crate::record::Partition;

/// A partition of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    /// The offset of its first line.
    pub offset: i64,
    /// The timestamp of its first line, as it is stored.
    pub stored_ms: i64,
    /// What its lines span.
    pub span: Span,
}

/// Appends rows, which are in the order of their partitions: their number, then each of them by how it differs from
/// the one before.
pub(super) fn put_all(rows: &[Row], bytes: &mut Vec<u8>) {
    put(rows.len() as u64, bytes);
    let (mut before, mut stored_ms) = (-1_i64, 0_i64);
    for row in rows {
        let Span {
            partition,
            first,
            last,
            records,
            times,
        } = row.span;
        put(zigzag(i64::from(partition) - before - 1), bytes);
        put(zigzag(row.offset), bytes);
        put(row.offset.wrapping_sub(first) as u64, bytes);
        put(last.wrapping_sub(first) as u64, bytes);
        put(records, bytes);
        put(zigzag(row.stored_ms.wrapping_sub(stored_ms)), bytes);
        match times {
            None => put(0, bytes),
            Some(times) => {
                put(
                    times.highest_ms.wrapping_sub(times.lowest_ms) as u64 + 1,
                    bytes,
                );
                put(zigzag(times.lowest_ms.wrapping_sub(row.stored_ms)), bytes);
            }
        }
        before = i64::from(partition);
        stored_ms = row.stored_ms;
    }
}

/// Takes rows off the front of some bytes, for so many lines together. `None` if such can't be.
pub(super) fn take_all(bytes: &mut &[u8], lines: u64) -> Option<Vec<Row>> {
    let count = take(bytes)?;
    // Each has seven bytes at least.
    if count > bytes.len() as u64 / 7 {
        return None;
    }
    let mut rows = Vec::<Row>::with_capacity(count as usize);
    let mut records = 0_u64;
    for _ in 0..count {
        let row = take_one(bytes, rows.last())?;
        let known = rows.last().map(|row| row.span.partition);
        if known.is_some_and(|known| known >= row.span.partition) {
            return None;
        }
        records = records.checked_add(row.span.records)?;
        rows.push(row);
    }
    (records == lines).then_some(rows)
}

fn take_one(bytes: &mut &[u8], before: Option<&Row>) -> Option<Row> {
    let from = before.map_or(-1, |row| i64::from(row.span.partition));
    let partition = unzigzag(take(bytes)?).checked_add(from)?.checked_add(1)?;
    let partition = Partition::try_from(partition).ok()?;
    let offset = unzigzag(take(bytes)?);
    let first = i64::try_from(i128::from(offset) - i128::from(take(bytes)?)).ok()?;
    let last = i64::try_from(i128::from(first) + i128::from(take(bytes)?)).ok()?;
    let records = take(bytes)?;
    let stored_ms = before.map_or(0, |row| row.stored_ms);
    let stored_ms = stored_ms.wrapping_add(unzigzag(take(bytes)?));
    let times = match take(bytes)? {
        0 => None,
        width => {
            let lowest_ms = stored_ms.wrapping_add(unzigzag(take(bytes)?));
            let highest = i128::from(lowest_ms) + i128::from(width - 1);
            let highest_ms = i64::try_from(highest).ok()?;
            known(lowest_ms)?;
            Some(Times {
                lowest_ms,
                highest_ms,
            })
        }
    };
    let is_possible = offset <= last && records > 0;
    is_possible.then_some(Row {
        offset,
        stored_ms,
        span: Span {
            partition,
            first,
            last,
            records,
            times,
        },
    })
}
