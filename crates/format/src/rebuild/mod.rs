//! Rebuilding: the index of a sealed segment, made anew where it was lost or damaged.
//!
//! The segment itself says where its blocks are ([`blocks`]). Which records its lines are, the lines say themselves where
//! they are envelopes ([`Envelopes`]), or the topic does as long as Kafka holds it: its records are held against the lines
//! ([`Matching`]). What comes of it must be what the manifest says of the segment, partition by partition. Where that
//! can't be had, or more than one answer is left, it is said why ([`Unknown`]), and there is no index: nothing is guessed.
//!
//! Nothing here writes a file. The blocks of plain lines may be others than those in which they were written.

mod blocks;
mod condition;
mod envelopes;
mod matching;
#[cfg(test)]
mod tests;
mod unknown;

use std::collections::VecDeque;
use std::io;

use blocks::Blocks;

use crate::archive::Segment;
use crate::index::span::join_all;
use crate::index::{Block, Lines, Origin, encode, header};

pub use condition::{Condition, condition};
pub use envelopes::Envelopes;
pub use matching::{Candidate, Matching, Records};
pub use unknown::Unknown;

/// Says which records lines are.
pub trait Origins {
    /// Takes the next line, without its newline, and appends the origins that are certain by now to `known`: those of the
    /// lines so far, in their order.
    fn line(&mut self, line: &[u8], known: &mut VecDeque<Origin>) -> Result<(), Unknown>;

    /// Appends the origins of all lines that are left.
    fn end(&mut self, known: &mut VecDeque<Origin>) -> Result<(), Unknown>;
}

/// Makes the index of a sealed segment anew, and gives it to `write` piece by piece; how many lines it has.
///
/// # Errors
///
/// If it can't be known which record each line is, or reading or writing fails. What was written until then is no index.
pub fn rebuild(
    segment: &Segment,
    origins: &mut dyn Origins,
    write: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> Result<u64, Unknown> {
    let contents = segment.contents();
    write(&header(segment.file.sequence))?;
    let mut blocks = Blocks::open(segment)?;
    let (mut waiting, mut known) = (VecDeque::new(), VecDeque::new());
    let mut spans = Vec::new();
    let mut lines = Lines::default();
    let mut count = 0;
    loop {
        let block = blocks.advance()?;
        match &block {
            Some((block, number)) => {
                for line in blocks.lines() {
                    origins.line(line, &mut known)?;
                }
                count += number;
                waiting.push_back((*block, *number));
            }
            None => origins.end(&mut known)?,
        }
        while let Some((block, number)) = waiting.front().copied()
            && number <= known.len() as u64
        {
            waiting.pop_front();
            write(&entry(&mut known, &block, number, &mut lines))?;
            join_all(&mut spans, &lines.summary());
        }
        if block.is_none() {
            break;
        }
    }
    let expected = contents.partitions.iter();
    let mut expected = expected.map(|(partition, span)| span.of_partition(*partition));
    if !waiting.is_empty() || !known.is_empty() || !expected.by_ref().eq(spans) {
        return Err(Unknown::Contents);
    }
    Ok(count)
}

/// The entry of a block of so many lines, whose origins come first of those that are known.
fn entry(known: &mut VecDeque<Origin>, block: &Block, number: u64, lines: &mut Lines) -> Vec<u8> {
    lines.clear();
    let number = usize::try_from(number).unwrap_or(usize::MAX);
    for origin in known.drain(..number.min(known.len())) {
        lines.push(origin.partition, origin.offset, origin.timestamp_ms);
    }
    encode(lines, block)
}
