//! Whether a segment and its index are what was written: all of both is read, once.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::sync::atomic::AtomicU64;

use memchr::memchr_iter;

use super::block::Memory;
use super::damage::Damage;
use super::digested_file::DigestedFile;
use super::error::ReadError;
use super::plain::PlainLines;
use super::segment::Segment;
use crate::digest::Digest;
use crate::index::span::join_all;
use crate::index::{Entry, IndexReader, Lines, Origin, Span};
use crate::open;

/// What is known of a sealed segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sealed {
    /// The digest of its file, if it was computed.
    pub digest: Option<Digest>,
    /// How many lines it has, if all of them were counted.
    pub lines: Option<u64>,
}

/// What was found in a segment.
#[derive(Debug, Default)]
pub struct Checked {
    /// What is wrong, in the order in which it was found; empty if the segment is sound.
    pub damage: Vec<Damage>,
    /// The digest of the bytes that count; `None` if they couldn't all be read.
    pub digest: Option<Digest>,
    /// How many lines there are, as far as they can be read.
    pub lines: u64,
    /// How many bytes these have, newlines included.
    pub plain_bytes: u64,
    /// What the lines hold of each partition, in the order of the partitions, as far as the index knows.
    pub spans: Vec<Span>,
    /// How many bytes of the segment its index doesn't cover.
    pub unindexed_bytes: u64,
}

/// Reads a segment and its index, and tells `each` the origins of each block's lines. With what is known of it as a
/// `sealed` one, its file must be exactly so; a growing one may be longer than what counts. The bytes of the file are
/// added to `read` as they are read. Fails only if reading fails.
pub fn check(
    segment: &Segment,
    sealed: Option<&Sealed>,
    read: &AtomicU64,
    each: &mut dyn FnMut(&[Origin]),
) -> io::Result<Checked> {
    let file = match open::segment(&segment.path) {
        Err(e) if e.kind() == ErrorKind::NotFound => {
            return Ok(Checked {
                damage: vec![Damage::Missing],
                ..Checked::default()
            });
        }
        file => file?,
    };
    let mut checked = Checked::default();
    let found = file.metadata()?.len();
    let is_wrong = match sealed {
        Some(_) => found != segment.bytes,
        None => found < segment.bytes,
    };
    if is_wrong {
        checked.damage.push(Damage::Length {
            expected: segment.bytes,
            found,
        });
    }
    let mut pass = Pass {
        segment,
        file: DigestedFile::new(file, segment.bytes.min(found), read),
        checked,
        memory: Memory::default(),
        is_sealed: sealed.is_some(),
        each,
    };
    pass.read_all()?;
    Ok(pass.ended(sealed))
}

/// One pass over a segment and its index.
struct Pass<'a> {
    segment: &'a Segment,
    file: DigestedFile<'a>,
    checked: Checked,
    memory: Memory,
    is_sealed: bool,
    each: &'a mut dyn FnMut(&[Origin]),
}

impl Pass<'_> {
    fn read_all(&mut self) -> io::Result<()> {
        match self.segment.open_index() {
            Ok(Some(index)) => self.read_blocks(index)?,
            Ok(None) => {}
            Err(error) => self.damaged(error)?,
        }
        self.read_unindexed(self.file.length())
    }

    /// Reads the blocks that the index knows, up to the first one whose entry can't be used.
    fn read_blocks(&mut self, mut index: IndexReader<File>) -> io::Result<()> {
        let begin = self.segment.indexed_from(Some(&index));
        self.read_unindexed(begin.min(self.file.length()))?;
        let (mut origins, mut lines) = (Vec::new(), Lines::default());
        while self.file.at() < self.file.length() {
            let entry = match self.segment.counted(index.current(), self.file.at()) {
                Ok(entry) => entry.clone(),
                Err(error) => return self.damaged(error),
            };
            if entry.block.file_end() > self.file.length() {
                // The file is too short, which was said.
                return Ok(());
            }
            let read = index.origins(&mut origins);
            if self.read_block(&entry)? && read.is_ok() {
                lines.clear();
                for origin in &origins {
                    lines.push(origin.partition, origin.offset, origin.timestamp_ms);
                }
                (self.each)(&origins);
                if !entry.is_of(&lines) {
                    let byte = index.byte();
                    self.checked.damage.push(Damage::Entry { byte });
                }
                join_all(&mut self.checked.spans, &lines.summary());
            }
            if let Err(error) = read {
                self.damaged(self.segment.unindexed(error))?;
            }
            if self.file.at() < self.segment.bytes
                && let Err(error) = index.advance()
            {
                return self.damaged(self.segment.unindexed(error));
            }
        }
        let is_behind = |entry: &Entry| entry.block.file_end() > self.segment.bytes;
        if self.is_sealed && (!index.is_at_end() || index.current().is_some_and(is_behind)) {
            let byte = index.byte();
            self.checked.damage.push(Damage::IndexGoesOn { byte });
        }
        Ok(())
    }

    /// Reads one block; false if it is damaged.
    fn read_block(&mut self, entry: &Entry) -> io::Result<bool> {
        let bytes = self.memory.room(entry.block.file_bytes)?;
        self.file.read_exact(bytes)?;
        match self.memory.lines(self.segment, entry) {
            Ok(lines) => {
                self.checked.lines += entry.lines;
                self.checked.plain_bytes += lines.len() as u64;
                Ok(true)
            }
            Err(error) => self.damaged(error).map(|()| false),
        }
    }

    /// Reads up to this byte of the file without an index.
    fn read_unindexed(&mut self, end: u64) -> io::Result<()> {
        let begin = self.file.at();
        self.checked.unindexed_bytes += end.saturating_sub(begin);
        if begin >= end {
            return Ok(());
        }
        if let Err(error) = self.count_lines(end) {
            self.damaged(self.segment.undecoded(begin, error))?;
        }
        self.file.pass_to(end)
    }

    fn count_lines(&mut self, end: u64) -> io::Result<()> {
        let left = end - self.file.at();
        let mut lines = PlainLines::new((&mut self.file).take(left), self.segment.algorithm)?;
        while lines.advance()? {
            let lines = lines.lines();
            self.checked.lines += memchr_iter(b'\n', lines).count() as u64;
            self.checked.plain_bytes += lines.len() as u64;
        }
        Ok(())
    }

    /// Notes what is wrong, unless nothing could be read.
    fn damaged(&mut self, error: ReadError) -> io::Result<()> {
        self.checked.damage.push(Damage::of(error)?);
        Ok(())
    }

    fn ended(self, sealed: Option<&Sealed>) -> Checked {
        let Self {
            segment,
            file,
            mut checked,
            ..
        } = self;
        if file.at() == segment.bytes {
            checked.digest = Some(file.digest());
        }
        let expected = sealed.and_then(|sealed| sealed.digest);
        if let (Some(expected), Some(found)) = (expected, checked.digest)
            && expected != found
        {
            checked.damage.push(Damage::Digest { expected, found });
        }
        let expected = sealed.and_then(|sealed| sealed.lines);
        if let Some(expected) = expected
            && expected != checked.lines
        {
            checked.damage.push(Damage::Lines {
                expected,
                found: checked.lines,
            });
        }
        checked
    }
}
