//! A segment's file, read from its beginning to its end, and digested on the way.

use std::fs::File;
use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::digest::{Digest, Digester};

/// A file that is read from its beginning to its end, and digested on the way.
pub(super) struct DigestedFile<'a> {
    file: File,
    length: u64,
    at: u64,
    digester: Digester,
    read: &'a AtomicU64,
}

impl<'a> DigestedFile<'a> {
    /// So many bytes of the file count. Those that are read are added to `read`.
    pub fn new(file: File, length: u64, read: &'a AtomicU64) -> Self {
        Self {
            file,
            length,
            at: 0,
            digester: Digester::default(),
            read,
        }
    }

    /// How many bytes count.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// How many were read.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// Reads on to this byte.
    pub fn pass_to(&mut self, end: u64) -> io::Result<()> {
        let left = end.saturating_sub(self.at);
        io::copy(&mut self.take(left), &mut io::sink()).map(drop)
    }

    /// The digest of what was read.
    pub fn digest(&self) -> Digest {
        self.digester.digest()
    }
}

impl Read for DigestedFile<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.digester.push(&buffer[..read]);
        self.at += read as u64;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
