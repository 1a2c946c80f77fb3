//! Steps: each line's origin, by how it differs from the line before in its partition.
//!
//! A line of the same partition as the one before, at the next offset, 0 to 127 ms later is one byte: the milliseconds.
//! Any other line begins with the byte `1POTnnnn`, and goes on with what that announces, as varints:
//!
//! - `P`: it is of another partition than the line before: the partition's number;
//! - `O`: it is not at the next offset of its partition: how far behind that, as a zigzag;
//! - `T`: how much later it is than the line before in its partition, as a zigzag of which `nnnn` are the lowest bits.
//!   Without `T` it is `nnnn` ms later.
//!
//! Where the first line of each partition is, the head of the entry says ([`Row`]).

use super::origin::{Origin, known};
use super::row::Row;
use super::varint::{put, take, unzigzag, zigzag};
use crate::record::Partition;

const OTHER: u8 = 0x80;
const PARTITION: u8 = 0x40;
const OFFSET: u8 = 0x20;
const TIME: u8 = 0x10;
const LOW: u8 = 0x0f;

/// The number of milliseconds from which on a line is not one byte.
pub(super) const QUICK_MS: u64 = 0x80;

/// The largest step: its first byte, and three numbers.
pub(super) const STEP_BYTES_MAX: u64 = 1 + 5 + 10 + 10;

/// Appends the step to a line that is not one byte: to another partition or not, `skip` offsets behind the next one, so
/// many milliseconds after the line before in its partition.
#[inline]
pub(super) fn put_other(steps: &mut Vec<u8>, moved: Option<Partition>, skip: i64, later_ms: i64) {
    let time = zigzag(later_ms);
    let is_short = (0..=i64::from(LOW)).contains(&later_ms);
    let mut begin = OTHER;
    begin |= match is_short {
        true => later_ms as u8,
        false => TIME | (time as u8 & LOW),
    };
    begin |= if moved.is_some() { PARTITION } else { 0 };
    begin |= if skip != 0 { OFFSET } else { 0 };
    steps.push(begin);
    if let Some(partition) = moved {
        put(u64::from(partition as u32), steps);
    }
    if skip != 0 {
        put(zigzag(skip), steps);
    }
    if !is_short {
        put(time >> 4, steps);
    }
}

/// Where a partition stands: the offset that would be next, and the timestamp of the line before.
#[derive(Clone, Copy)]
struct Place {
    partition: Partition,
    next: i64,
    stored_ms: i64,
}

/// Reads the origins of exactly so many lines from their steps into an empty list. The partitions of `rows` are in
/// order.
pub(super) fn read(
    mut steps: &[u8],
    rows: &[Row],
    lines: u64,
    origins: &mut Vec<Origin>,
) -> Result<(), &'static str> {
    let places = rows.iter().map(|row| Place {
        partition: row.span.partition,
        next: row.offset,
        stored_ms: row.stored_ms,
    });
    let mut places = places.collect::<Vec<_>>();
    if lines > steps.len() as u64 {
        return Err("it has fewer steps than lines");
    }
    origins.clear();
    origins.reserve(lines as usize);
    let mut at = usize::MAX;
    for _ in 0..lines {
        let Some((&begin, rest)) = steps.split_first() else {
            return Err("it has fewer steps than lines");
        };
        steps = rest;
        if begin >= OTHER {
            let read = read_other(begin, &mut steps, &mut places, &mut at);
            read.ok_or("one of its steps can't be")?;
        } else if let Some(place) = places.get_mut(at) {
            place.stored_ms = place.stored_ms.wrapping_add(i64::from(begin));
        }
        let Some(place) = places.get_mut(at) else {
            return Err("its first step says no partition");
        };
        origins.push(Origin {
            partition: place.partition,
            offset: place.next,
            timestamp_ms: known(place.stored_ms),
        });
        place.next = place.next.wrapping_add(1);
    }
    match steps.is_empty() {
        true => Ok(()),
        false => Err("it has more steps than lines"),
    }
}

/// Reads the rest of a step that is not one byte. Its partition then stands at the line's offset and timestamp.
#[inline]
fn read_other(begin: u8, steps: &mut &[u8], places: &mut [Place], at: &mut usize) -> Option<()> {
    if begin & PARTITION != 0 {
        let partition = u32::try_from(take(steps)?).ok()? as Partition;
        *at = find(places, partition)?;
    }
    let place = places.get_mut(*at)?;
    if begin & OFFSET != 0 {
        place.next = place.next.wrapping_add(unzigzag(take(steps)?));
    }
    let mut later_ms = i64::from(begin & LOW);
    if begin & TIME != 0 {
        let high = take(steps)?;
        if high > u64::MAX >> 4 {
            return None;
        }
        later_ms = unzigzag(high << 4 | u64::from(begin & LOW));
    }
    place.stored_ms = place.stored_ms.wrapping_add(later_ms);
    Some(())
}

/// Most blocks have all partitions, so that one is found where its number says.
#[inline]
fn find(places: &[Place], partition: Partition) -> Option<usize> {
    let at = usize::try_from(partition).unwrap_or(usize::MAX);
    match places.get(at) {
        Some(place) if place.partition == partition => Some(at),
        _ => places
            .binary_search_by_key(&partition, |place| place.partition)
            .ok(),
    }
}
