//! Recovery: where an archive goes on, from its lock, its checkpoint, the topic and the files, in this order.
//!
//! Nothing is guessed. Anything that doesn't fit the checkpoint stops the archive, with what was expected, what was
//! found, and what can be done. The files are not changed before everything fits.

mod base;
mod files;
mod first_start;
mod opened;
mod ownership;
mod quarantine;
mod refusal;
mod resume;
mod unverified;

use std::io::ErrorKind;

use crate::archive::definition::{Archive, Failure};
use crate::archive::disks::Disks;
use crate::ledger::lock::{Lock, lock};
use crate::ledger::{LoadError, Store};
use crate::observe::reason::Reason;
use crate::source::cluster::{KafkaError, Trouble};
use crate::world::disk::Disk;
use crate::world::fs::NotOwn;

pub(in crate::archive) use opened::{Opened, Owned};
pub use ownership::other_identity;

use archiver_format::checkpoint::Identity;
use refusal::lock_failure;

impl Archive {
    /// Finds out where the archive goes on, and opens its files there. `owned` is kept from one attempt to the next.
    pub(in crate::archive) async fn open(
        &self,
        disks: Disks,
        owned: &mut Option<Owned>,
    ) -> Result<Opened, Failure> {
        let store = Store::new(disks.state.clone(), &self.config.state);
        let owned = match owned {
            Some(owned) => owned,
            None => owned.insert(self.own(&disks.state, &store).await?),
        };
        let checkpoint = match store.load().await {
            Ok(checkpoint) => checkpoint,
            Err(e @ LoadError::Io { .. }) => return Err(Failure::retry(e.into())),
            Err(e) => return Err(Failure::never(e.into())),
        };
        match &checkpoint {
            Some(checkpoint) => {
                owned.has_begun = true;
                self.check_identity(&disks.data, checkpoint).await?;
            }
            None if owned.has_begun => {
                return Err(Failure::never(Reason::CheckpointGone {
                    state: self.config.state.clone(),
                    file: self.config.file.clone(),
                }));
            }
            None => {
                self.check_new_file(&disks.data, store.dir()).await?;
            }
        }
        let reading = "asking for";
        let cluster_id = self.cluster.id().await;
        let cluster_id = cluster_id.map_err(|e| self.kafka("reaching the cluster for", &e))?;
        // Before the topic is asked for: one that another cluster doesn't have is not missing.
        self.check_cluster(checkpoint.as_ref(), cluster_id.as_ref())?;
        let topic = match self.cluster.describe(&self.config.topic).await {
            Ok(topic) => Some(topic),
            // It was there when its window was fixed.
            Err(e) if e.kind == Trouble::Missing && self.window.is_some() => {
                return Err(self.window_gone());
            }
            Err(e) if e.kind == Trouble::Missing && checkpoint.is_none() => None,
            Err(e) => return Err(self.kafka(reading, &e)),
        };
        let said = topic.as_ref().and_then(|topic| topic.cluster_id.clone());
        let cluster_id = said.or(cluster_id);
        self.check_cluster(checkpoint.as_ref(), cluster_id.as_ref())?;
        let identity = Identity {
            archive: self.config.name.clone(),
            file: self.file().display().to_string(),
            format: self.config.format_name().into(),
            compression: self.config.compression.algorithm(),
            topic: self.config.topic.clone(),
            topic_id: topic.as_ref().and_then(|topic| topic.id.clone()),
            cluster_id,
        };
        let (checkpointed, locked) = match checkpoint {
            Some(checkpoint) => {
                let topic = topic.as_ref();
                self.verify(&disks.data, &store, checkpoint, topic).await?
            }
            None => {
                let begun = self
                    .begin(&disks.data, &store, &identity, topic.as_ref())
                    .await?;
                owned.has_begun = true;
                begun
            }
        };
        // The first checkpoint is stored: a topic that is created now will be read from its beginning.
        let topic = topic.ok_or_else(|| {
            let (kind, text) = (Trouble::Missing, String::new());
            self.kafka(reading, &KafkaError { kind, text })
        })?;
        self.take_up(disks, store, identity, topic, checkpointed, locked)
            .await
    }

    /// Takes the archive's state for this process.
    async fn own(&self, disk: &Disk, store: &Store) -> Result<Owned, Failure> {
        let _lock = self.lock(disk, store).await?;
        self.check_is_own_kind(disk, store).await?;
        Ok(Owned {
            _lock,
            has_begun: false,
        })
    }

    /// An archive without a window never goes on with what a capture wrote: that may be overwritten as a capture's.
    async fn check_is_own_kind(&self, disk: &Disk, store: &Store) -> Result<(), Failure> {
        if self.window.is_some() {
            return Ok(());
        }
        let path = store.dir().capture();
        match disk.run(move |fs| fs.stat(&path)).await {
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
            Err(source) => {
                let state = self.config.state.display();
                let doing = format!("looking whether {state} is of a capture");
                Err(Failure::retry(Reason::Disk { doing, source }))
            }
            Ok(_) => Err(Failure::never(Reason::OfCapture {
                state: self.config.state.clone(),
                file: self.config.file.clone(),
            })),
        }
    }

    /// Creates the state directory and locks the archive.
    /// Creates the state directory and locks the archive.
    async fn lock(&self, disk: &Disk, store: &Store) -> Result<Lock, Failure> {
        store.create_dir().await.map_err(|e| {
            let state = self.config.state.clone();
            match NotOwn::of(&e) {
                Some(found) => Failure::never(Reason::StateNotOwn { state, found }),
                None => {
                    let doing = format!("creating the state directory {}", state.display());
                    Failure::retry(Reason::Disk { doing, source: e })
                }
            }
        })?;
        let (path, file) = (store.dir().lock(), self.config.file.clone());
        let locked = disk.run(move |fs| lock(fs, &path, &file)).await;
        locked.map_err(lock_failure)
    }
}
