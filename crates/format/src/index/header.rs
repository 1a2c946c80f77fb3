//! The header of an index: which segment it is of.

use xxhash_rust::xxh3::xxh3_64;

use super::damage::IndexError;

/// The versions of the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// The first one.
    V1,
}

impl Version {
    /// The one that is written.
    pub const NEWEST: Self = Self::V1;

    /// The number that stands in the file.
    pub const fn number(self) -> u32 {
        match self {
            Self::V1 => 1,
        }
    }

    fn of(number: u32) -> Result<Self, IndexError> {
        match number {
            0 => Err(IndexError::Damaged {
                byte: 0,
                what: "there is no version 0",
            }),
            1 => Ok(Self::V1),
            newer => Err(IndexError::Newer(newer)),
        }
    }
}

/// How many bytes a header has.
pub const HEADER_BYTES: usize = 28;

const MAGIC: &[u8; 8] = b"archidx\n";

/// What the header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// How the entries are written.
    pub version: Version,
    /// The sequence number of the segment in its archive.
    pub sequence: u64,
}

/// The header of a new index, with which its file begins: the magic bytes, the version (32 bits), the sequence number
/// of the segment (64), and XXH3-64 of these; numbers with the lowest byte first.
pub fn header(sequence: u64) -> Vec<u8> {
    let version = Version::NEWEST.number().to_le_bytes();
    let mut bytes = [&MAGIC[..], &version, &sequence.to_le_bytes()].concat();
    bytes.extend(xxh3_64(&bytes).to_le_bytes());
    bytes
}

/// Reads a header.
pub(super) fn read(bytes: &[u8; HEADER_BYTES]) -> Result<Header, IndexError> {
    let damaged = |what| IndexError::Damaged { byte: 0, what };
    let (said, checksum) = bytes.split_at(HEADER_BYTES - 8);
    let Some((magic, numbers)) = said.split_first_chunk::<8>() else {
        return Err(damaged("it has no header"));
    };
    let Some((version, sequence)) = numbers.split_first_chunk::<4>() else {
        return Err(damaged("it has no header"));
    };
    if magic != MAGIC {
        return Err(damaged("it doesn't begin like an index"));
    }
    if xxh3_64(said).to_le_bytes() != *checksum {
        return Err(damaged("the checksum of its header doesn't match"));
    }
    let sequence = sequence.first_chunk::<8>().copied().unwrap_or_default();
    Ok(Header {
        version: Version::of(u32::from_le_bytes(*version))?,
        sequence: u64::from_le_bytes(sequence),
    })
}
