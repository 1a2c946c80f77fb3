//! Which records go into one segment by their time: those whose time has the same text.

use std::collections::{BTreeMap, HashMap};

use jiff::tz::TimeZone;

use super::times::{Format, Unit, span, time};

/// A number for one text of a time, while a program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Bucket(u64);

/// More than an archive may have segments open for writing: as long as one is in use, its text is known.
const SPANS_MAX: usize = 1024;

/// The buckets of one template, found by timestamps.
///
/// An answer holds for a whole range of milliseconds, so that the next record's costs two comparisons. Answers are
/// kept for a bounded number of ranges. A text that comes again after more than a thousand other ranges may get another
/// number; two texts never share one.
#[derive(Debug)]
pub struct Buckets {
    formats: Vec<Format>,
    unit: Unit,
    zone: TimeZone,
    last: Span,
    /// Earlier answers, by their first millisecond.
    spans: BTreeMap<i64, Span>,
    /// The numbers of their texts.
    numbers: HashMap<String, Bucket>,
    /// Those of the answers before, which are forgotten next.
    older: HashMap<String, Bucket>,
    next: u64,
}

/// From the first to the last millisecond all are in one bucket.
#[derive(Debug, Clone, Copy)]
struct Span {
    first: i64,
    last: i64,
    bucket: Bucket,
}

impl Buckets {
    /// Without a format all records are in one bucket.
    pub(super) fn new(formats: Vec<Format>, zone: TimeZone) -> Self {
        let everything = (i64::MIN, i64::MAX);
        // Nothing lies in it.
        let nothing = (1, 0);
        let (first, last) = if formats.is_empty() {
            everything
        } else {
            nothing
        };
        let units = formats.iter().map(Format::unit);
        Self {
            unit: units.min().unwrap_or(Unit::Year),
            formats,
            zone,
            last: Span {
                first,
                last,
                bucket: Bucket(0),
            },
            spans: BTreeMap::new(),
            numbers: HashMap::new(),
            older: HashMap::new(),
            next: 0,
        }
    }

    /// The bucket of a record's timestamp, in milliseconds since 1970. None, or one below zero, is no timestamp.
    #[inline]
    pub fn of(&mut self, time_ms: Option<i64>) -> Bucket {
        let time_ms = time_ms.unwrap_or(-1);
        if self.last.first <= time_ms && time_ms <= self.last.last {
            return self.last.bucket;
        }
        self.find(time_ms)
    }

    #[cold]
    fn find(&mut self, time_ms: i64) -> Bucket {
        let before = self.spans.range(..=time_ms).next_back();
        self.last = match before {
            Some((_, span)) if time_ms <= span.last => *span,
            _ => self.add(time_ms),
        };
        self.last.bucket
    }

    fn add(&mut self, time_ms: i64) -> Span {
        if self.spans.len() == SPANS_MAX {
            self.spans.clear();
            self.older = std::mem::take(&mut self.numbers);
        }
        let text = |format: &Format| format.text(time(Some(time_ms)), &self.zone);
        let texts: Vec<String> = self.formats.iter().map(text).collect();
        // No text has a zero byte in it.
        let text = texts.join("\0");
        let known = self.numbers.get(&text).or_else(|| self.older.get(&text));
        let known = known.copied();
        let bucket = known.unwrap_or(Bucket(self.next));
        self.next += u64::from(known.is_none());
        self.numbers.insert(text, bucket);
        let (first, last) = span(time_ms, self.unit, &self.zone);
        let span = Span {
            first,
            last,
            bucket,
        };
        self.spans.insert(first, span);
        span
    }
}

#[cfg(test)]
impl Buckets {
    /// How many answers are kept.
    pub fn answers(&self) -> usize {
        self.spans.len() + self.numbers.len() + self.older.len()
    }
}
