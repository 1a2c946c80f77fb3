//! How far an archive is behind its topic: what it notes of that, and what it says when nothing comes, or when retention
//! is about to overtake it.
//!
//! This goes on beside the attempts, as an archive that waits falls behind most of all.

use std::collections::BTreeMap;
use std::ops::Range;

use archiver_format::record::{NextOffset, Partition};
use futures_util::future::{BoxFuture, FutureExt};
use tokio::time::Instant;

use super::definition::{Archive, Interruption};
use super::intake::Taken;
use super::pending::pending_or;
use super::reading::Reading;
use crate::observe::lag::{LOOK, Stall};
use crate::observe::reason::Reason;
use crate::segment::batch::Batch;
use crate::source::cluster::KafkaError;
use crate::terminal::span;
use crate::world::space::Alarm;

/// The logs of an archive's partitions, as the brokers answer.
type Logs = Result<BTreeMap<Partition, Range<NextOffset>>, KafkaError>;

/// How many looks in a row nothing may come when the client says that it can't read what the brokers answer.
const LOOKS_IN_DOUBT: u32 = 2;
/// How much longer than `alarm_headroom` it must be until retention overtakes it, for the danger to be over.
const SAFE: f64 = 1.25;

impl Reading<'_> {
    /// Notes where the archive stands. It goes no further on a disk that is to leave its last space to others.
    pub(super) fn stands(&self) -> Result<(), Interruption> {
        let mut lag = self.archive.status.lag();
        lag.stands(self.intake.positions(), Instant::now());
        drop(lag);
        self.say_if_filling();
        Ok(self.archive.lacks_space(&self.disks)?)
    }

    /// Something has come: if nothing did before, that is over.
    pub(super) fn stalls_no_more(&self) {
        let (status, now) = (&self.archive.status, Instant::now());
        if !status.is_stalled() {
            return;
        }
        let mut lag = status.lag();
        lag.stands(self.intake.positions(), now);
        // Of another partition it may be none the less.
        let is_over = lag.stall(now, LOOK).is_none();
        drop(lag);
        if is_over {
            status.stalls(None);
        }
    }

    /// Says when the disk will be full before long.
    fn say_if_filling(&self) {
        let config = &self.archive.config;
        let (archive, file) = (&config.name, config.file.display());
        match self.disks.data.space().alarm(config.alarm_headroom) {
            Some(Alarm::FullIn(left)) => tracing::warn!(
                "archive {archive}: in about {} the disk of {file} will be full, or have no more than disk_free free; \
                 make room there",
                span(left.as_secs_f64()),
            ),
            Some(Alarm::Over) => {
                tracing::info!("archive {archive}: the disk of {file} will not be full soon");
            }
            None => {}
        }
    }

    /// Notes where there is nothing more to take. Behind what is corrupt there may be.
    pub(super) fn note_ends(&self, taken: &Taken) {
        for &(partition, at) in &taken.ended {
            if !taken.failed.iter().any(|(failed, _)| *failed == partition) {
                self.archive.status.lag().ends_at(partition, at);
            }
        }
    }

    /// Notes how new the records of a batch are.
    pub(super) fn note_newest(&self, batch: &Batch) {
        let mut lag = self.archive.status.lag();
        for (partition, newest_ms) in batch.newest() {
            lag.took(partition, newest_ms);
        }
    }
}

impl Archive {
    /// Looks for ever how far the archive is behind, and says what follows from that. A part of a topic that is taken and
    /// left is not looked at.
    pub(super) async fn watch_lag(&self) -> ! {
        if self.window.is_some() {
            std::future::pending::<()>().await;
        }
        let mut looks = self.environment.ticks.every(LOOK);
        let mut asking = None::<BoxFuture<'_, Logs>>;
        loop {
            tokio::select! {
                biased;
                logs = pending_or(&mut asking) => {
                    asking = None;
                    if let Ok(logs) = logs {
                        self.status.lag().found(&logs, Instant::now());
                    }
                    self.judge();
                }
                () = looks.next() => match &asking {
                    // Brokers that don't answer are no reason to say nothing.
                    Some(_) => self.judge(),
                    None => asking = self.ask(),
                },
            }
        }
    }

    /// Asks for the logs of the partitions that it reads; `None` if it has read none yet.
    fn ask(&self) -> Option<BoxFuture<'_, Logs>> {
        let partitions = self.status.lag().partitions();
        let asked = !partitions.is_empty();
        asked.then(|| self.cluster.offsets(&self.config.topic, partitions).boxed())
    }

    /// Says what follows from what is known now.
    fn judge(&self) {
        let now = Instant::now();
        self.status.stalls(self.silence(now));
        let overtaken = self.status.lag().overtaken_in(now);
        let headroom = self.config.alarm_headroom.as_secs_f64();
        let was_soon = self.status.lag().is_overtaken_soon();
        let most = if was_soon { headroom * SAFE } else { headroom };
        let soon = overtaken.filter(|(_, left)| left.as_secs_f64() <= most);
        if !self.status.lag().is_in_danger(soon.is_some()) {
            return;
        }
        let (archive, topic) = (&self.config.name, &self.config.topic);
        match soon {
            Some((partition, left)) => tracing::warn!(
                "archive {archive}: in about {} Kafka will delete records of topic {topic} before they are taken \
                 (partition {partition}): its retention is faster than this archive; raise the topic's retention.ms or \
                 retention.bytes, or see {LAG_PAGE}",
                span(left.as_secs_f64()),
            ),
            None => tracing::info!(
                "archive {archive}: retention of topic {topic} is no danger any more to what is not taken yet"
            ),
        }
    }

    /// Why nothing comes although something waits, if that is so.
    fn silence(&self, now: Instant) -> Option<Reason> {
        let said = self.cluster.complaint();
        let is_garbled = said.as_ref().is_some_and(KafkaError::is_corrupt);
        let patience = match is_garbled {
            true => self.config.stalled_after.min(LOOK * LOOKS_IN_DOUBT),
            false => self.config.stalled_after,
        };
        let Stall {
            partition,
            partitions,
            silent,
        } = self.status.lag().stall(now, patience)?;
        Some(Reason::Silent {
            topic: self.config.topic.clone(),
            cluster: self.cluster_name.clone(),
            partition,
            partitions,
            silent,
            said: said.map(|said| said.to_string()),
        })
    }
}

/// Where it stands what can be done about lag.
const LAG_PAGE: &str = "docs/operating.md, \"Lag\"";
