//! Records into lines: each value as it is, then a newline.

use memchr::{memchr, memchr3_iter};

use crate::config::Newline;
use crate::record::{Partition, Place, Record};

/// How far a chunk takes its archive.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Advance {
    /// How many records it holds.
    pub records: u64,
    /// Where each partition goes on that it holds records (or gaps) of, each partition once.
    pub to: Vec<(Partition, Place)>,
}

/// Whole lines on their way to the file.
#[derive(Debug, Default)]
pub struct Chunk {
    /// The lines.
    pub bytes: Vec<u8>,
    /// What they hold.
    pub advance: Advance,
}

/// A record that one line can't hold, as `newline = "fail"` wants it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the value of partition {partition} offset {offset} has a newline in it")]
pub struct NewlineInValue {
    /// Where the record is.
    pub partition: Partition,
    /// Its own offset.
    pub offset: i64,
}

impl Chunk {
    /// An empty one that grows no more up to so many bytes.
    pub fn with_room(bytes: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(bytes),
            advance: Advance::default(),
        }
    }

    /// Adds a record as one line; a null value is an empty one.
    pub fn push(&mut self, record: &Record<'_>, newline: Newline) -> Result<(), NewlineInValue> {
        let value = record.value.unwrap_or_default();
        let from = self.bytes.len();
        match newline {
            Newline::Space | Newline::Fail => self.bytes.extend_from_slice(value),
            Newline::Escape => escape(value, &mut self.bytes),
        }
        if newline != Newline::Escape && memchr(b'\n', value).is_some() {
            if newline == Newline::Fail {
                self.bytes.truncate(from);
                return Err(NewlineInValue {
                    partition: record.partition,
                    offset: record.offset,
                });
            }
            for byte in &mut self.bytes[from..] {
                if *byte == b'\n' {
                    *byte = b' ';
                }
            }
        }
        self.bytes.push(b'\n');
        self.advance.records += 1;
        let place = Place {
            next: record.offset + 1,
            epoch: record.epoch,
        };
        self.advance.reach(record.partition, place);
        Ok(())
    }
}

impl Advance {
    /// Records come in runs of one partition, so the last one is looked at first.
    fn reach(&mut self, partition: Partition, place: Place) {
        match self.to.iter_mut().rev().find(|(p, _)| *p == partition) {
            Some((_, to)) => *to = place,
            None => self.to.push((partition, place)),
        }
    }
}

/// `\n`, `\r` and `\` as in JSON strings.
fn escape(value: &[u8], into: &mut Vec<u8>) {
    let mut from = 0;
    for at in memchr3_iter(b'\n', b'\r', b'\\', value) {
        into.extend_from_slice(&value[from..at]);
        into.extend_from_slice(match value[at] {
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            _ => b"\\\\",
        });
        from = at + 1;
    }
    into.extend_from_slice(&value[from..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(partition: Partition, offset: i64, value: Option<&[u8]>) -> Record<'_> {
        Record {
            partition,
            offset,
            value,
            epoch: Some(3),
        }
    }

    fn reached(chunk: &Chunk) -> Vec<(Partition, i64)> {
        let to = chunk.advance.to.iter();
        to.map(|(partition, place)| (*partition, place.next))
            .collect()
    }

    fn line(value: &[u8], newline: Newline) -> Vec<u8> {
        let mut chunk = Chunk::default();
        chunk
            .push(&record(0, 0, Some(value)), newline)
            .expect("fits");
        chunk.bytes
    }

    #[test]
    fn null_and_empty_values_are_empty_lines() {
        let mut chunk = Chunk::default();
        for (offset, value) in [(0, None), (1, Some(&b""[..])), (2, Some(&b"x"[..]))] {
            chunk
                .push(&record(0, offset, value), Newline::Space)
                .expect("fits");
        }
        assert_eq!(chunk.bytes, b"\n\nx\n");
        assert_eq!(chunk.advance.records, 3);
    }

    #[test]
    fn any_other_byte_stays_as_it_is() {
        let bytes = (0..=255).filter(|b| *b != b'\n').collect::<Vec<u8>>();
        let mut expected = bytes.clone();
        expected.push(b'\n');
        assert_eq!(line(&bytes, Newline::Space), expected);
    }

    #[test]
    fn a_newline_becomes_a_space() {
        assert_eq!(line(b"a\nb\r\n", Newline::Space), b"a b\r \n");
    }

    #[test]
    fn an_escaped_newline_can_be_told_from_the_letters() {
        assert_eq!(
            line(b"a\nb\\n\r", Newline::Escape),
            b"a\\nb\\\\n\\r\n".to_vec()
        );
    }

    #[test]
    fn a_newline_that_must_not_be_leaves_the_chunk_as_it_was() {
        let mut chunk = Chunk::default();
        chunk
            .push(&record(0, 4, Some(b"ok")), Newline::Fail)
            .expect("fits");
        let failed = chunk.push(&record(1, 7, Some(b"a\nb")), Newline::Fail);
        assert_eq!(
            failed,
            Err(NewlineInValue {
                partition: 1,
                offset: 7
            })
        );
        assert_eq!(chunk.bytes, b"ok\n");
        assert_eq!(reached(&chunk), vec![(0, 5)]);
    }

    #[test]
    fn a_chunk_knows_the_next_offset_of_each_partition_in_it() {
        let mut chunk = Chunk::default();
        for (partition, offset) in [(0, 5), (1, 9), (0, 7), (1, 10), (2, 0)] {
            chunk
                .push(&record(partition, offset, None), Newline::Space)
                .expect("fits");
        }
        assert_eq!(reached(&chunk), vec![(0, 8), (1, 11), (2, 1)]);
        assert!(chunk.advance.to.iter().all(|(_, to)| to.epoch == Some(3)));
    }
}
