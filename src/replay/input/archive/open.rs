//! A segment that is being read, and the record of it that is given next.

use archiver_format::index::Origin;
use archiver_format::record::Partition;

use super::super::rows::Row;
use super::ahead::Ahead;
use super::stream::Stream;

/// A part of an archive that is being read.
pub(super) struct Open {
    /// Which it is.
    pub part: usize,
    /// The record that is given next. One without a timestamp has that of the one before.
    pub head: Origin,
    stream: Stream,
    /// How many records were read, with that one.
    read: u64,
    ahead: Option<Ahead>,
}

impl Open {
    /// At its first record; `None` if it has none.
    pub fn new(part: usize, mut stream: Stream) -> Result<Option<Self>, String> {
        let head = stream.advance()?;
        Ok(head.map(|head| Self {
            part,
            head,
            stream,
            read: 1,
            ahead: None,
        }))
    }

    /// The record that is given next.
    pub fn row(&self) -> Row {
        self.stream.row()
    }

    /// By what it comes before others, in milliseconds since 1970. A segment that begins without a timestamp comes first.
    pub fn time_ms(&self) -> i64 {
        self.head.timestamp_ms.unwrap_or(i64::MIN)
    }

    /// Goes on to the next record; false behind the last one.
    pub fn step(&mut self) -> Result<bool, String> {
        let Some(head) = self.stream.advance()? else {
            return Ok(false);
        };
        self.read += 1;
        if let Some(ahead) = &mut self.ahead {
            ahead.forget(head.partition, self.read);
        }
        self.head = Origin {
            timestamp_ms: head.timestamp_ms.or(self.head.timestamp_ms),
            ..head
        };
        Ok(true)
    }

    /// The next offset of a partition, which may need the same part to be opened once more.
    pub fn next_of(
        &mut self,
        partition: Partition,
        again: impl FnOnce() -> Result<Stream, String>,
    ) -> Result<Option<i64>, String> {
        if self.head.partition == partition {
            return Ok(Some(self.head.offset));
        }
        let ahead = match &mut self.ahead {
            Some(ahead) => ahead,
            none => none.insert(Ahead::new(again()?)),
        };
        ahead.next(partition, self.read)
    }
}
