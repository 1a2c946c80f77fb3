//! One block, from the file to its lines.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use memchr::memchr_iter;

use super::error::ReadError;
use super::segment::Segment;
use crate::compression::{Algorithm, Decompressor};
use crate::index::Entry;
use crate::index::block::checksum;

/// What one block takes, used again for the next one.
#[derive(Default)]
pub(super) struct Memory {
    stored: Vec<u8>,
    decompressor: Decompressor,
}

impl Memory {
    /// Reads the bytes of a block from the segment's file.
    pub fn read(&mut self, segment: &Segment, file: &File, entry: &Entry) -> Result<(), ReadError> {
        let room = self.room(entry.block.file_bytes);
        let read = room.and_then(|bytes| file.read_exact_at(bytes, entry.block.file_start));
        read.map_err(|e| segment.unread(e))
    }

    /// Room for the bytes of a block, which the segment's file has.
    pub fn room(&mut self, bytes: u64) -> io::Result<&mut [u8]> {
        let length = usize::try_from(bytes).map_err(io::Error::other)?;
        let missing = length.saturating_sub(self.stored.len());
        self.stored.try_reserve_exact(missing)?;
        self.stored.resize(length, 0);
        Ok(&mut self.stored)
    }

    /// The lines of the block whose bytes were read, each with its newline. Fails if they aren't what was written.
    pub fn lines(&mut self, segment: &Segment, entry: &Entry) -> Result<&[u8], ReadError> {
        let block = &entry.block;
        let damaged = |what: &dyn ToString| segment.damaged(block.file_start, what.to_string());
        if checksum(&self.stored) != block.checksum {
            return Err(damaged(&"its checksum doesn't match"));
        }
        let plain =
            self.decompressor
                .decompress(&self.stored, segment.algorithm, block.plain_bytes);
        let plain = plain.map_err(|e| damaged(&e))?;
        if memchr_iter(b'\n', plain).count() as u64 != entry.lines || plain.last() != Some(&b'\n') {
            return Err(damaged(&"it doesn't have as many lines as the index says"));
        }
        Ok(plain)
    }

    /// The same, as they were given last.
    pub fn last(&self, segment: &Segment) -> &[u8] {
        match segment.algorithm {
            Algorithm::None => &self.stored,
            _ => self.decompressor.last(),
        }
    }
}
