//! A partition's log on a stopped node's disk, and what can happen to it there.

use std::fs;
use std::ops::Range;
use std::path::PathBuf;

/// The file that a partition's first records are in.
pub struct Segment(PathBuf);

/// How a batch of records is damaged.
#[derive(Clone, Copy, Debug)]
pub enum Damage {
    /// A bit is another one.
    Bit,
    /// The checksum is right, but what it is of can't be decompressed.
    Content,
    /// The batch says that it is of a format that doesn't exist.
    Format,
    /// It says that it is longer than it is.
    Length,
}

/// Where the fields of a batch's header begin, and where it ends.
const LENGTH: usize = 8;
const FORMAT: usize = 16;
const CHECKSUM: usize = 17;
const ATTRIBUTES: usize = 21;
const LAST_OFFSET: usize = 23;
const RECORDS: usize = 61;

impl Segment {
    pub fn in_log(directory: PathBuf) -> Segment {
        Segment(directory.join("00000000000000000000.log"))
    }

    /// The offsets of each batch.
    pub fn batches(&self) -> Vec<Range<i64>> {
        let bytes = self.read();
        let places = places(&bytes);
        let offsets = |place: &Range<usize>| {
            let batch = &bytes[place.clone()];
            let base = i64::from_be_bytes(*batch.first_chunk().unwrap());
            base..base + i64::from(number(&batch[LAST_OFFSET..])) + 1
        };
        places.iter().map(offsets).collect()
    }

    /// Damages the batch of this index, and returns how everything was before.
    pub fn damage(&self, index: usize, how: Damage) -> Vec<u8> {
        let before = self.read();
        let mut bytes = before.clone();
        let place = places(&bytes)[index].clone();
        let batch = &mut bytes[place];
        match how {
            Damage::Bit => {
                let middle = RECORDS + (batch.len() - RECORDS) / 2;
                batch[middle] ^= 0x10;
            }
            Damage::Content => {
                batch[RECORDS..].fill(0xff);
                let checksum = crc32c(&batch[ATTRIBUTES..]);
                batch[CHECKSUM..ATTRIBUTES].copy_from_slice(&checksum.to_be_bytes());
            }
            Damage::Format => batch[FORMAT] = 9,
            Damage::Length => {
                let longer = number(&batch[LENGTH..]) + 1000;
                batch[LENGTH..LENGTH + 4].copy_from_slice(&longer.to_be_bytes());
            }
        }
        fs::write(&self.0, bytes).unwrap();
        before
    }

    pub fn restore(&self, before: &[u8]) {
        fs::write(&self.0, before).unwrap();
    }

    fn read(&self) -> Vec<u8> {
        fs::read(&self.0).expect("a partition's log")
    }
}

/// Where the batches are.
fn places(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut places = Vec::new();
    let mut at = 0;
    while at + RECORDS <= bytes.len() && number(&bytes[at + LENGTH..]) > 0 {
        let end = at + LENGTH + 4 + number(&bytes[at + LENGTH..]) as usize;
        places.push(at..end);
        at = end;
    }
    places
}

fn number(bytes: &[u8]) -> i32 {
    i32::from_be_bytes(*bytes.first_chunk().unwrap())
}

fn crc32c(bytes: &[u8]) -> u32 {
    let add = |sum: u32, byte: &u8| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            (sum >> 1) ^ (0x82f6_3b78 * (sum & 1))
        })
    };
    !bytes.iter().fold(!0, add)
}

#[test]
fn checksums_are_those_of_the_standard() {
    assert_eq!(crc32c(b"123456789"), 0xe306_9283);
}
