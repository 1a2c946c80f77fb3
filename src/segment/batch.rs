//! A batch: the lines that are written next, in a part for each segment, and how far they take the archive.

use std::collections::HashMap;
use std::io;

use archiver_format::compression::{Compression, compress};
use archiver_format::index::Lines;
use archiver_format::line::{Encoder, RefusedRecord};
use archiver_format::position::Advance;
use archiver_format::record::{NextOffset, Partition, Record};
use archiver_format::segment::Route;

/// The lines of a batch that go into one segment.
#[derive(Debug, Default)]
pub struct Part {
    /// Which way their records go.
    pub route: Route,
    /// Which record each line is.
    pub lines: Lines,
    /// The lines, each with its newline.
    pub bytes: Vec<u8>,
}

/// A part as it goes into the file: one gzip member or zstd frame, or plain lines.
#[derive(Debug)]
pub struct Member {
    /// Which way its records go.
    pub route: Route,
    /// Which record each of its lines is.
    pub lines: Lines,
    /// How many bytes the lines have without compression.
    pub plain_bytes: u64,
    /// The bytes to append to the file.
    pub bytes: Vec<u8>,
}

impl Member {
    /// Compresses a part.
    pub fn new(part: Part, compression: Compression) -> io::Result<Self> {
        Ok(Self {
            route: part.route,
            lines: part.lines,
            plain_bytes: part.bytes.len() as u64,
            bytes: compress(part.bytes, compression)?,
        })
    }
}

/// So many parts are looked through one after the other.
const FEW: usize = 8;

/// Whole lines on their way to the segments. The advance counts only when every part is written.
#[derive(Debug, Default)]
pub struct Batch {
    parts: Vec<Part>,
    /// Where the part of each route is, once there are many.
    places: HashMap<Route, usize>,
    /// The index of the part that was written to last: records come in runs.
    last: usize,
    /// How many bytes of lines all parts have together.
    bytes: usize,
    advance: Advance,
}

impl Batch {
    /// An empty batch whose first part has room for so many bytes, so that it need not grow.
    pub fn with_room(bytes: usize) -> Self {
        Self {
            parts: vec![Part {
                bytes: Vec::with_capacity(bytes),
                ..Part::default()
            }],
            ..Self::default()
        }
    }

