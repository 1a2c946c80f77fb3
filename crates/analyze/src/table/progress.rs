//! How far readers have come.

use std::sync::atomic::{AtomicU64, Ordering};

use archiver_format::archive::Segment;
use archiver_format::read::Selection;

/// The records that were gone through, and those that are in the segments which are read.
#[derive(Debug, Default)]
pub struct Progress {
    read: AtomicU64,
    of: AtomicU64,
}

impl Progress {
    /// A scan of these segments begins.
    pub fn begin(&self, segments: &[Segment], selection: &Selection) {
        let held = segments
            .iter()
            .filter(|segment| segment.may_hold(selection));
        let spans = held.flat_map(|segment| segment.contents().partitions.values());
        let records = spans.map(|span| span.records).sum();
        self.of.fetch_add(records, Ordering::Relaxed);
    }

    /// So many more were gone through.
    pub fn add(&self, records: u64) {
        self.read.fetch_add(records, Ordering::Relaxed);
    }

    /// So many were gone through, and so many there are at most.
    pub fn now(&self) -> (u64, u64) {
        let read = self.read.load(Ordering::Relaxed);
        (read, self.of.load(Ordering::Relaxed))
    }
}
