//! From a segment to the lines that are asked for.

mod lines;

use std::collections::VecDeque;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use super::block::Memory;
use super::block_lines::BlockLines;
use super::error::ReadError;
use super::plain::PlainLines;
use super::segment::Segment;
use super::selection::Selection;
use crate::index::{Block, Entry, IndexReader, Origin};

/// Which blocks a reader gives, of those that may hold a line that is asked for: so several read a segment together, and
/// each of them reads the same blocks whenever that is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Which reader it is, from 0.
    pub number: u64,
    /// How many there are; at least 1.
    pub of: u64,
}

impl Share {
    /// All blocks.
    pub const ALL: Self = Self { number: 0, of: 1 };
}

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
    share: Share,
    /// How many blocks that may hold something were found.
    found: u64,
    memory: Memory,
    origins: Vec<Origin>,
    /// Which line of the block is read by itself.
    line: lines::At,
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
            share: Share::ALL,
            found: 0,
            memory: Memory::default(),
            origins: Vec::new(),
            line: lines::At::default(),
            segment,
            selection,
            file,
        };
        if !reader.selection.is_all() {
            reader.left_out = begin;
        } else if begin > 0 {
            reader.read_unindexed(0)?;
        }
        Ok(reader)
    }

    /// Begins to read what has no index from this byte on.
    fn read_unindexed(&mut self, byte: u64) -> Result<(), ReadError> {
        // The same file, even if it is renamed meanwhile. Blocks are read without its cursor.
        let file = self.file.try_clone();
        let mut file = file.map_err(|e| self.segment.unread(e))?;
        file.seek(SeekFrom::Start(byte))
            .map_err(|e| self.segment.unread(e))?;
        let file = file.take(self.end - byte);
        let lines = PlainLines::new(file, self.segment.algorithm);
        self.unindexed = Some(lines.map_err(|e| self.segment.undecoded(byte, e))?);
        Ok(())
    }

    /// The same, of a growing segment, without what is before this byte, where a block begins. Its entry begins at that
    /// byte of the index.
    pub fn open_behind(
        segment: Segment,
        selection: Selection,
        (byte, index_byte): (u64, u64),
    ) -> Result<Self, ReadError> {
        let file = segment.open()?;
        let index = segment.open_index_at(index_byte)?;
        Ok(Self {
            unindexed: None,
            index: index.filter(|_| byte < segment.bytes),
            end: byte,
            left_out: 0,
            share: Share::ALL,
            found: 0,
            memory: Memory::default(),
            origins: Vec::new(),
            line: lines::At::default(),
            segment,
            selection,
            file,
        })
    }

    /// Gives only a share of the blocks. What has no index is the first reader's.
    #[must_use]
    pub fn share(mut self, share: Share) -> Self {
        if share.number > 0 {
            self.unindexed = None;
            self.left_out = 0;
        }
        self.share = share;
        self
    }

    /// Passes over everything up to this byte, where a block ends that has this checksum, if it is known. False if no
    /// block ends there, or another one does: then nothing can be read any more. What has no index is believed to have one
    /// there.
    pub fn skip_to(&mut self, byte: u64, checksum: Option<u32>) -> Result<bool, ReadError> {
        if self.unindexed.take().is_some() && byte < self.end {
            self.read_unindexed(byte)?;
            return Ok(true);
        }
        let mut last = None;
        while self.end < byte {
            match self.next_entry() {
                Ok(Some(entry)) => last = Some(entry.block.checksum),
                Ok(None) => return Ok(false),
                Err(ReadError::IndexEnds { .. }) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(self.end == byte && checksum.is_none_or(|checksum| last == Some(checksum)))
    }

    /// Passes over blocks that hold none of the last so many lines, as far as the index knows. Does nothing if not all
    /// lines are asked for.
    pub fn skip_to_last(&mut self, lines: u64) -> Result<(), ReadError> {
        if !self.selection.is_all() || self.index.is_none() {
            return Ok(());
        }
        let mut ahead = Self::open(self.segment.clone(), self.selection.clone())?;
        // Blocks with as many lines as are wanted, or more only because of the first of them.
        let (mut blocks, mut held) = (VecDeque::new(), 0);
        while let Some(entry) = ahead.next_entry()? {
            blocks.push_back((entry.block.file_start, entry.lines));
            held += entry.lines;
            while let Some((_, first)) = blocks.front().copied()
                && held - first >= lines
                && blocks.len() > 1
            {
                held -= first;
                blocks.pop_front();
            }
        }
        if let Some((byte, _)) = blocks.front().copied()
            && held >= lines
        {
            self.skip_to(byte, None)?;
        }
        Ok(())
    }

    /// The block that was given last; `None` if it has no entry in the index.
    pub fn block(&self) -> Option<Block> {
        let index = self.index.as_ref().filter(|_| self.unindexed.is_none())?;
        let current = index.current().map(|entry| entry.block);
        current.filter(|block| block.file_end() == self.end)
    }

    /// How many blocks may hold a line that is asked for, and how many there are: by the index alone. Reads nothing
    /// afterwards.
    ///
    /// # Errors
    ///
    /// If the index can't be read.
    pub fn count_blocks(mut self) -> Result<(u64, u64), ReadError> {
        let (mut held, mut all) = (0, 0);
        while let Some(entry) = self.next_entry()?.cloned() {
            all += 1;
            held += u64::from(self.selection.may_hold(&entry));
        }
        Ok((held, all))
    }

    /// How many bytes of the segment were left out because it is unknown where their lines come from.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// The next block that may hold a line that is asked for; `None` behind the last one. A block is whole and as it
    /// was written before any of its lines is given.
    pub fn advance(&mut self) -> Result<Option<BlockLines<'_>>, ReadError> {
        self.line = lines::At::default();
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
            block: entry.map(|entry| entry.block),
        }))
    }

    /// Goes on to the next entry that may hold a line that is asked for, and reads the origins of its lines.
    fn find(&mut self) -> Result<Option<Entry>, ReadError> {
        loop {
            let Some(entry) = self.next_entry()?.cloned() else {
                return Ok(None);
            };
            if !self.selection.may_hold(&entry) {
                continue;
            }
            let turn = self.found % self.share.of.max(1);
            self.found += 1;
            if turn == self.share.number
                && let Some(index) = &mut self.index
            {
                let origins = index.origins(&mut self.origins);
                origins.map_err(|e| self.segment.unindexed(e))?;
                return Ok(Some(entry));
            }
        }
    }

    /// Goes on to the next entry; `None` behind the last one that counts.
    fn next_entry(&mut self) -> Result<Option<&Entry>, ReadError> {
        let Some(index) = self
            .index
            .as_mut()
            .filter(|_| self.end < self.segment.bytes)
        else {
            return Ok(None);
        };
        if (index.current()).is_some_and(|entry| entry.block.file_start < self.end) {
            let advanced = index.advance();
            advanced.map_err(|e| self.segment.unindexed(e))?;
        }
        let entry = self.segment.counted(index.current(), self.end)?;
        self.end = entry.block.file_end();
        Ok(Some(entry))
    }
}
