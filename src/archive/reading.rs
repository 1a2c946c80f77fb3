//! The loop: take what has arrived, fill a chunk, have it written, make it durable, say so to Kafka.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use super::durable::{self, Outcome, Patience};
use super::failed::Unreadable;
use super::mend::Finding;
use super::open::Opened;
use super::owed::Owed;
use super::room::{Pressure, TURN_MOST, until};
use super::{Archive, Stop, backoff};
use crate::budget::Held;
use crate::checkpoint::{Checkpointed, Identity, Store};
use crate::cluster::{Fetched, KafkaError, Reader, Topic};
use crate::encode::{Advance, Chunk, NewlineInValue};
use crate::gaps::Gap;
use crate::record::{NextOffset, Partition, Place, Places};
use crate::segment::pipeline::Pipeline;
use crate::segment::writer::{WriteError, Wrote};
use crate::shutdown::Shutdown;
use crate::status::State;

/// A chunk holds at most this much, unless one record alone is larger.
pub const CHUNK_BYTES: usize = 1 << 20;
/// A chunk that has waited this long for more, and found none, is written before the flush is due: at the end
/// of a backlog nobody should wait for the last of it.
const QUIET: Duration = Duration::from_millis(50);
/// Smaller chunks wait for the flush, so that a trickle doesn't become many small members.
const QUIET_BYTES: usize = 64 << 10;
/// How many records are taken at once, at most.
const TAKE_MOST: usize = 500;

/// How long a clean stop waits for the commit group's coordinator.
const COMMIT_PATIENCE: Duration = Duration::from_secs(5);

/// An archive that is being read.
pub(super) struct Reading<'a> {
    pub archive: &'a Archive,
    pub store: Store,
    pub identity: Identity,
    pub topic: Topic,
    pub pipeline: Pipeline,
    pub reader: Box<dyn Reader>,
    pub owed: &'a mut Owed,
    /// What was checkpointed last.
    pub checkpointed: Checkpointed,
    /// Where each partition is, as taken; records before that are not taken again.
    pub(super) places: Vec<Place>,
    pub(super) chunk: Chunk,
    pub(super) held: Held,
    /// When it was given the memory for a chunk because it was its turn, if the chunk has not gone out since.
    pub(super) turn: Option<Instant>,
    /// Waits for its turn.
    pub(super) in_line: Option<BoxFuture<'static, Held>>,
    /// Nothing is being read: the archive could not take what had arrived, and others were waiting for the room.
    pub(super) let_go: bool,
    /// Nothing was taken since the last look at it.
    quiet: bool,
    /// Something is in the file that no checkpoint knows of.
    unsaved: bool,
    /// Partitions that can't be read on where they are, and are to be looked at.
    pub lost: BTreeMap<Partition, Unreadable>,
    /// Partitions that wait before a batch that is corrupt, at this offset.
    pub held_up: BTreeMap<Partition, NextOffset>,
    /// The offset at which something was last said of a partition's trouble.
    pub said: BTreeMap<Partition, NextOffset>,
    /// Partitions that were started again at the same offset, as the log is said to have it.
    pub unmoved: BTreeSet<Partition>,
    /// When this attempt began.
    began: Instant,
    /// What was read since the last checkpoint may be of a topic that was created again: it is not to be asked again,
    /// as that one may be gone by then.
    pub(super) is_unsure: bool,
    /// A checkpoint on its way; it must have ended before anything else touches the state.
    pub(super) checkpointing: Option<Checkpointing>,
    /// The checkpoint on its way must not wait for the brokers any longer.
    pub(super) hurry: Arc<Notify>,
}

/// Why reading ended.
pub(super) enum Fault {
    /// The files hold less than was thought: go back to the last checkpoint.
    Distrust(String),
    /// What was written is good; something else is in the way.
    Stop(Stop),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Distrust(why) => Self::Retry(why),
            Fault::Stop(stop) => stop,
        }
    }
}

type Checkpointing = BoxFuture<'static, Result<Outcome, Fault>>;
pub(super) type Looking = BoxFuture<'static, Result<Finding, KafkaError>>;

