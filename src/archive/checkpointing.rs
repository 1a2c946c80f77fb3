//! Checkpoints: from progress that is written to progress that is stored.
//!
//! The order: ask the brokers whether the topic is still the one that was read → sync the files → store. One checkpoint
//! is under way at a time; it must have ended before anything else touches the state.

use std::sync::Arc;
use std::time::Duration;

use archiver_format::checkpoint::{Identity, Progress};
use archiver_format::position::Positions;
use futures_util::future::{BoxFuture, FutureExt};
use tokio::sync::Notify;
use tokio::time::sleep;

use super::definition::{Archive, Interruption};
use super::disks::Disks;
use super::pending::pending_or;
use super::topic_identity::{Recreated, is_recreated, other_cluster};
use crate::ledger::{Checkpointed, Durable, Store, Written};
use crate::observe::reason::Reason;
use crate::segment::pipeline::Pipeline;
use crate::segment::writer::Wrote;
use crate::source::cluster::{KafkaError, Trouble};
use crate::world::disk::Disk;

/// How making a checkpoint ended.
pub(super) enum Outcome {
    /// It is stored. `true`: the topic was created again after the records were read.
    Stored(Box<Checkpointed>, bool),
    /// The brokers can't tell at present whether the topic is still the one that was read.
    Postponed(KafkaError),
    /// The topic was created again, and the records may be of either topic. They are durable, and the next attempt goes
    /// back to the checkpoint before.
    Unsure,
}

/// The meaning of a checkpoint's outcome for its archive.
pub(super) enum Noted {
    /// It counts; was the topic created again since?
    Stored { recreated: bool },
    /// It is tried again with the next one.
    Postponed(KafkaError),
    /// The archive goes back to the one before.
    Unsure,
}

/// How long a checkpoint waits for the brokers' answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// Waits until they answer or the archive is in a hurry; without an answer there is no checkpoint.
    Endless,
    /// Short: gives up after one second; the next attempt starts from the last checkpoint.
    Short,
    /// For the last checkpoint before a stop that was asked for: after one second without an answer the topic is taken
    /// to be the same, and the next start asks.
    Trusting,
}

/// How long [`Patience::Short`] and [`Patience::Trusting`] wait.
const SHORT: Duration = Duration::from_secs(1);

/// The checkpoint that was stored last, and the next one on its way.
pub(super) struct Checkpoints {
    store: Store,
    pub identity: Identity,
    /// The one that was stored last.
    stored: Checkpointed,
    /// The files hold something that no checkpoint counts.
    unsaved: bool,
    /// One is to be made as soon as nothing is being written.
    due: bool,
    /// The one on its way.
    making: Option<BoxFuture<'static, Result<Outcome, Interruption>>>,
    /// Tells the one on its way not to wait for the brokers any longer.
    hurry: Arc<Notify>,
    /// Records read since the last one may be of a topic that was created again. The brokers are not asked a second
    /// time, as that topic may be gone by then.
    is_unsure: bool,
}

impl Checkpoints {
    /// Begins at a stored checkpoint; `unsaved` says whether the files hold more than that.
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

    /// The checkpoint that was stored last.
    pub fn stored(&self) -> &Checkpointed {
        &self.stored
    }

    /// Does the last one count exactly this progress?
    pub fn holds(&self, progress: &Progress) -> bool {
        *progress == self.stored.checkpoint().progress
    }

    /// May records read since the last one be of another topic?
    pub fn is_unsure(&self) -> bool {
        self.is_unsure
    }

    /// Does the last one count everything that is in the files?
    pub fn is_up_to_date(&self) -> bool {
        !self.unsaved
    }

    /// Notes that something was written.
    pub fn wrote(&mut self, wrote: &Wrote) {
        self.unsaved |= wrote.changes > 0;
    }

    /// Asks for one, to be made as soon as nothing is being written.
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
    pub async fn made(&mut self) -> Result<Outcome, Interruption> {
        let made = pending_or(&mut self.making).await;
        self.making = None;
        made
    }

    /// Ends the one on its way, without waiting for the brokers any longer; `None` if there is none.
    pub async fn hurry(&mut self) -> Option<Result<Outcome, Interruption>> {
        let making = self.making.take()?;
        self.hurry.notify_one();
        Some(making.await)
    }

    /// Notes how one ended, and says what that means.
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

    /// Makes progress that was written durable and stores it as this archive's checkpoint.
    ///
    /// Kafka's client goes on at the old offset when a topic is deleted and created again. So before any record counts
    /// as archived, the brokers confirm that it was read from the topic, and in the cluster, that the checkpoint names.
    pub fn make(
        &self,
        archive: &Archive,
        disks: &Disks,
        written: Written,
        patience: Patience,
    ) -> impl Future<Output = Result<Outcome, Interruption>> + Send + use<> {
        let (store, identity) = (self.store.clone(), self.identity.clone());
        let stored = self.stored.checkpoint();
        // If not, the brokers tell no ids any more, and the stored progress may be of another topic.
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
                    let _ = sync(written, &disk).await?;
                    return Ok(Outcome::Unsure);
                }
                Err(e) if patience == Patience::Trusting => match before {
                    Some(before) => (false, Some(before)),
                    None => {
                        let topic = identity.topic;
                        return Err(Interruption::distrust(Reason::TopicUnsure {
                            topic,
                            error: e,
                        }));
                    }
                },
                Err(e) => return Ok(Outcome::Postponed(e)),
            };
            let durable = sync(written, &disk).await?;
            let stored = store.save(identity, durable, verified).await;
            match stored {
                Ok(checkpointed) => Ok(Outcome::Stored(Box::new(checkpointed), recreated)),
                Err(source) => Err(Interruption::distrust(Reason::Storing { file, source })),
            }
        }
    }
}

/// Makes progress durable; after a failure nothing since the last checkpoint is trusted.
pub(super) async fn sync(written: Written, disk: &Disk) -> Result<Durable, Interruption> {
    let synced = written.sync(disk).await;
    synced.map_err(|e| Interruption::distrust(Reason::Syncing(e)))
}
