//! A segment that is to be read.

use std::fs::File;
use std::io;
use std::path::PathBuf;

use super::error::ReadError;
use crate::compression::Algorithm;
use crate::index::header::HEADER_BYTES;
use crate::index::{Entry, IndexError, IndexReader};
use crate::open;

/// A segment on the disk, growing or sealed.
#[derive(Debug, Clone)]
pub struct Segment {
    /// Its file.
    pub path: PathBuf,
    /// Its index, if it has one.
    pub index: Option<PathBuf>,
    /// Its sequence number in its archive.
    pub sequence: u64,
    /// How it is compressed.
    pub algorithm: Algorithm,
    /// How many of its bytes count. What lies behind them is not looked at.
    pub bytes: u64,
}

impl Segment {
    /// Opens its file.
    pub(super) fn open(&self) -> Result<File, ReadError> {
        let file = open::segment(&self.path).map_err(|e| self.unread(e))?;
        let found = file.metadata().map_err(|e| self.unread(e))?.len();
        if found < self.bytes {
            return Err(ReadError::Short {
                path: self.path.clone(),
                expected: self.bytes,
                found,
            });
        }
        Ok(file)
    }

    /// Opens its index, and goes to the first entry.
    pub(super) fn open_index(&self) -> Result<Option<IndexReader<File>>, ReadError> {
        self.open_index_at(HEADER_BYTES as u64)
    }

    /// Opens its index, and goes to the entry at this byte.
    pub(super) fn open_index_at(&self, byte: u64) -> Result<Option<IndexReader<File>>, ReadError> {
        let Some(path) = &self.index else {
            return Ok(None);
        };
        let opened = open::state(path).map_err(IndexError::from);
        let mut index = opened
            .and_then(IndexReader::new)
            .map_err(|e| self.unindexed(e))?;
        let found = index.header().sequence;
        if found != self.sequence {
            return Err(self.unindexed(IndexError::OfAnother {
                expected: self.sequence,
                found,
            }));
        }
        let advanced = index.skip_to(byte).and_then(|()| index.advance().map(drop));
        advanced.map_err(|e| self.unindexed(e))?;
        Ok(Some(index))
    }

    /// Up to which byte nothing is known of its lines.
    pub(super) fn indexed_from(&self, index: Option<&IndexReader<File>>) -> u64 {
        let first = index.and_then(IndexReader::current);
        let begin = first.map_or(self.bytes, |entry| entry.block.file_start);
        begin.min(self.bytes)
    }

    /// The entry behind byte `end`, if its block counts.
    pub(super) fn counted<'e>(
        &self,
        entry: Option<&'e Entry>,
        end: u64,
    ) -> Result<&'e Entry, ReadError> {
        let counts = |entry: &&Entry| entry.block.file_end() <= self.bytes;
        entry.filter(counts).ok_or_else(|| ReadError::IndexEnds {
            path: self.index.clone().unwrap_or_default(),
            expected: self.bytes,
            found: end,
        })
    }

    pub(super) fn unread(&self, source: io::Error) -> ReadError {
        ReadError::Io {
            path: self.path.clone(),
            source,
        }
    }

    /// The lines from this byte on can't be read: the bytes are others than were written, or can't be had.
    pub(super) fn undecoded(&self, byte: u64, error: io::Error) -> ReadError {
        match error.raw_os_error() {
            Some(_) => self.unread(error),
            None => self.damaged(byte, error),
        }
    }

    pub(super) fn damaged(&self, byte: u64, what: impl ToString) -> ReadError {
        ReadError::Damaged {
            path: self.path.clone(),
            byte,
            what: what.to_string(),
        }
    }

    pub(super) fn unindexed(&self, source: IndexError) -> ReadError {
        ReadError::Index {
            path: self.index.clone().unwrap_or_default(),
            source,
        }
    }
}