/// Reads until asked to stop, or until something ends it.
pub(super) async fn read(
    archive: &Archive,
    opened: Opened,
    owed: &mut Owed,
    shutdown: &mut Shutdown,
) -> Result<(), Stop> {
    let (cluster, topic) = (&archive.cluster, &archive.config.topic);
    let reader = cluster.reader(topic, &opened.from).await;
    let reader = reader.map_err(|e| archive.kafka("reading", &e))?;
    let checkpointed = &opened.checkpointed.checkpoint().progress;
    let written = opened.pipeline.written();
    if let Some(written) = &written {
        archive.stands_at(written.progress());
    }
    let mut reading = Reading {
        archive,
        unsaved: written.is_some_and(|written| written.progress() != checkpointed),
        places: opened.from.values().copied().collect(),
        store: opened.store,
        identity: opened.identity,
        topic: opened.topic,
        pipeline: opened.pipeline,
        reader,
        owed: &mut *owed,
        checkpointed: opened.checkpointed,
        chunk: Chunk::default(),
        held: archive.world.disk.budget().hold(),
        turn: None,
        in_line: None,
        let_go: false,
        quiet: false,
        lost: BTreeMap::new(),
        held_up: BTreeMap::new(),
        said: BTreeMap::new(),
        unmoved: BTreeSet::new(),
        began: Instant::now(),
        is_unsure: false,
        checkpointing: None,
        hurry: Arc::default(),
    };
    reading.goes_on();
    if reading.identity.topic_id == reading.checkpointed.checkpoint().identity.topic_id {
        // The run before may have been ended before it could, or had no group to tell.
        archive.cluster.commit(&reading.checkpointed);
    }
    let ended = reading.run(shutdown).await;
    let drained = match ended {
        Ok(()) => reading.drain().await,
        Err(fault) => Err(fault),
    };
    // Nobody must wait for room that this one takes up, or for a turn that it doesn't take.
    reading.let_go();
    reading.give_up_turn();
    reading.in_line = None;
    let is_stop = drained.is_ok();
    let ended = match drained {
        Ok(()) => reading.settle(Patience::Trusting).await,
        Err(Fault::Distrust(why)) => {
            reading.close().await;
            Err(Fault::Distrust(why))
        }
        Err(Fault::Stop(stop)) => {
            if reading.settle(Patience::Short).await.is_err() {
                tracing::debug!(
                    "archive {}: the next attempt goes back to the last checkpoint",
                    archive.config.name
                );
            }
            Err(Fault::Stop(stop))
        }
    };
    let stored = reading.checkpointed.checkpoint();
    reading.owed.settle(&reading.places, stored);
    drop(reading);
    match ended {
        Ok(()) => {
            // Only what watches the group would miss it, until the next run.
            let _ = timeout(COMMIT_PATIENCE, archive.cluster.committed()).await;
            Ok(())
        }
        Err(fault) => {
            if is_stop || matches!(fault, Fault::Distrust(_)) {
                owed.doubt();
            }
            Err(fault.into())
        }
    }
}

