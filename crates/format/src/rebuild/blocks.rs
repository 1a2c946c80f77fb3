//! The blocks of a segment, found without its index.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Take};

use memchr::memchr_iter;

use crate::archive::Segment;
use crate::compression::{Algorithm, decompress_one};
use crate::index::Block;
use crate::index::block::checksum;
use crate::open;

/// Reads a segment block by block, from where archiver has begun to count its lines.
pub(super) struct Blocks {
    file: Noted<Take<BufReader<File>>>,
    algorithm: Algorithm,
    /// Where the next block begins.
    file_start: u64,
    plain_start: u64,
    first_line: u64,
    plain: Vec<u8>,
}

impl Blocks {
    pub fn open(segment: &Segment) -> io::Result<Self> {
        let file_start = segment.contents().uncounted_bytes;
        let mut file = open::segment(&segment.path_now())?;
        file.seek(SeekFrom::Start(file_start))?;
        let left = segment.bytes().saturating_sub(file_start);
        Ok(Self {
            file: Noted {
                file: BufReader::with_capacity(128 << 10, file).take(left),
                read: Vec::new(),
            },
            algorithm: segment.compression,
            file_start,
            plain_start: 0,
            first_line: 0,
            plain: Vec::new(),
        })
    }

    /// Goes on to the next block, and says how many lines it has; `None` behind the last one.
    pub fn advance(&mut self) -> io::Result<Option<(Block, u64)>> {
        self.plain.clear();
        self.file.read.clear();
        if self.file.fill_buf()?.is_empty() {
            return Ok(None);
        }
        decompress_one(&mut self.file, self.algorithm, &mut self.plain)?;
        if self.plain.last() != Some(&b'\n') {
            return Err(io::Error::other(format!(
                "the block at byte {} doesn't end with a line",
                self.file_start
            )));
        }
        let block = Block {
            file_start: self.file_start,
            file_bytes: self.file.read.len() as u64,
            checksum: checksum(&self.file.read),
            plain_start: self.plain_start,
            plain_bytes: self.plain.len() as u64,
            first_line: self.first_line,
        };
        let lines = memchr_iter(b'\n', &self.plain).count() as u64;
        self.file_start = block.file_end();
        self.plain_start += block.plain_bytes;
        self.first_line += lines;
        Ok(Some((block, lines)))
    }

    /// The lines of the block that was gone on to, without their newlines.
    pub fn lines(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        memchr_iter(b'\n', &self.plain).map(move |end| {
            let line = &self.plain[start..end];
            start = end + 1;
            line
        })
    }
}

/// Keeps the bytes that are read.
struct Noted<R> {
    file: R,
    read: Vec<u8>,
}

impl<R: BufRead> Read for Noted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

impl<R: BufRead> BufRead for Noted<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.file.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        // What is consumed was filled before.
        if let Ok(buffer) = self.file.fill_buf() {
            self.read.extend_from_slice(&buffer[..amount]);
        }
        self.file.consume(amount);
    }
}
