//! Parts of an archive: as much of each segment as counts, and what that holds.

use std::collections::BTreeMap;

use archiver_format::archive::Segment;
use archiver_format::index::Span;
use archiver_format::read::Selection;
use archiver_format::record::Partition;

use super::stream::Stream;

/// What is read of one segment.
#[derive(Debug)]
pub(super) struct Part {
    pub segment: Segment,
    /// So many bytes of it.
    pub bytes: u64,
    /// What they hold of each partition.
    pub spans: BTreeMap<Partition, Span>,
    /// Only records of this partition are read.
    only: Option<Partition>,
}

/// A partition may lag so far behind others in a segment that was written as the records came, in milliseconds.
const LAG_MS_MOST: i64 = 100;

impl Part {
    /// So many bytes of a segment. What they hold is read from its index, or its lines, where the archive doesn't say it.
    pub fn new(segment: Segment, bytes: u64) -> Result<Self, String> {
        let contents = segment.contents();
        let is_said = contents.uncounted_bytes == 0 && bytes == segment.bytes();
        let spans = contents.partitions.iter();
        let spans = spans.map(|(partition, span)| (*partition, span.of_partition(*partition)));
        let part = Self {
            spans: match is_said {
                true => spans.collect(),
                false => BTreeMap::new(),
            },
            segment,
            bytes,
            only: None,
        };
        match is_said || bytes == 0 {
            true => Ok(part),
            false => part.scanned(),
        }
    }

    /// Opens it.
    pub fn open(&self, selection: &Selection) -> Result<Stream, String> {
        let selection = Selection {
            partition: self.only,
            ..selection.clone()
        };
        Stream::open(&self.segment, self.bytes, &selection)
    }

    /// Do its partitions take turns by their records' times? Whoever reads a topic from its beginning on gets much of one
    /// partition, and then of another.
    pub fn is_in_order(&self, selection: &Selection) -> Result<bool, String> {
        if self.spans.len() < 2 {
            return Ok(true);
        }
        let mut stream = self.open(selection)?;
        let (mut origins, mut latest) = (Vec::new(), i64::MIN);
        let mut latest_of = BTreeMap::new();
        while stream.origins(&mut origins)? {
            for origin in origins.drain(..) {
                let Some(ms) = origin.timestamp_ms else {
                    continue;
                };
                let of = latest_of.entry(origin.partition).or_insert(ms);
                *of = ms.max(*of);
                latest = latest.max(*of);
                if latest.saturating_sub(*of) > LAG_MS_MOST {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// The same, each partition by itself.
    pub fn by_partition(self) -> impl Iterator<Item = Self> {
        let Self {
            segment,
            bytes,
            spans,
            ..
        } = self;
        spans.into_iter().map(move |(partition, span)| Self {
            segment: segment.clone(),
            bytes,
            spans: BTreeMap::from([(partition, span)]),
            only: Some(partition),
        })
    }

    /// How many records they are.
    pub fn records(&self) -> u64 {
        self.spans.values().map(|span| span.records).sum()
    }

    /// Its only partition, if it has no other one.
    pub fn only_partition(&self) -> Option<Partition> {
        let mut partitions = self.spans.keys();
        partitions.next().filter(|_| self.spans.len() == 1).copied()
    }

    fn scanned(mut self) -> Result<Self, String> {
        let mut stream = self.open(&Selection::default())?;
        let mut origins = Vec::new();
        while stream.origins(&mut origins)? {
            for origin in origins.drain(..) {
                let line = Span {
                    partition: origin.partition,
                    first: origin.offset,
                    last: origin.offset,
                    records: 1,
                    times: None,
                };
                let span = self.spans.entry(origin.partition);
                span.and_modify(|span| span.join(&line)).or_insert(line);
            }
        }
        Ok(self)
    }
}
