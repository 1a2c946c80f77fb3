//! What to do when a partition can't be read on where it is.

use archiver_format::position::{Position, Positions};
use archiver_format::record::{NextOffset, Partition};
use futures_util::future::FutureExt;

use super::mend::look_at_topic;
use super::reading::{Fault, Looking, Reading};
use crate::cluster::{KafkaError, Trouble};
use crate::config::Corrupt;

/// A partition that has to be looked at.
#[derive(Debug, Clone)]
pub(super) struct Unreadable {
    /// Where it could not be read on.
    pub at: Position,
    pub why: Why,
}

#[derive(Debug, Clone)]
pub(super) enum Why {
    /// The offset is not in the log. If it is known, the log holds something else than was read from here on.
    NotThere(Option<NextOffset>),
    /// A batch is corrupt there, which is to be skipped; what was said of it.
    Corrupt(String),
}

impl Reading<'_> {
    pub(super) fn failed(&mut self, partition: Partition, e: &KafkaError) -> Result<(), Fault> {
        let doing = format!("reading partition {partition} of");
        match e.kind {
            Trouble::OutOfRange | Trouble::Missing => self.lose(partition, Why::NotThere(None)),
            Trouble::Truncated { at, from } if at == self.place(partition) => {
                self.lose(partition, Why::NotThere(Some(from)));
            }
            // Of a start before this one, or of what came after the last record: it is compared from here.
            Trouble::Truncated { .. } => {
                let here = Positions::from([(partition, self.place(partition))]);
                self.restart(&here, Vec::new())?;
            }
            Trouble::Denied => return Err(self.archive.kafka(&doing, e).into()),
            // The client goes on trying, and the cluster's own state is logged where it is known.
            Trouble::Unreachable => {}
            Trouble::Corrupt(_) => self.corrupt(partition, e),
            Trouble::Other => {
                if self.is_news(partition) {
                    tracing::warn!(
                        "archive {}: {doing} topic {} at offset {}: {e}; trying again",
                        self.archive.config.name,
                        self.archive.config.topic,
                        self.place(partition).next,
                    );
                }
            }
        }
        Ok(())
    }

    fn corrupt(&mut self, partition: Partition, e: &KafkaError) {
        // The client would go on after what it can't read, and leave it out.
        self.reader.stop(&[partition]);
        if self.archive.config.corrupt == Corrupt::Skip {
            self.lose(partition, Why::Corrupt(e.to_string()));
        } else {
            let remedy = "or set corrupt = \"skip\" to leave the batch out";
            self.hold_up(partition, e, remedy);
        }
    }

    /// The partition is looked at.
    fn lose(&mut self, partition: Partition, why: Why) {
        let at = self.place(partition);
        self.lost.insert(partition, Unreadable { at, why });
    }

    /// The partition waits where it is.
    pub(super) fn hold_up(&mut self, partition: Partition, e: &KafkaError, remedy: &str) {
        let next = self.place(partition).next;
        self.held_up.insert(partition, next);
        if self.is_news(partition) {
            tracing::error!(
                "archive {}: partition {partition} of topic {} is corrupt at offset {next}: {e}; it waits there, and \
                 the others go on; mend the broker's copy, {remedy}",
                self.archive.config.name,
                self.archive.config.topic,
            );
        }
    }

    /// Tries again to read the partitions that wait.
    pub(super) fn try_again(&mut self) -> Result<(), Fault> {
        let mut again = Positions::default();
        for (partition, at) in std::mem::take(&mut self.held_up) {
            let place = self.place(partition);
            if place.next == at {
                again.set(partition, place);
                self.held_up.insert(partition, at);
            } else {
                tracing::info!(
                    "archive {}: partition {partition} of topic {} can be read again at offset {at}",
                    self.archive.config.name,
                    self.archive.config.topic,
                );
            }
        }
        match again.is_empty() {
            true => Ok(()),
            false => self.restart(&again, Vec::new()),
        }
    }

    pub(super) fn look(&mut self) -> Looking {
        let lost = std::mem::take(&mut self.lost);
        // One broker says that the offset is there, and another that it isn't.
        let wait = lost
            .keys()
            .any(|partition| self.unmoved.contains(partition));
        let (cluster, known) = (self.archive.cluster.clone(), self.topic.clone());
        look_at_topic(
            cluster,
            self.archive.config.topic.clone(),
            known,
            lost,
            wait,
        )
        .boxed()
    }

    /// Has nothing been said yet of this partition's trouble where it is?
    fn is_news(&mut self, partition: Partition) -> bool {
        let next = self.place(partition).next;
        self.said.insert(partition, next) != Some(next)
    }
}
