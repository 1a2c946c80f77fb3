//! The index of a segment: for each of its lines, which record of Kafka it is. So the segment itself is pure lines.
//!
//! An index is a file that only grows, `index/NNNNNN.idx` in the archive's state directory: a [`header`] and an
//! [`entry`] for each [`Block`] of the segment, in their order. A batch notes its [`Lines`] while it is filled; when it
//! is written, [`encode`] makes the entry. [`IndexReader`] reads it back.
//!
//! **What must stay true.** Each block begins where the one before ends: in the file, in the plain text and in lines.
//! So an entry that is missing, doubled or exchanged is noticed. The first block need not be at the beginning of the
//! segment, which may be older than its index. An entry counts only as a whole; its head has a checksum of its own, so
//! that lines that aren't asked for needn't be read. What an entry says of its lines (rows) is what the lines say.
//!
//! **What it costs**, a record, in batches of 5,500 records of 190 bytes, which take some 320 ns each to archive:
//!
//! | stream | `push` | `encode` | steps | entry |
//! |---|---|---|---|---|
//! | one partition, a steady clock | 1.2 ns | 0.9 ns | 1.01 bytes | 0.03 bytes |
//! | twelve partitions in runs of 1 to 500 | 1.3 ns | 1.1 ns | 1.04 | 0.10 |
//! | transactions of 1 to 100 records | 1.4 ns | 1.3 ns | 1.03 | 0.10 |
//! | a clock that jitters by 20 ms | 4.6 ns | 2.3 ns | 1.50 | 0.91 |
//! | a clock that jitters by 500 ms | 7.8 ns | 1.7 ns | 1.89 | 1.56 |
//! | twelve partitions in runs of 1 | 7.4 ns | 5.3 ns | 1.96 | 0.83 |
//! | a compacted topic, one record in ten left | 8.4 ns | 7.4 ns | 2.91 | 0.97 |
//! | timestamps out of order by up to an hour | 10.1 ns | 3.1 ns | 3.94 | 3.48 |
//! | a compacted topic, one record in a thousand left | 8.5 ns | 8.9 ns | 4.94 | 3.85 |
//!
//! That is with zstd at level 1 over the steps, which is nearly all that `encode` does: for a third of a percent of the
//! time an index becomes thirty times smaller where there is most to archive. Fewer than 2 KiB of steps are left as they
//! are, as a call alone takes 4 µs. The checksum of a block is CRC-32, which takes 2.8 ns for 190 plain bytes, where
//! XXH3-64 takes 4.9.
//!
//! **Damage.** An index or a segment that isn't what was written is noticed by the checksums, which the segment's blocks
//! have here, too: plain lines have none of their own, and another segment's lines would go unnoticed.

pub mod block;
pub mod damage;
pub mod entry;
pub mod header;
pub mod lines;
pub mod origin;
pub mod reader;
mod row;
pub mod span;
mod step;
pub(crate) mod varint;

pub use block::Block;
pub use damage::IndexError;
pub use entry::{Entry, encode};
pub use header::{Header, header};
pub use lines::Lines;
pub use origin::Origin;
pub use reader::IndexReader;
pub use span::{Span, Times};

#[cfg(test)]
pub(crate) mod tests;