impl Reading<'_> {
    async fn run(&mut self, shutdown: &mut Shutdown) -> Result<(), Fault> {
        let config = &self.archive.config;
        let ticks = &self.archive.world.ticks;
        let mut flush = ticks.every(config.flush);
        let mut checkpoint = ticks.every(config.checkpoint);
        let mut refresh = ticks.every(self.archive.refresh);
        let mut pause = ticks.every(QUIET);
        let arrived = self.reader.arrived();
        let budget = self.archive.world.disk.budget().clone();
        let mut looking: Option<Looking> = None;
        let mut pressure = Pressure::default();
        let (mut more, mut flush_due, mut checkpoint_due) = (true, false, false);
        // The first of it need not be much.
        let mut worth_writing = 1;
        loop {
            if flush_due && self.pipeline.has_room() {
                self.submit();
                flush_due = false;
            }
            if checkpoint_due
                && self.unsaved
                && self.checkpointing.is_none()
                && let Some(written) = self.pipeline.written()
            {
                (checkpoint_due, self.unsaved) = (false, false);
                self.checkpointing =
                    Some(durable::checkpoint(self, written, Patience::Endless).boxed());
            }
            if !self.lost.is_empty() && looking.is_none() {
                looking = Some(self.look());
            }
            // Others wait for their turn: with one, all that is there is taken first.
            if budget.is_spent() && (self.turn.is_none() || !more) && self.pipeline.has_room() {
                self.submit();
            }
            let may_take = self.may_take();
            if may_take {
                self.go_on()?;
            } else if more || self.let_go {
                self.stand_in_line();
            }
            if may_take || !self.is_in_the_way() {
                pressure.ease();
            } else if pressure.is_too_long() {
                self.let_go();
            }
            tokio::select! {
                biased;
                () = shutdown.requested() => return Ok(()),
                wrote = self.pipeline.progress() => self.wrote(wrote)?,
                done = pending_or(&mut self.checkpointing) => {
                    self.checkpointing = None;
                    self.checkpointed(done)?;
                }
                found = pending_or(&mut looking) => {
                    looking = None;
                    self.mend(found)?;
                }
                () = flush.next() => {
                    // Also takes what a lost wake-up may have left.
                    (flush_due, more) = (!self.chunk.bytes.is_empty(), true);
                }
                () = checkpoint.next() => {
                    if !self.unsaved && self.pipeline.is_idle() {
                        self.goes_on();
                    }
                    checkpoint_due = true;
                    self.pipeline.submit_check();
                }
                () = refresh.next() => {
                    self.try_again()?;
                    if looking.is_none() {
                        looking = Some(self.look());
                    }
                }
                () = pause.next(), if !more && self.chunk.bytes.len() >= worth_writing => {
                    flush_due |= std::mem::replace(&mut self.quiet, true);
                    if flush_due {
                        worth_writing = QUIET_BYTES;
                    }
                }
                () = until(self.turn.map(|since| since + TURN_MOST)) => self.give_up_turn(),
                () = arrived.notified(), if !more || !may_take => more = true,
                held = pending_or(&mut self.in_line) => self.has_turn(held),
                () = pressure.is_due() => {}
                () = tokio::task::yield_now(), if more && may_take => more = self.take()? > 0,
            }
        }
    }

    /// Who waited says that it runs when this attempt has lasted: on a full disk the one or other chunk finds room, and
    /// the next doesn't.
    fn goes_on(&self) {
        if !self.archive.status.waits() || self.began.elapsed() > backoff::MOST {
            self.archive.status.set(State::Running);
        }
    }

    /// Takes a batch of what has arrived and says how many that were.
    pub(super) fn take(&mut self) -> Result<usize, Fault> {
        let newline = self.archive.config.newline;
        // In one piece, as growing it copies every byte again; where memory is short only as large as it gets.
        let is_short = self.turn.is_some() || self.budget().is_spent();
        let room = if is_short { 0 } else { CHUNK_BYTES };
        let (chunk, places) = (&mut self.chunk, &mut self.places);
        let (mut full, mut records, mut large) = (Vec::new(), 0, None);
        let (mut failed, mut refused) = (Vec::<(_, KafkaError)>::new(), None::<NewlineInValue>);
        let taken = self.reader.take(TAKE_MOST, &mut |fetched| match fetched {
            Fetched::Record(record) => {
                let at = usize::try_from(record.partition).unwrap_or(usize::MAX);
                let Some(place) = places.get_mut(at) else {
                    return;
                };
                if record.offset < place.next || refused.is_some() {
                    return;
                }
                let left_out = |(partition, e): &(_, KafkaError)| {
                    *partition == record.partition && e.is_corrupt()
                };
                if failed.iter().any(left_out) {
                    return;
                }
                let size = record.value.map_or(1, |value| value.len() + 1);
                if !chunk.bytes.is_empty() && chunk.bytes.len() + size > CHUNK_BYTES {
                    full.push(std::mem::replace(chunk, Chunk::with_room(room)));
                }
                if size > CHUNK_BYTES {
                    chunk.bytes.reserve_exact(size);
                    large = Some((record.partition, record.offset, size));
                }
                match chunk.push(&record, newline) {
                    Ok(()) => {
                        *place = Place {
                            next: record.offset + 1,
                            epoch: record.epoch,
                        }
                    }
                    Err(e) => refused = Some(e),
                }
                records += 1;
            }
            Fetched::Failed(partition, e) => failed.push((partition, e)),
        });
        if records > 0 {
            self.quiet = false;
        }
        if let Some((partition, offset, size)) = large {
            self.say_if_too_large(partition, offset, size);
        }
        for chunk in full {
            self.turn = None;
            let mut held = self.budget().hold();
            held.set(chunk.bytes.capacity() as u64);
            self.pipeline.submit(chunk, held);
        }
        let chunk = self.chunk.bytes.capacity();
        if self.turn.is_none() || chunk > CHUNK_BYTES {
            self.held.set(chunk as u64);
        }
        if self.turn.is_none() && self.budget().is_spent() {
            self.submit();
        }
        for (partition, e) in failed {
            self.failed(partition, &e)?;
        }
        match refused {
            None => Ok(taken),
            Some(e) => Err(Fault::Stop(Stop::Never(format!(
                "{e}, and newline = \"fail\" is configured; set newline to \"space\" or \"escape\" to go on from there"
            )))),
        }
    }

    /// Hands the chunk over to be written.
    pub(super) fn submit(&mut self) {
        if self.chunk.bytes.is_empty() {
            return;
        }
        self.give_up_turn();
        let nothing = self.budget().hold();
        let held = std::mem::replace(&mut self.held, nothing);
        self.pipeline.submit(std::mem::take(&mut self.chunk), held);
    }

    pub(super) fn wrote(&mut self, wrote: Result<Wrote, WriteError>) -> Result<(), Fault> {
        match wrote {
            Ok(wrote) => {
                self.archive.status.wrote(wrote.records, wrote.bytes);
                self.unsaved |= wrote.advances > 0;
                Ok(())
            }
            Err(e @ WriteError::Foreign(_)) => Err(Fault::Distrust(e.to_string())),
            Err(e) => Err(Stop::Retry(e.to_string()).into()),
        }
    }

    fn checkpointed(&mut self, done: Result<Outcome, Fault>) -> Result<(), Fault> {
        match self.stored(done)? {
            true => Err(self.recreated()),
            false => Ok(()),
        }
    }

    /// Takes note of a checkpoint; was the topic created again?
    pub(super) fn stored(&mut self, done: Result<Outcome, Fault>) -> Result<bool, Fault> {
        match done? {
            Outcome::Stored(checkpointed, recreated) => {
                self.checkpointed = *checkpointed;
                self.goes_on();
                if !self.checkpointed.is_unverified() {
                    self.archive.cluster.commit(&self.checkpointed);
                }
                Ok(recreated)
            }
            Outcome::Postponed(why) => {
                tracing::debug!("archive {}: {why}", self.archive.config.name);
                self.unsaved = true;
                Ok(false)
            }
            Outcome::Unsure => {
                self.is_unsure = true;
                Ok(true)
            }
        }
    }

    /// The next attempt lists the gaps and starts on the new topic.
    pub fn recreated(&self) -> Fault {
        let topic = &self.archive.config.topic;
        Stop::Retry(format!("topic {topic} was deleted and created again")).into()
    }

    /// Where a partition is to be read on.
    pub fn place(&self, partition: Partition) -> Place {
        let at = usize::try_from(partition).unwrap_or(usize::MAX);
        self.places.get(at).copied().unwrap_or(0.into())
    }

    /// Starts a partition at another offset, or a new one; the gaps before it are listed.
    pub fn restart(&mut self, at: &Places, gaps: Vec<Gap>) -> Result<(), Fault> {
        self.reader.stop(&at.keys().copied().collect::<Vec<_>>());
        for (&partition, &place) in at {
            let index = usize::try_from(partition).unwrap_or(0);
            if self.places.len() <= index {
                self.places.resize(index + 1, 0.into());
            }
            if place.next < self.places[index].next {
                self.owed.limit(partition, place.next);
            }
            self.places[index] = place;
        }
        if !gaps.is_empty() {
            self.submit();
            let to = at.iter().map(|(&p, &place)| (p, place)).collect();
            self.pipeline.submit_gaps(gaps, Advance { records: 0, to });
        }
        if self.let_go {
            return Ok(());
        }
        let started = self.reader.start(at);
        started.map_err(|e| self.archive.kafka("reading", &e).into())
    }
}

pub(super) async fn pending_or<T>(future: &mut Option<BoxFuture<'static, T>>) -> T {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}
