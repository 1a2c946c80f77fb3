//! Marks: by an id, a length, and a fingerprint of the last bytes before that, archiver knows its own file again.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

/// The largest number of bytes before a mark that its fingerprint covers.
pub const TAIL: usize = 4096;

/// A place in a file, up to which its bytes are known to be archiver's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The file's length there, in bytes.
    pub length: u64,
    /// XXH3-64 of the last up to [`TAIL`] bytes before it, in hex.
    pub fingerprint: String,
}

/// Tells a file from one that got its inode later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileId {
    /// The inode; devices are numbered anew at each boot.
    pub inode: u64,
    /// When the file was created, in nanoseconds since 1970, where the file system tells.
    pub born: Option<u64>,
}

/// The checksum of a piece of a state file, as it stands in the file: XXH3-64 in hex.
pub fn checksum(bytes: &[u8]) -> String {
    format!("xxh3:{:016x}", xxh3_64(bytes))
}

/// The last bytes that were appended to a file, kept for its next fingerprint.
#[derive(Debug, Default, Clone)]
pub struct Tail(Vec<u8>);

impl Tail {
    /// The last bytes of a file, at most [`TAIL`] of them.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Notes bytes that were appended.
    pub fn push(&mut self, appended: &[u8]) {
        let keep = TAIL.saturating_sub(appended.len()).min(self.0.len());
        self.0.drain(..self.0.len() - keep);
        self.0
            .extend_from_slice(&appended[appended.len().saturating_sub(TAIL)..]);
    }

    /// The mark at the end of a file of this length.
    pub fn mark(&self, length: u64) -> Mark {
        Mark {
            length,
            fingerprint: format!("{:016x}", xxh3_64(&self.0)),
        }
    }
}

impl Mark {
    /// How many bytes before the mark its fingerprint covers, at most [`TAIL`].
    pub fn tail_length(&self) -> usize {
        usize::try_from(self.length).map_or(TAIL, |length| length.min(TAIL))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_is_the_same_however_its_bytes_were_appended() {
        let bytes = (0..3 * TAIL).map(|i| (i % 251) as u8).collect::<Vec<_>>();
        let whole = Tail::new(bytes[bytes.len() - TAIL..].to_vec());
        for piece in [1, 7, TAIL - 1, TAIL, TAIL + 1, bytes.len()] {
            let mut tail = Tail::default();
            bytes.chunks(piece).for_each(|piece| tail.push(piece));
            assert_eq!(tail.mark(9), whole.mark(9), "in pieces of {piece}");
        }
    }
}
