//! Entries: a block, and the origins of its lines.
//!
//! | bytes | what |
//! |---|---|
//! | 4 | length of the head |
//! | 4 | length of the steps |
//! | 8 | XXH3-64 of these lengths and the head |
//! | | the head |
//! | | the steps |
//!
//! The head has XXH3-64 of the steps as they stand there (8 bytes) and the block's checksum (4), then varints: where the
//! block starts in the file and how many bytes it has there, where in the plain text and how many bytes, the number of
//! its first line and how many lines; how many bytes the steps have without compression, or 0 if they have none; and the
//! rows.

use xxhash_rust::xxh3::{Xxh3Default, xxh3_64};

use super::block::Block;
use super::lines::Lines;
use super::row::{self, Row};
use super::span::{Span, Times};
use super::step::STEP_BYTES_MAX;
use super::varint::{put, take};
use crate::compression::compress_beside;

/// From how many bytes on steps are compressed: a call takes some 4 µs, however few there are.
const COMPRESSED_FROM: usize = 2 << 10;

/// How many bytes stand before the head.
pub(super) const PREFIX_BYTES: usize = 16;

/// What an index says of a block, without its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The block.
    pub block: Block,
    /// How many lines it holds.
    pub lines: u64,
    pub(super) rows: Vec<Row>,
    pub(super) steps_checksum: u64,
    /// `None` if they aren't compressed.
    pub(super) steps_plain_bytes: Option<u64>,
}

impl Entry {
    /// What its lines hold of each partition, in the order of the partitions.
    pub fn spans(&self) -> impl Iterator<Item = &Span> {
        self.rows.iter().map(|row| &row.span)
    }

    /// The lowest and the highest timestamp of its lines; `None` if none has one.
    pub fn times(&self) -> Option<Times> {
        self.spans()
            .fold(None, |times, span| Times::joined(times, span.times))
    }

    /// Does it say of each partition what these lines hold?
    pub fn is_of(&self, lines: &Lines) -> bool {
        self.rows == lines.rows()
    }
}

/// The lengths and the checksum before a head.
#[derive(Debug, Clone, Copy)]
pub(super) struct Prefix {
    pub head_bytes: u32,
    pub steps_bytes: u32,
    pub checksum: u64,
}

impl Prefix {
    pub fn read(bytes: &[u8; PREFIX_BYTES]) -> Self {
        let number = u128::from_le_bytes(*bytes);
        Self {
            head_bytes: number as u32,
            steps_bytes: (number >> 32) as u32,
            checksum: (number >> 64) as u64,
        }
    }

    /// Is this the head that it was written for?
    pub fn fits(&self, head: &[u8]) -> bool {
        self.checksum == checksum(self.head_bytes, self.steps_bytes, head)
    }
}

fn checksum(head_bytes: u32, steps_bytes: u32, head: &[u8]) -> u64 {
    let mut checksum = Xxh3Default::new();
    checksum.update(&head_bytes.to_le_bytes());
    checksum.update(&steps_bytes.to_le_bytes());
    checksum.update(head);
    checksum.digest()
}

/// The entry of a block that holds these lines; nothing if there are none. It is appended to the index when the block is
/// appended to the segment.
pub fn encode(lines: &Lines, block: &Block) -> Vec<u8> {
    if lines.is_empty() {
        return Vec::new();
    }
    let plain = lines.steps();
    let compressed = match plain.len() >= COMPRESSED_FROM {
        true => compress_beside(plain).ok(),
        false => None,
    };
    let compressed = compressed.filter(|steps| steps.len() < plain.len());
    let steps = compressed.as_deref().unwrap_or(plain);
    let mut head = Vec::with_capacity(128);
    head.extend(xxh3_64(steps).to_le_bytes());
    head.extend(block.checksum.to_le_bytes());
    for number in [
        block.file_start,
        block.file_bytes,
        block.plain_start,
        block.plain_bytes,
        block.first_line,
        lines.len(),
        compressed.as_ref().map_or(0, |_| plain.len() as u64),
    ] {
        put(number, &mut head);
    }
    row::put_all(&lines.rows(), &mut head);
    seal(&head, steps)
}

/// The entry of this head and these steps.
pub(crate) fn seal(head: &[u8], steps: &[u8]) -> Vec<u8> {
    let (head_bytes, steps_bytes) = (head.len() as u32, steps.len() as u32);
    let mut entry = Vec::with_capacity(PREFIX_BYTES + head.len() + steps.len());
    entry.extend(head_bytes.to_le_bytes());
    entry.extend(steps_bytes.to_le_bytes());
    entry.extend(checksum(head_bytes, steps_bytes, head).to_le_bytes());
    entry.extend(head);
    entry.extend(steps);
    entry
}

/// Reads a head. `None` if there can't be such a block.
pub(super) fn read_head(mut head: &[u8]) -> Option<Entry> {
    let head = &mut head;
    let (steps_checksum, rest) = head.split_first_chunk::<8>()?;
    let (checksum, rest) = rest.split_first_chunk::<4>()?;
    *head = rest;
    let block = Block {
        checksum: u32::from_le_bytes(*checksum),
        file_start: take(head)?,
        file_bytes: take(head)?,
        plain_start: take(head)?,
        plain_bytes: take(head)?,
        first_line: take(head)?,
    };
    let lines = take(head)?;
    let steps_plain_bytes = Some(take(head)?).filter(|bytes| *bytes > 0);
    let rows = row::take_all(head, lines)?;
    block.file_start.checked_add(block.file_bytes)?;
    block.plain_start.checked_add(block.plain_bytes)?;
    block.first_line.checked_add(lines)?;
    // Each line has its newline.
    let is_possible = lines > 0
        && lines <= block.plain_bytes
        && block.file_bytes > 0
        && steps_plain_bytes.is_none_or(|bytes| bytes / STEP_BYTES_MAX <= lines);
    (is_possible && head.is_empty()).then_some(Entry {
        block,
        lines,
        rows,
        steps_checksum: u64::from_le_bytes(*steps_checksum),
        steps_plain_bytes,
    })
}
