//! The digest of a segment's file: XXH3-128, as `xxh128sum` prints it.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};

use xxhash_rust::xxh3::Xxh3Default;

/// The digest of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digest(pub u128);

impl Digest {
    /// The digest that stands somewhere as `xxh128sum` prints it; `None` if that is none.
    pub fn parse(hex: &str) -> Option<Self> {
        let digest = u128::from_str_radix(hex, 16).ok().map(Self)?;
        (digest.to_string() == hex).then_some(digest)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// A file that is read from its beginning to its end, and digested on the way.
pub(super) struct DigestedFile<'a> {
    file: File,
    length: u64,
    at: u64,
    digest: Xxh3Default,
    read: &'a AtomicU64,
}

impl<'a> DigestedFile<'a> {
    /// So many bytes of the file count. Those that are read are added to `read`.
    pub fn new(file: File, length: u64, read: &'a AtomicU64) -> Self {
        Self {
            file,
            length,
            at: 0,
            digest: Xxh3Default::new(),
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
        Digest(self.digest.digest128())
    }
}

impl Read for DigestedFile<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.digest.update(&buffer[..read]);
        self.at += read as u64;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_written_as_xxh128sum_prints_it() {
        let empty = Digest(Xxh3Default::new().digest128());
        assert_eq!(empty.to_string(), "99aa06d3014798d86001c324468d497f");
    }
}
