//! From a segment to the lines that are asked for.

use std::fs::File;
use std::io::Read;

use super::block::Memory;
use super::block_lines::BlockLines;
use super::error::ReadError;
use super::plain::PlainLines;
use super::segment::Segment;
use super::selection::Selection;
use crate::index::{Entry, IndexReader, Origin};

/// Reads the lines of one segment that are asked for, block by block.
pub struct Reader {
    segment: Segment,
    selection: Selection,
    file: File,
    /// The lines before the first block of the index.
    unindexed: Option<PlainLines<'static>>,
    /// At an entry that was not looked at, or behind the last one.
    index: Option<IndexReader<File>>,
    /// Up to where the blocks that were looked at reach, in bytes.
    end: u64,
    left_out: u64,
    memory: Memory,
    origins: Vec<Origin>,
}

impl Reader {
    /// Opens a segment and its index.
    pub fn open(segment: Segment, selection: Selection) -> Result<Self, ReadError> {
        let file = segment.open()?;
        let index = segment.open_index()?;
        let begin = segment.indexed_from(index.as_ref());
        let mut reader = Self {
            unindexed: None,
            index: index.filter(|_| begin < segment.bytes),
            end: begin,
            left_out: 0,
            memory: Memory::default(),
            origins: Vec::new(),
            segment,
            selection,
            file,
        };
        if !reader.selection.is_all() {
            reader.left_out = begin;
        } else if begin > 0 {
            // The same file, even if it is renamed meanwhile. Blocks are read without its cursor.
            let file = reader.file.try_clone();
            let file = file.map_err(|e| reader.segment.unread(e))?.take(begin);
            let lines = PlainLines::new(file, reader.segment.algorithm);
            reader.unindexed = Some(lines.map_err(|e| reader.segment.undecoded(0, e))?);
        }
        Ok(reader)
    }

    /// How many bytes of the segment were left out because it is unknown where their lines come from.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// The next block that may hold a line that is asked for; `None` behind the last one. A block is whole and as it
    /// was written before any of its lines is given.
    pub fn advance(&mut self) -> Result<Option<BlockLines<'_>>, ReadError> {
        if let Some(lines) = &mut self.unindexed {
            if lines.advance().map_err(|e| self.segment.undecoded(0, e))? {
                self.origins.clear();
            } else {
                self.unindexed = None;
            }
        }
        let entry = match self.unindexed {
            Some(_) => None,
            None => self.find()?,
        };
        let plain = match (&self.unindexed, &entry) {
            (Some(lines), _) => lines.lines(),
            (None, Some(entry)) => {
                self.memory.read(&self.segment, &self.file, entry)?;
                self.memory.lines(&self.segment, entry)?
            }
            (None, None) => return Ok(None),
        };
        Ok(Some(BlockLines {
            plain,
            origins: &self.origins,
            selection: &self.selection,
        }))
    }

    /// Goes on to the next entry that may hold a line that is asked for, and reads the origins of its lines.
    fn find(&mut self) -> Result<Option<Entry>, ReadError> {
        let Some(index) = &mut self.index else {
            return Ok(None);
        };
        let unindexed = |e| self.segment.unindexed(e);
        while self.end < self.segment.bytes {
            if (index.current()).is_some_and(|entry| entry.block.file_start < self.end) {
                index.advance().map_err(unindexed)?;
            }
            let entry = self.segment.counted(index.current(), self.end)?;
            self.end = entry.block.file_end();
            if self.selection.may_hold(entry) {
                let entry = entry.clone();
                let origins = index.origins(&mut self.origins);
                origins.map_err(unindexed)?;
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }
}
