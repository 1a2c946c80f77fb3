//! A part of a segment that has no index: all of its lines, from its first byte to its last.

use std::io::{self, BufReader, Read};

use memchr::memrchr;

use crate::compression::{Algorithm, decompress};

/// How many bytes of lines are given at once, unless one is longer.
const PIECE_BYTES: usize = 256 << 10;

/// The largest line, in bytes. Kafka's records are smaller.
const LINE_BYTES_MAX: usize = 1 << 31;

/// Reads whole lines, piece by piece.
pub(super) struct PlainLines<'r> {
    text: Box<dyn Read + Send + 'r>,
    buffer: Vec<u8>,
    /// The bytes of the buffer before this were given already.
    given: usize,
    /// How many bytes of the buffer were read.
    filled: usize,
}

impl<'r> PlainLines<'r> {
    /// Reads from the beginning of members or frames to the end of the last one.
    pub fn new(file: impl Read + Send + 'r, algorithm: Algorithm) -> io::Result<Self> {
        let file = BufReader::with_capacity(128 << 10, file);
        Ok(Self {
            text: decompress(file, algorithm)?,
            buffer: vec![0; PIECE_BYTES],
            given: 0,
            filled: 0,
        })
    }

    /// Goes on to the next lines; false at the end.
    pub fn advance(&mut self) -> io::Result<bool> {
        self.buffer.copy_within(self.given..self.filled, 0);
        let mut searched = self.filled - self.given;
        (self.filled, self.given) = (searched, 0);
        loop {
            if self.filled == self.buffer.len() {
                self.grow()?;
            }
            let read = self.text.read(&mut self.buffer[self.filled..])?;
            if read == 0 {
                return match self.filled {
                    0 => Ok(false),
                    _ => Err(io::Error::other("its last line has no newline")),
                };
            }
            self.filled += read;
            if let Some(end) = memrchr(b'\n', &self.buffer[searched..self.filled]) {
                self.given = searched + end + 1;
                return Ok(true);
            }
            searched = self.filled;
        }
    }

    /// The lines that were gone on to, each with its newline.
    pub fn lines(&self) -> &[u8] {
        &self.buffer[..self.given]
    }

    fn grow(&mut self) -> io::Result<()> {
        if self.buffer.len() >= LINE_BYTES_MAX {
            return Err(io::Error::other("it has a line without an end"));
        }
        let more = self.buffer.len();
        self.buffer.try_reserve_exact(more)?;
        self.buffer.resize(2 * more, 0);
        Ok(())
    }
}
