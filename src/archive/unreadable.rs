//! Unreadable partitions: those that wait, those that are to be looked at, and what was logged of each.

use std::collections::{BTreeMap, BTreeSet};

use archiver_format::position::{Position, Positions};
use archiver_format::record::{NextOffset, Partition};

use super::definition::Archive;
use crate::config::Corrupt;
use crate::source::cluster::{KafkaError, Trouble};

/// A partition that has to be looked at.
#[derive(Debug, Clone)]
pub(super) struct Unreadable {
    /// Where it stood.
    pub at: Position,
    /// Why it can't be read on.
    pub why: Why,
}

/// Why a partition can't be read on.
#[derive(Debug, Clone)]
pub(super) enum Why {
    /// The offset is not in the log. From the value on, where it is known, the log is not the one that was read.
    NotThere(Option<NextOffset>),
    /// A corrupt batch is there, and is to be skipped; what was said of it.
    Corrupt(String),
}

/// The first reaction to a partition that can't be read.
pub(super) enum Reaction {
    /// Nothing: the client goes on trying, or the partition is looked at.
    Nothing,
    /// Start it again where it is.
    Restart,
    /// Stop reading it: the client would go on behind the corrupt batch, and leave that out.
    Stop,
    /// The archive can't go on.
    GiveUp,
}

/// The partitions of an archive that can't be read, and what was done about each.
#[derive(Default)]
pub(super) struct UnreadablePartitions {
    /// To be looked at.
    lost: BTreeMap<Partition, Unreadable>,
    /// Waiting before a corrupt batch, at this offset.
    held_up: BTreeMap<Partition, NextOffset>,
    /// The offset at which a partition's trouble was last logged, so that it is logged once.
    said: BTreeMap<Partition, NextOffset>,
    /// Started again at the same offset, as the brokers say that the log has it.
    unmoved: BTreeSet<Partition>,
}

impl UnreadablePartitions {
    /// Are there any to be looked at?
    pub fn has_lost(&self) -> bool {
        !self.lost.is_empty()
    }

    /// Those that are to be looked at. `true` if some had been looked at in vain: then one broker says that the offset
    /// is there, and another that it isn't.
    pub fn take_lost(&mut self) -> (BTreeMap<Partition, Unreadable>, bool) {
        let lost = std::mem::take(&mut self.lost);
        let again = lost.keys().any(|p| self.unmoved.contains(p));
        (lost, again)
    }

    /// Notes that a partition can't be read where it stands, and says what to do at once.
    pub fn failed(
        &mut self,
        archive: &Archive,
        partition: Partition,
        at: Position,
        e: &KafkaError,
    ) -> Reaction {
        match e.kind {
            Trouble::OutOfRange | Trouble::Missing => {
                self.lose(partition, at, Why::NotThere(None));
                Reaction::Nothing
            }
            Trouble::Truncated { at: said, from } if said == at => {
                self.lose(partition, at, Why::NotThere(Some(from)));
                Reaction::Nothing
            }
            // It is about an earlier start, or about the log behind the last record: a new start compares from here.
            Trouble::Truncated { .. } => Reaction::Restart,
            Trouble::Denied => Reaction::GiveUp,
            // The client goes on trying; that no broker answers is logged once for each cluster.
            Trouble::Unreachable | Trouble::NotLetIn => Reaction::Nothing,
            Trouble::Corrupt(_) => {
                if archive.config.corrupt == Corrupt::Skip {
                    self.lose(partition, at, Why::Corrupt(e.to_string()));
                } else {
                    let remedy = "or set corrupt = \"skip\" to leave the batch out";
                    self.hold_up(archive, partition, at, e, remedy);
                }
                Reaction::Stop
            }
            Trouble::Other | Trouble::Changing => {
                if self.is_news(partition, at) {
                    tracing::warn!(
                        "archive {}: reading partition {partition} of topic {} at offset {}: {e}; trying again",
                        archive.config.name,
                        archive.config.topic,
                        at.next,
                    );
                }
                Reaction::Nothing
            }
        }
    }

    /// Lets a partition wait before a corrupt batch, and logs that once.
    pub fn hold_up(
        &mut self,
        archive: &Archive,
        partition: Partition,
        at: Position,
        e: &KafkaError,
        remedy: &str,
    ) {
        let next = at.next;
        self.held_up.insert(partition, next);
        if self.is_news(partition, at) {
            tracing::error!(
                "archive {}: partition {partition} of topic {} is corrupt at offset {next}: {e}; it waits there, and \
                 the others go on; mend the broker's copy, {remedy}",
                archive.config.name,
                archive.config.topic,
            );
        }
    }

    /// The positions of partitions that still wait, to be tried again.
    pub fn try_again(&mut self, archive: &Archive, positions: &Positions) -> Positions {
        let mut again = Positions::default();
        self.held_up.retain(|&partition, at| {
            let position = positions.get(partition).unwrap_or_default();
            let waits = position.next == *at;
            if waits {
                again.set(partition, position);
            } else {
                tracing::info!(
                    "archive {}: partition {partition} of topic {} can be read again at offset {at}",
                    archive.config.name,
                    archive.config.topic,
                );
            }
            waits
        });
        again
    }

    /// Was it looked at before, in vain?
    pub fn is_unmoved(&self, partition: Partition) -> bool {
        self.unmoved.contains(&partition)
    }

    /// Notes that a partition which was looked at goes on, and whether that moved it.
    pub fn goes_on(&mut self, partition: Partition, has_moved: bool) {
        match has_moved {
            true => self.unmoved.remove(&partition),
            false => self.unmoved.insert(partition),
        };
    }

    /// Puts a partition on the list of those to be looked at.
    fn lose(&mut self, partition: Partition, at: Position, why: Why) {
        self.lost.insert(partition, Unreadable { at, why });
    }

    /// Was nothing logged yet of this partition's trouble at this offset?
    fn is_news(&mut self, partition: Partition, at: Position) -> bool {
        self.said.insert(partition, at.next) != Some(at.next)
    }
}
