//! From what is written to a stored checkpoint, provided that it is what the checkpoint says it is.
//!
//! One checkpoint is under way at a time; it must have ended before anything else touches the state.

use std::sync::Arc;
use std::time::Duration;

use archiver_format::checkpoint::{Identity, Progress};
use archiver_format::position::Positions;
use futures_util::future::{BoxFuture, FutureExt};
use tokio::sync::Notify;
use tokio::time::sleep;

use super::archive::{Archive, Fault};
use super::disks::Disks;
use super::pending::pending_or;
use super::topic_identity::{Recreated, is_recreated, other_cluster};
use crate::ledger::{Checkpointed, Store, Written};
use crate::observe::reason::Reason;
use crate::segment::pipeline::Pipeline;
use crate::segment::writer::Wrote;
use crate::source::cluster::{KafkaError, Trouble};

/// What came of making something durable.
pub(super) enum Outcome {
    /// It is stored. If `true`, the topic was created again since the records were read.
    Stored(Box<Checkpointed>, bool),
    /// The brokers can't tell now whether the topic is still the one that was read.
    Postponed(KafkaError),
    /// The topic was created again, and what was read may be of either. It is durable, and the next attempt goes back.
    Unsure,
}

/// What a checkpoint's outcome means for the archive.
pub(super) enum Noted {
    /// It counts; was the topic created again since?
    Stored { recreated: bool },
    /// It is tried again with the next one.
    Postponed(KafkaError),
    /// The archive goes back to the one before.
    Unsure,
}

/// How long to wait for the brokers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// Without their answer there is no checkpoint, and it is waited for unless there is a hurry.
    Endless,
    /// Short: gives up after one second; the next attempt starts from the last checkpoint.
    Short,
    /// It is the last checkpoint before a stop that was asked for: without an answer in a moment, the topic is taken
    /// to be the same, until the next start can ask.
    Trusting,
}

/// A moment.
const SHORT: Duration = Duration::from_secs(1);

/// How far an archive is known to be safe, and the checkpoint on its way.
pub(super) struct Checkpoints {
    store: Store,
    pub identity: Identity,
    /// What was stored last.
    stored: Checkpointed,
    /// Something is in the files that no checkpoint knows of.
    unsaved: bool,
    /// One is to be made as soon as nothing is being written.
    due: bool,
    making: Option<BoxFuture<'static, Result<Outcome, Fault>>>,
    /// The one on its way must not wait for the brokers any longer.
    hurry: Arc<Notify>,
    /// What was read since the last one may be of a topic that was created again: it is not to be asked again, as that
    /// one may be gone by then.
    is_unsure: bool,
}

impl Checkpoints {
    /// This one is stored; the files may hold more.
    pub fn new(store: Store, identity: Identity, stored: Checkpointed, unsaved: bool) -> Self {
        Self {
            store,
            identity,
            stored,
            unsaved,
            due: false,
            making: None,
            hurry: Arc::default(),
            is_unsure: false,
        }
    }

    /// Where the archive keeps its state.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// What was stored last.
    pub fn stored(&self) -> &Checkpointed {
        &self.stored
    }

    /// Does the last one know of all this?
    pub fn holds(&self, progress: &Progress) -> bool {
        *progress == self.stored.checkpoint().progress
    }

    /// May what was read since the last one be of another topic?
    pub fn is_unsure(&self) -> bool {
        self.is_unsure
    }

    /// Does the last one know of everything that is in the files?
    pub fn is_up_to_date(&self) -> bool {
        !self.unsaved
    }

    /// Takes note of what was written.
    pub fn wrote(&mut self, wrote: &Wrote) {
        self.unsaved |= wrote.advances > 0;
    }

    /// It is time for one.
    pub fn ask(&mut self) {
        self.due = true;
    }

    /// Begins to make one that is due, if there is anything to store and nothing is being written.
    pub fn begin(&mut self, archive: &Archive, disks: &Disks, pipeline: &Pipeline) {
        if self.due
            && self.unsaved
            && self.making.is_none()
            && let Some(written) = pipeline.written()
        {
            (self.due, self.unsaved) = (false, false);
            let made = self.make(archive, disks, written, Patience::Endless);
            self.making = Some(made.boxed());
        }
    }

