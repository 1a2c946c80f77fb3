//! Extents: how much there was of an archive when it was opened, so that the same records come again while it grows.
//!
//! As text it is the number of the next segment, how many records and gaps there were, and of each growing segment how many
//! bytes counted: `12 45000 0 10:34567 11:222`.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use archiver_format::archive::{Archive, Segment};

use super::part::Part;

/// How much there is of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Extent {
    /// Segments from this number on don't count.
    pub next_sequence: u64,
    /// How many records there are.
    pub records: u64,
    /// How many gaps were known: one that is known later may say of two records which came first.
    pub gaps: usize,
    /// How many bytes count of each segment that grew.
    growing: BTreeMap<u64, u64>,
}

impl Extent {
    /// Of an archive as it was loaded.
    pub fn of(archive: &Archive, parts: &[Part], records: u64) -> Self {
        let growing = parts.iter().filter(|part| !part.segment.is_sealed());
        let growing = growing.map(|part| (part.segment.file.sequence, part.bytes));
        Self {
            next_sequence: archive.checkpoint.progress.next_sequence,
            records,
            gaps: archive.gaps.len(),
            growing: growing.collect(),
        }
    }

    /// How many bytes count of a segment, if not all do.
    pub fn bytes_of(&self, segment: &Segment) -> Option<u64> {
        self.growing.get(&segment.file.sequence).copied()
    }

    /// What is said of an archive that has so many records of it instead.
    pub fn differs(&self, records: u64) -> String {
        format!(
            "it has {records} of the {} records that it had when its replay began, so it isn't known how far that was; begin anew",
            self.records
        )
    }
}

impl fmt::Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.next_sequence, self.records, self.gaps)?;
        let mut growing = self.growing.iter();
        growing.try_for_each(|(sequence, bytes)| write!(f, " {sequence}:{bytes}"))
    }
}

impl FromStr for Extent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = || {
            let mut words = text.split(' ');
            let mut number = || words.next()?.parse::<u64>().ok();
            let (next_sequence, records) = (number()?, number()?);
            let gaps = usize::try_from(number()?).ok()?;
            let growing = words.map(|word| {
                let (sequence, bytes) = word.split_once(':')?;
                Some((sequence.parse().ok()?, bytes.parse().ok()?))
            });
            Some(Self {
                next_sequence,
                records,
                gaps,
                growing: growing.collect::<Option<_>>()?,
            })
        };
        parsed().ok_or_else(|| format!("{text:?} is no extent of an archive"))
    }
}
