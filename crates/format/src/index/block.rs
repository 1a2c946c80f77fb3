//! Blocks: the pieces in which a segment is written, each of which can be read by itself.

use crate::compression::crc32;

/// A block: one gzip member, one zstd frame, or the plain lines that were appended together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// Its first byte in the file.
    pub file_start: u64,
    /// How many bytes it has there.
    pub file_bytes: u64,
    /// The checksum of these bytes: [`checksum`].
    pub checksum: u32,
    /// Its first byte in the plain text; counted from where the index begins.
    pub plain_start: u64,
    /// How many bytes of lines it holds.
    pub plain_bytes: u64,
    /// The number of its first line, from 0; counted from where the index begins.
    pub first_line: u64,
}

impl Block {
    /// The first byte of the file behind it.
    pub const fn file_end(&self) -> u64 {
        self.file_start.saturating_add(self.file_bytes)
    }
}

/// The checksum of a block's bytes as they stand in the file: CRC-32.
pub fn checksum(file_bytes: &[u8]) -> u32 {
    crc32(file_bytes)
}