    /// Does it hold nothing?
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.bytes == 0 && self.advance.steps.is_empty()
    }

    /// How many bytes of lines it holds.
    #[inline]
    pub fn len(&self) -> usize {
        self.bytes
    }

    /// How many parts it has: each is a write of its own, and another one to an index.
    #[inline]
    pub fn spread(&self) -> usize {
        self.parts.len()
    }

    /// How many bytes of memory its lines take up, reserved bytes included.
    pub fn capacity(&self) -> usize {
        let parts = self.parts.iter();
        parts
            .map(|part| part.bytes.capacity() + part.lines.capacity())
            .sum()
    }

    /// The latest timestamp of each partition's records in each part, in milliseconds since 1970, where they have any.
    pub fn newest(&self) -> impl Iterator<Item = (Partition, i64)> {
        let spans = self.parts.iter().flat_map(|part| part.lines.summary());
        spans.filter_map(|span| Some((span.partition, span.times?.highest_ms)))
    }

    /// Makes room for a record of this size, exactly: a part that grows by itself doubles.
    pub fn reserve(&mut self, route: Route, bytes: usize) {
        self.part(route).bytes.reserve_exact(bytes);
    }

    /// Adds a record of a partition that stands at `from` as a line that goes this way. A record that is refused leaves
    /// the batch as it was.
    #[inline]
    pub fn push(
        &mut self,
        route: Route,
        record: &Record<'_>,
        from: NextOffset,
        encoder: &mut Encoder,
    ) -> Result<(), RefusedRecord> {
        let part = match self.parts.get_mut(self.last) {
            Some(last) if last.route == route => last,
            _ => self.part(route),
        };
        let before = part.bytes.len();
        encoder.encode(record, &mut part.bytes)?;
        let (partition, offset) = (record.partition, record.offset);
        part.lines.push(partition, offset, record.timestamp_ms());
        self.bytes += part.bytes.len() - before;
        self.advance.count(record, from);
        Ok(())
    }

    /// Goes on behind a record of a partition that stands at `from`, without the record.
    #[inline]
    pub fn skip(&mut self, record: &Record<'_>, from: NextOffset) {
        self.advance.pass(record, from);
    }

    /// Its parts, none of them empty, and how far they take the archive together.
    pub fn into_parts(self) -> (Vec<Part>, Advance) {
        let parts = self.parts.into_iter().filter(|part| !part.lines.is_empty());
        (parts.collect(), self.advance)
    }

    /// The part of a route, made with its first record.
    fn part(&mut self, route: Route) -> &mut Part {
        self.last = self.find(route).unwrap_or_else(|| self.add(route));
        let part = &mut self.parts[self.last];
        part.route = route;
        part
    }

    /// Where the part of a route is.
    fn find(&self, route: Route) -> Option<usize> {
        if !self.places.is_empty() {
            return self.places.get(&route).copied();
        }
        let mut parts = self.parts.iter();
        // An empty part only has room for whatever comes first.
        parts.position(|part| part.route == route || part.lines.is_empty())
    }

    /// Adds a part for a route, and says where.
    fn add(&mut self, route: Route) -> usize {
        let at = self.parts.len();
        self.parts.push(Part {
            route,
            ..Part::default()
        });
        if at >= FEW {
            let known = self.places.len();
            let new = self.parts.iter().enumerate().skip(known);
            self.places.extend(new.map(|(at, part)| (part.route, at)));
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use archiver_format::line::{Format, Newline};

    use super::*;

    fn encoder() -> Encoder {
        Encoder::new(Format::Raw(Newline::Fail), "t")
    }

    fn record(partition: i32, offset: i64, value: &[u8]) -> Record<'_> {
        Record {
            partition,
            offset,
            value: Some(value),
            ..Record::default()
        }
    }

    #[test]
    fn records_of_one_partition_may_go_to_several_segments_and_are_one_advance() {
        let mut batch = Batch::with_room(64);
        let route = |partition| Route {
            partition: Some(partition),
            time: None,
        };
        for (way, offset, value) in [(0, 3, b"a"), (7, 4, b"b"), (0, 5, b"c"), (7, 8, b"d")] {
            let from = NextOffset::new(offset);
            let record = record(1, offset, value);
            let pushed = batch.push(route(way), &record, from, &mut encoder());
            pushed.expect("fits");
        }
        assert_eq!(batch.len(), 8);
        let (parts, advance) = batch.into_parts();
        let parts = parts.iter();
        let parts = parts.map(|part| (part.route, part.lines.len(), &part.bytes[..]));
        let parts = parts.collect::<Vec<_>>();
        let expected = [(route(0), 2, &b"a\nc\n"[..]), (route(7), 2, &b"b\nd\n"[..])];
        assert_eq!(parts, expected);
        assert_eq!(advance.records, 4);
        let [step] = advance.steps[..] else {
            panic!("one partition: {:?}", advance.steps);
        };
        assert_eq!((step.from.get(), step.to.next.get()), (3, 9));
    }

    #[test]
    fn each_route_of_many_has_one_part() {
        let mut batch = Batch::with_room(64);
        for offset in 0..300 {
            let way = (offset * 7 % 50) as i32;
            let route = Route {
                partition: Some(way),
                time: None,
            };
            let record = record(0, offset, b"x");
            let pushed = batch.push(route, &record, NextOffset::new(offset), &mut encoder());
            pushed.expect("fits");
        }
        assert_eq!(batch.spread(), 50);
        let (parts, advance) = batch.into_parts();
        assert!(parts.iter().all(|part| part.lines.len() == 6));
        assert_eq!(advance.records, 300);
    }

    #[test]
    fn a_record_that_is_refused_leaves_the_batch_as_it_was() {
        let mut batch = Batch::default();
        let refused = record(0, 0, b"a\nb");
        let pushed = batch.push(Route::default(), &refused, NextOffset::ZERO, &mut encoder());
        assert!(pushed.is_err());
        assert!(batch.is_empty());
        let (parts, advance) = batch.into_parts();
        assert!(parts.is_empty());
        assert_eq!(advance, Advance::default());
    }
}
