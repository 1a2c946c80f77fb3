//! Activity: what an archive has done since the process began, counted once a batch, a flush or a checkpoint.

use std::collections::BTreeMap;

use archiver_format::gap::Gap;
use tokio::time::Instant;

use super::rates::{Rates, Written};
use super::snapshot::Gaps;
use crate::segment::writer::{Extent, Wrote};

/// What one archive has done.
#[derive(Debug, Default)]
pub struct Activity {
    /// What was written, that which had to be written again too.
    pub written: Written,
    /// How fast.
    pub rates: Rates,
    /// What its segments take up; `None` before the first attempt.
    pub extent: Option<Extent>,
    /// How many segments were sealed.
    pub sealed: u64,
    /// What was lost in Kafka.
    pub gaps: Gaps,
    /// When something was written last.
    pub flushed: Option<Instant>,
    /// When a checkpoint was stored last.
    pub checkpointed: Option<Instant>,
    /// Since when something in the files has been in no checkpoint.
    pub unsaved_since: Option<Instant>,
    /// The last that went wrong, and when.
    pub last_error: Option<(Instant, String)>,
    /// How often something went wrong, by kind.
    pub errors: BTreeMap<&'static str, u64>,
}

impl Activity {
    /// Counts a write that succeeded, after which the segments take up so much.
    pub fn wrote(&mut self, wrote: &Wrote, extent: Extent) {
        let now = Instant::now();
        self.written.records += wrote.records;
        self.written.plain_bytes += wrote.plain_bytes;
        self.written.bytes += wrote.bytes;
        self.sealed += wrote.sealed;
        self.extent = Some(extent);
        if wrote.records > 0 {
            self.flushed = Some(now);
            self.unsaved_since.get_or_insert(now);
        }
    }

    /// Notes that a checkpoint was stored, which counts all that is in the files, or not.
    pub fn checkpointed(&mut self, all: bool) {
        let now = Instant::now();
        self.checkpointed = Some(now);
        self.unsaved_since = (!all).then_some(now);
    }

    /// Counts gaps.
    pub fn lost(&mut self, gaps: &[Gap]) {
        for gap in gaps {
            // Where it ends, nobody can know of some.
            let offsets = gap.to.map_or(0, |to| to.since(gap.from));
            self.gaps.count += 1;
            self.gaps.records += u64::try_from(offsets).unwrap_or(0);
        }
    }

    /// Counts something that went wrong.
    pub fn failed(&mut self, kind: &'static str, text: String) {
        *self.errors.entry(kind).or_default() += 1;
        self.last_error = Some((Instant::now(), text));
    }
}
