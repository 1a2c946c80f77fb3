//! Reading an index, entry by entry. The lines of an entry are passed over unless they are asked for.

use std::io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom};

use xxhash_rust::xxh3::xxh3_64;

use super::damage::IndexError;
use super::entry::{Entry, PREFIX_BYTES, Prefix, read_head};
use super::header::{self, HEADER_BYTES, Header};
use super::origin::Origin;
use super::step;
use crate::compression::{Algorithm, Decompressor};

/// Most entries begin within so many bytes of the one before; to go on there costs less than to ask for it.
const BUFFER_BYTES: usize = 64 << 10;

/// Reads an index from a file, or from bytes.
pub struct IndexReader<R> {
    file: BufReader<R>,
    /// How long it was when it was opened; what is appended later is not read.
    length: u64,
    header: Header,
    /// Where the next entry begins.
    next: u64,
    /// How many steps of the current entry weren't read, in bytes.
    unread: u32,
    current: Option<Entry>,
    /// The bytes of a head, or of steps.
    bytes: Vec<u8>,
    decompressor: Decompressor,
}

impl<R: Read + Seek> IndexReader<R> {
    /// Reads the header.
    pub fn new(mut file: R) -> Result<Self, IndexError> {
        let length = file.seek(SeekFrom::End(0))?;
        file.seek(SeekFrom::Start(0))?;
        let mut file = BufReader::with_capacity(BUFFER_BYTES, file);
        let mut bytes = [0; HEADER_BYTES];
        file.read_exact(&mut bytes).map_err(|e| torn(e, 0))?;
        Ok(Self {
            file,
            length,
            header: header::read(&bytes)?,
            next: HEADER_BYTES as u64,
            unread: 0,
            current: None,
            bytes: Vec::new(),
            decompressor: Decompressor::default(),
        })
    }

    /// What the header says.
    pub fn header(&self) -> Header {
        self.header
    }

    /// Where the next entry begins, in bytes.
    pub fn byte(&self) -> u64 {
        self.next
    }

    /// Is there nothing behind the current entry?
    pub fn is_at_end(&self) -> bool {
        self.next >= self.length
    }

    /// The entry that was gone on to last; `None` behind the last one.
    pub fn current(&self) -> Option<&Entry> {
        self.current.as_ref()
    }

    /// Goes on to the next entry; `None` behind the last one. Each begins where the block before ends.
    pub fn advance(&mut self) -> Result<Option<&Entry>, IndexError> {
        self.file.seek_relative(i64::from(self.unread))?;
        self.unread = 0;
        let byte = self.next;
        let damaged = |what| IndexError::Damaged { byte, what };
        let left = self.length.saturating_sub(byte);
        if left == 0 {
            self.current = None;
            return Ok(None);
        }
        let mut prefix = [0; PREFIX_BYTES];
        if left < PREFIX_BYTES as u64 {
            return Err(IndexError::Torn { byte });
        }
        self.file
            .read_exact(&mut prefix)
            .map_err(|e| torn(e, byte))?;
        let prefix = Prefix::read(&prefix);
        let (head, steps) = (u64::from(prefix.head_bytes), u64::from(prefix.steps_bytes));
        let whole = PREFIX_BYTES as u64 + head + steps;
        if left < whole {
            return Err(IndexError::Torn { byte });
        }
        self.read(prefix.head_bytes, byte)?;
        if !prefix.fits(&self.bytes) {
            return Err(damaged("the checksum of an entry doesn't match"));
        }
        let entry = read_head(&self.bytes).filter(|_| prefix.steps_bytes > 0);
        let entry = entry.ok_or(damaged("an entry says what can't be"))?;
        if self
            .current
            .as_ref()
            .is_some_and(|before| !follows(&entry, before))
        {
            return Err(damaged("an entry doesn't begin where the one before ends"));
        }
        self.next = byte.saturating_add(whole);
        self.unread = prefix.steps_bytes;
        Ok(Some(self.current.insert(entry)))
    }

    /// The origins of the current entry's lines, in their order. There are none if they were read already.
    pub fn origins(&mut self, origins: &mut Vec<Origin>) -> Result<(), IndexError> {
        origins.clear();
        let (unread, next) = (self.unread, self.next);
        if unread == 0 {
            return Ok(());
        }
        let byte = next.saturating_sub(u64::from(unread));
        let damaged = |what| IndexError::Damaged { byte, what };
        self.unread = 0;
        self.read(unread, byte)?;
        let Some(entry) = &self.current else {
            return Ok(());
        };
        if xxh3_64(&self.bytes) != entry.steps_checksum {
            return Err(damaged("the checksum of an entry's lines doesn't match"));
        }
        let steps = match entry.steps_plain_bytes {
            None => &self.bytes[..],
            Some(plain_bytes) => {
                let bytes = &self.bytes;
                let steps = (self.decompressor).decompress(bytes, Algorithm::Zstd, plain_bytes);
                steps.map_err(|_| damaged("an entry's lines can't be decompressed"))?
            }
        };
        step::read(steps, &entry.rows, entry.lines, origins).map_err(damaged)
    }

    /// Reads so many bytes, which the file has.
    fn read(&mut self, bytes: u32, at: u64) -> Result<(), IndexError> {
        self.bytes.resize(bytes as usize, 0);
        let read = self.file.read_exact(&mut self.bytes);
        read.map_err(|e| torn(e, at))
    }

    /// Goes to this byte, where an entry begins or the index ends.
    pub fn skip_to(&mut self, byte: u64) -> Result<(), IndexError> {
        self.file.seek(SeekFrom::Start(byte))?;
        (self.next, self.unread, self.current) = (byte, 0, None);
        Ok(())
    }

    /// The last entry. One behind it that isn't whole is still being written. `None` if there is no entry.
    pub fn last(mut self) -> Result<Option<Entry>, IndexError> {
        let mut last = None;
        loop {
            match self.advance() {
                Ok(Some(entry)) => last = Some(entry.clone()),
                Ok(None) | Err(IndexError::Torn { .. }) => return Ok(last),
                Err(other) => return Err(other),
            }
        }
    }
}

fn follows(entry: &Entry, before: &Entry) -> bool {
    let (this, that) = (&entry.block, &before.block);
    this.file_start == that.file_end()
        && this.plain_start == that.plain_start.saturating_add(that.plain_bytes)
        && this.first_line == that.first_line.saturating_add(before.lines)
}

/// A file that is shorter than it was is torn.
fn torn(error: io::Error, byte: u64) -> IndexError {
    match error.kind() {
        ErrorKind::UnexpectedEof => IndexError::Torn { byte },
        _ => error.into(),
    }
}