    /// Waits for the one on its way; for ever if there is none.
    pub async fn made(&mut self) -> Result<Outcome, Fault> {
        let made = pending_or(&mut self.making).await;
        self.making = None;
        made
    }

    /// What becomes of the one on its way, if it must not wait for the brokers any longer.
    pub async fn hurry(&mut self) -> Option<Result<Outcome, Fault>> {
        let making = self.making.take()?;
        self.hurry.notify_one();
        Some(making.await)
    }

    /// Takes note of what came of one.
    pub fn take_note(&mut self, outcome: Outcome) -> Noted {
        match outcome {
            Outcome::Stored(stored, recreated) => {
                self.stored = *stored;
                Noted::Stored { recreated }
            }
            Outcome::Postponed(why) => {
                self.unsaved = true;
                Noted::Postponed(why)
            }
            Outcome::Unsure => {
                self.is_unsure = true;
                Noted::Unsure
            }
        }
    }

    /// Makes what was written durable and stores it as this archive's checkpoint.
    ///
    /// Kafka's client goes on at the old offset when a topic is deleted and created again, so before anything counts as
    /// archived it is made sure that it was read from the topic that the checkpoint names, in its cluster.
    pub fn make(
        &self,
        archive: &Archive,
        disks: &Disks,
        written: Written,
        patience: Patience,
    ) -> impl Future<Output = Result<Outcome, Fault>> + Send + use<> {
        let (store, identity) = (self.store.clone(), self.identity.clone());
        let stored = self.stored.checkpoint();
        // Else the brokers have stopped telling ids, and what is stored may be of another topic.
        let is_of_topic = stored.identity.topic_id == identity.topic_id;
        let before = is_of_topic.then(|| stored.progress.clone());
        let read = written.progress().positions.clone();
        let (cluster, disk) = (Arc::clone(&archive.cluster), disks.data.clone());
        let file = archive.config.file.clone();
        let cluster_name = archive.cluster_name.clone();
        let hurry = Arc::clone(&self.hurry);
        async move {
            let none = Positions::default();
            let from = before.as_ref().map_or(&none, |before| &before.positions);
            let too_long = async {
                match patience {
                    Patience::Endless => hurry.notified().await,
                    Patience::Short | Patience::Trusting => sleep(SHORT).await,
                }
            };
            let recreated = tokio::select! {
                biased;
                recreated = is_recreated(&*cluster, &identity, from, &read) => recreated,
                () = too_long => Err(KafkaError {
                    kind: Trouble::Unreachable,
                    text: "no answer".into(),
                }),
            };
            let (recreated, verified) = match recreated {
                Ok(Recreated::No) => (false, None),
                Ok(Recreated::AfterReading) => (true, None),
                Ok(Recreated::Elsewhere(found)) => {
                    return Err(other_cluster(&cluster_name, &identity, &found));
                }
                Ok(Recreated::PerhapsRead) => {
                    let synced = written.sync(&disk).await;
                    let _ = synced.map_err(|e| Fault::Distrust(Reason::Syncing(e)))?;
                    return Ok(Outcome::Unsure);
                }
                Err(e) if patience == Patience::Trusting => match before {
                    Some(before) => (false, Some(before)),
                    None => {
                        let topic = identity.topic;
                        return Err(Fault::Distrust(Reason::TopicUnsure { topic, error: e }));
                    }
                },
                Err(e) => return Ok(Outcome::Postponed(e)),
            };
            let synced = written.sync(&disk).await;
            let durable = synced.map_err(|e| Fault::Distrust(Reason::Syncing(e)))?;
            let stored = store.save(identity, durable, verified).await;
            match stored {
                Ok(checkpointed) => Ok(Outcome::Stored(Box::new(checkpointed), recreated)),
                Err(source) => Err(Fault::Distrust(Reason::Storing { file, source })),
            }
        }
    }
}
