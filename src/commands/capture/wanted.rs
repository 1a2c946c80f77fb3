//! The range of a capture, as it was typed, and the window that it is in a topic.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use archiver_format::record::{NextOffset, Offsets, Partition};

use crate::archive::Window;
use crate::source::cluster::{KafkaError, Trouble};
use crate::source::kafka::Scanner;

/// What is wanted of each topic. Times are milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Which records.
    pub what: What,
    /// Only this partition.
    pub partition: Option<Partition>,
    /// So many records of each topic at most.
    pub count: Option<u64>,
    /// What comes from now on is wanted, too.
    pub follow: bool,
    /// Records may lie so far behind others that are later.
    pub late: Duration,
}

/// Which records are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// All that Kafka holds.
    All,
    /// The last so many of each partition.
    Last(u64),
    /// Those with timestamps in this range.
    Times(Range<i64>),
    /// Those with offsets in this range.
    Offsets(Offsets),
}

/// A window as it was fixed.
pub struct Fixed {
    /// The window.
    pub window: Window,
    /// What comes behind it, or doesn't.
    pub beyond: Beyond,
}

/// What comes behind a window, or doesn't, where that is worth knowing.
#[derive(Debug, Clone, Default)]
pub struct Beyond {
    /// How many offsets come behind it in partitions that end in a transaction that is open: nobody sees them before it is
    /// committed.
    pub open: BTreeMap<Partition, i64>,
    /// Where partitions end that end before offsets that are wanted.
    pub short: BTreeMap<Partition, NextOffset>,
}

/// A partition, as it is now.
type Held = BTreeMap<Partition, Range<NextOffset>>;

impl Wanted {
    /// Is its end known, where it is this time in milliseconds since 1970?
    pub fn has_end(&self, now_ms: i64) -> bool {
        !self.follow && self.until().is_none_or(|until| until <= now_ms)
    }

    /// The same, with the times of a window that was fixed before.
    pub fn as_fixed(&self, window: &Window) -> Self {
        let what = match &self.what {
            What::Times(_) => What::Times(window.times.clone()),
            other => other.clone(),
        };
        Self {
            what,
            ..self.clone()
        }
    }

    /// The time before which all records are, if there is one, in milliseconds since 1970.
    pub fn until(&self) -> Option<i64> {
        match &self.what {
            What::Times(times) if times.end < i64::MAX => Some(times.end),
            _ => None,
        }
    }

    /// The window that it is in a topic now, which is this time in milliseconds since 1970.
    ///
    /// # Errors
    ///
    /// If the cluster doesn't say what it holds.
    pub async fn window(
        &self,
        scanner: &Scanner,
        topic: &str,
        now_ms: i64,
    ) -> Result<Fixed, KafkaError> {
        let partitions = scanner.describe(topic).await?.partitions;
        let all = 0..partitions;
        if let Some(partition) = self.partition.filter(|of| !all.contains(of)) {
            return Err(KafkaError {
                kind: Trouble::Missing,
                text: format!(
                    "there is no partition {partition}, only 0 to {}",
                    partitions - 1
                ),
            });
        }
        let chosen = all.filter(|partition| self.partition.is_none_or(|only| only == *partition));
        let chosen = chosen.collect::<Vec<_>>();
        // Asked for first, so that what comes in between isn't taken for a transaction.
        let ends = scanner.log_ends(topic, chosen.iter().copied()).await?;
        let held = scanner.offsets(topic, chosen.iter().copied()).await?;
        let from = self.begins(scanner, topic, &held).await?;
        let to = held.iter().map(|(&partition, held)| match &self.what {
            What::Offsets(offsets) => (partition, offsets.end.min(held.end)),
            _ => (partition, held.end),
        });
        let from = from.into_iter();
        let open = held.iter().filter_map(|(partition, held)| {
            let end = ends.get(partition).filter(|end| **end > held.end)?;
            Some((*partition, end.since(held.end)))
        });
        let open = open.collect();
        let is_short = |held: &Range<NextOffset>| match &self.what {
            What::Offsets(Offsets { start, end }) if end.get() == i64::MAX => *start >= held.end,
            What::Offsets(offsets) => offsets.end > held.end,
            _ => false,
        };
        let short = held.iter().filter(|(_, held)| is_short(held));
        let short = short.map(|(partition, held)| (*partition, held.end));
        let short = short.collect();
        let window = Window {
            from: from
                .map(|(partition, next)| (partition, next.into()))
                .collect(),
            to: self.has_end(now_ms).then(|| to.collect()),
            times: match &self.what {
                What::Times(times) => times.clone(),
                _ => Window::ALWAYS,
            },
            over_at: match self.until() {
                Some(until) => {
                    until.saturating_add(i64::try_from(self.late.as_millis()).unwrap_or(i64::MAX))
                }
                None => i64::MAX,
            },
            records: self.count.unwrap_or(u64::MAX),
        };
        Ok(Fixed {
            window,
            beyond: Beyond { open, short },
        })
    }

    /// Where each partition begins.
    async fn begins(
        &self,
        scanner: &Scanner,
        topic: &str,
        held: &Held,
    ) -> Result<BTreeMap<Partition, NextOffset>, KafkaError> {
        let found = match &self.what {
            // No record before the first one with that timestamp or a later one has it.
            What::Times(times) if times.start > i64::MIN => {
                let partitions = held.keys().copied();
                scanner.offsets_at(topic, partitions, times.start).await?
            }
            _ => BTreeMap::new(),
        };
        let begin = |partition: Partition, held: &Range<NextOffset>| match &self.what {
            What::All => held.start,
            What::Last(count) => held.end.back(*count).max(held.start),
            // What Kafka has deleted of it is a gap.
            What::Offsets(offsets) => offsets.start.min(held.end),
            What::Times(times) if times.start == i64::MIN => held.start,
            What::Times(_) => match found.get(&partition).copied().flatten() {
                Some(first) => first.max(held.start).min(held.end),
                None => held.end,
            },
        };
        let held = held.iter();
        Ok(held
            .map(|(&partition, held)| (partition, begin(partition, held)))
            .collect())
    }
}
