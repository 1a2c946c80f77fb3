//! The loop of an attempt: waits for the next event, and hands it to the part that knows what to do.
//!
//! Its order: a stop comes first, then finished work, then ticks, then records. The loop never waits for a disk or a
//! broker itself: a write, a checkpoint or a look at the topic is a future that it polls.

use std::time::Duration;

use archiver_format::checkpoint;
use archiver_format::gap::Gap;
use archiver_format::line::Encoder;
use archiver_format::manifest::SealReason;
use archiver_format::position::{Advance, Positions, Step};
use futures_util::future::{BoxFuture, FutureExt};
use tokio::time::Instant;

use super::backoff;
use super::backpressure::{Backpressure, Change};
use super::checkpointing::{Checkpoints, Noted, Outcome};
use super::definition::{Archive, Failure, Interruption};
use super::disks::Disks;
use super::handover::HandOver;
use super::intake::Intake;
use super::outstanding::Outstanding;
use super::pending::pending_or;
use super::recover::Opened;
use super::topic_change::{self, Finding, Restart, look_at_topic, recreated};
use super::unreadable::{Reaction, UnreadablePartitions};
use super::window::Progress;
use crate::observe::lag;
use crate::observe::pulse::BEAT;
use crate::observe::reason::Reason;
use crate::observe::status::State;
use crate::segment::pipeline::Pipeline;
use crate::segment::router::Router;
use crate::segment::writer::{WriteError, Wrote};
use crate::source::cluster::{KafkaError, Topic};
use crate::world::memory::Held;
use crate::world::shutdown::Shutdown;

/// How often it is looked whether a segment's time is over.
const ROTATION_LOOK: Duration = Duration::from_secs(1);

/// A batch is submitted before its flush is due if no record has come for this long.
const QUIET: Duration = Duration::from_millis(50);

/// An archive that is being read: the parts of an attempt, which meet only in the loop.
pub(super) struct Reading<'a> {
    pub archive: &'a Archive,
    pub disks: Disks,
    /// The topic as it is known so far.
    topic: Topic,
    pub pipeline: Pipeline,
    pub intake: Intake,
    pub backpressure: Backpressure,
    unreadable: UnreadablePartitions,
    pub checkpoints: Checkpoints,
    pub outstanding: &'a mut Outstanding,
    handover: &'a HandOver,
    /// A look at the topic that is under way.
    looking: Option<Looking>,
    /// When this attempt began.
    began: Instant,
}

type Looking = BoxFuture<'static, Result<Finding, KafkaError>>;

impl<'a> Reading<'a> {
    /// Starts a reader where the archive was left.
    pub async fn begin(
        archive: &'a Archive,
        mut opened: Opened,
        outstanding: &'a mut Outstanding,
        handover: &'a HandOver,
    ) -> Result<Self, Failure> {
        let topic = &archive.config.topic;
        let stored = opened.checkpointed.checkpoint();
        let written = opened.pipeline.written();
        let records = written
            .as_ref()
            .map_or(0, |written| written.progress().records);
        let window = archive.window.as_deref();
        let window = window.map(|window| Progress::new(window.clone(), &opened.from, records));
        let reading = window.as_ref().map(|window| window.reading(&opened.from));
        let reading = reading.as_ref().unwrap_or(&opened.from);
        let reader = archive.cluster.reader(topic, reading).await;
        let reader = reader.map_err(|e| archive.kafka("reading", &e))?;
        if let Some(written) = &written {
            archive.stands_at(written.progress());
        }
        archive.status.activity().extent = Some(opened.pipeline.extent());
        archive.status.lag().begins(&opened.from, Instant::now());
        let open = written
            .iter()
            .flat_map(|written| &written.progress().segments);
        let routes = open.map(|segment| segment.route).collect::<Vec<_>>();
        let unsaved = written.is_some_and(|written| *written.progress() != stored.progress);
        if opened.identity.topic_id == stored.identity.topic_id {
            // The run before may have ended before its commit, or had no group.
            archive.cluster.commit(&opened.checkpointed);
        }
        finish_sealed(&mut opened.pipeline, &stored.progress);
        handover.counts(&opened.checkpointed, &opened.disks);
        let encoder = Encoder::new(archive.config.format, topic);
        let router = Router::new(&archive.config.template, routes.into_iter());
        let checkpoints =
            Checkpoints::new(opened.store, opened.identity, opened.checkpointed, unsaved);
        let reading = Self {
            archive,
            topic: opened.topic,
            pipeline: opened.pipeline,
            intake: Intake::new(reader, opened.from, router, encoder, window),
            backpressure: Backpressure::new(&opened.disks),
            disks: opened.disks,
            unreadable: UnreadablePartitions::default(),
            checkpoints,
            outstanding,
            handover,
            looking: None,
            began: Instant::now(),
        };
        reading.goes_on();
        Ok(reading)
    }

    /// Reads until asked to stop, or until something ends it.
    pub async fn run(&mut self, shutdown: &mut Shutdown) -> Result<(), Interruption> {
        let ended = self.go_round(shutdown).await;
        self.archive.status.pulse.rests();
        ended
    }

    /// Waits for one event after the other.
    async fn go_round(&mut self, shutdown: &mut Shutdown) -> Result<(), Interruption> {
        let config = &self.archive.config;
        let ticks = &self.archive.environment.ticks;
        let mut flush = ticks.every(config.flush);
        let mut checkpoint = ticks.every(config.checkpoint);
        let mut refresh = ticks.every(self.archive.refresh);
        let mut rotation = ticks.every(ROTATION_LOOK);
        let rotates = config.rotation.every.is_some()
            || config.rotation.idle.is_some()
            || !config.retention.is_endless();
        let mut look = ticks.every(lag::LOOK);
        let mut pause = ticks.every(QUIET);
        let mut beat = ticks.every(BEAT);
        let mut seals = self.archive.environment.seals.listen();
        let arrived = self.intake.reader.arrived();
        // A segment's time may have been over before this start.
        self.rotate();
        while !self.intake.is_complete() {
            self.hand_over();
            let may_take = self.may_take();
            self.give_way(may_take)?;
            let more = self.intake.more;
            let pulse = &self.archive.status.pulse;
            pulse.beats(!self.pipeline.is_idle());
            tokio::select! {
                biased;
                () = shutdown.requested() => return Ok(()),
                wrote = self.pipeline.progress() => self.wrote(wrote)?,
                made = self.checkpoints.made() => self.checkpointed(made)?,
                found = pending_or(&mut self.looking) => self.found(found)?,
                () = flush.next() => self.flush(),
                () = checkpoint.next() => self.checkpoint(),
                () = refresh.next() => self.refresh()?,
                () = rotation.next(), if rotates => self.rotate(),
                () = look.next() => self.stands()?,
                () = seals.next() => self.pipeline.submit_seal(SealReason::Asked),
                () = beat.next() => {}
                () = pause.next(), if self.intake.may_be_quiet() => self.intake.look_if_quiet(),
                () = arrived.notified(), if !more || !may_take => self.intake.more = true,
                change = self.backpressure.change() => self.changed(change),
                () = tokio::task::yield_now(), if more && may_take => drop(self.take()?),
            }
        }
        Ok(())
    }

    /// Submits the batch, begins a checkpoint and looks at the topic, where that is due and possible now.
    fn hand_over(&mut self) {
        let has_room = self.pipeline.has_room();
        let wanted = self.intake.flush_due || self.backpressure.wants_batch(self.intake.more);
        if has_room && wanted {
            self.submit();
            self.intake.flush_due = false;
        }
        self.checkpoints
            .begin(self.archive, &self.disks, &self.pipeline);
        if self.unreadable.has_lost() {
            self.look();
        }
    }

    /// Reads on, stands in line, or lets go of memory that others wait for.
    fn give_way(&mut self, may_take: bool) -> Result<(), Interruption> {
        if may_take {
            let started = self.intake.go_on();
            started.map_err(|e| self.archive.kafka("reading", &e))?;
        } else if self.intake.more || self.intake.is_let_go() {
            self.stand_in_line();
        }
        let has_room = self.pipeline.has_room();
        if may_take || !self.backpressure.is_in_the_way(&self.intake, has_room) {
            self.backpressure.ease();
        } else if self.backpressure.is_pressed_too_long() {
            self.intake.let_go();
        }
        Ok(())
    }

    /// May records be taken? Not while the writing lags behind, nor while the memory for batches is spent and it is
    /// another archive's turn.
    pub fn may_take(&self) -> bool {
        self.pipeline.has_room() && !self.backpressure.is_spent()
    }

    /// Stands in line for a turn, if the pipeline has room for its batch.
    pub fn stand_in_line(&mut self) {
        if self.pipeline.has_room() {
            self.backpressure.stand_in_line();
        }
    }

    /// Follows a change of the backpressure.
    fn changed(&mut self, change: Change) {
        match change {
            Change::Turn(held) => self.has_turn(held),
            Change::TurnIsOver => self.backpressure.give_up_turn(self.intake.batch.capacity()),
            // The loop gives way at its head.
            Change::IsPressed => {}
        }
    }

    /// Begins a turn that has come. An archive that has nothing to take, or no room, leaves it to the next one.
    pub fn has_turn(&mut self, held: Held) {
        let has_use = self.intake.is_let_go() || self.intake.reader.waiting() > 0;
        if has_use && self.pipeline.has_room() {
            self.backpressure.begin_turn(held);
        }
    }

    /// Makes the batch due, and takes once more, should a wake-up have been lost.
    fn flush(&mut self) {
        self.intake.more = true;
        self.intake.flush_due = !self.intake.batch.is_empty();
    }

    /// Seals segments whose time is over.
    fn rotate(&mut self) {
        let now = self.archive.environment.clock.now_ms();
        self.pipeline.submit_rotation(now);
    }

    /// Asks for a checkpoint, and for a check that the files are still those that were opened.
    fn checkpoint(&mut self) {
        if self.checkpoints.is_up_to_date() && self.pipeline.is_idle() {
            self.goes_on();
        }
        self.checkpoints.ask();
        self.pipeline.submit_check();
    }

    /// Tries partitions that wait again, and looks for new ones.
    fn refresh(&mut self) -> Result<(), Interruption> {
        let waiting = &mut self.unreadable;
        let at = waiting.try_again(self.archive, self.intake.positions());
        if !at.is_empty() {
            self.restart(at.into())?;
        }
        self.look();
        Ok(())
    }

    /// Looks at the topic, and at the partitions that can't be read, unless that is being done.
    fn look(&mut self) {
        if self.looking.is_some() {
            return;
        }
        let (lost, again) = self.unreadable.take_lost();
        let (cluster, name) = (
            self.archive.cluster.clone(),
            self.archive.config.topic.clone(),
        );
        let looking = look_at_topic(cluster, name, self.topic.clone(), lost, again);
        self.looking = Some(looking.boxed());
    }

    /// Acts on the result of a look at the topic.
    fn found(&mut self, found: Result<Finding, KafkaError>) -> Result<(), Interruption> {
        self.looking = None;
        let found = found.map_err(|e| self.archive.kafka("asking for", &e))?;
        let identity = &self.checkpoints.identity;
        let new = topic_change::new_partitions(self.archive, identity, &self.topic, &found)?;
        if !new.is_empty() && self.intake.takes_new() {
            self.restart(new.into())?;
        }
        let list = self.checkpoints.store().dir().manifest();
        let positions = self.intake.positions();
        let (topic, restart) = found.restart(self.archive, &mut self.unreadable, positions, &list);
        self.topic = topic;
        match restart.at.is_empty() {
            true => Ok(()),
            false => self.restart(restart),
        }
    }

    /// Shows the archive as running. One that was waiting is shown so only when this attempt has lasted: on a full disk
    /// one batch finds room, and the next doesn't.
    fn goes_on(&self) {
        if !self.archive.status.waits() || self.began.elapsed() > backoff::MOST {
            self.archive.status.set(State::Running);
        }
    }

    /// Takes some of the records that have arrived, submits full batches, and says how many records it took.
    pub fn take(&mut self) -> Result<usize, Interruption> {
        let taken = self.intake.take(self.backpressure.room());
        if let Some((partition, offset, size)) = taken.large {
            self.archive.say_if_too_large(partition, offset, size);
        }
        self.note_ends(&taken);
        for batch in taken.full {
            let held = self.backpressure.hand_over_full(batch.capacity());
            self.note_newest(&batch);
            self.pipeline.submit(batch, held);
        }
        self.backpressure.count(self.intake.batch.capacity());
        if self.backpressure.is_spent() {
            self.submit();
        }
        self.intake.end_partitions(&taken.ended);
        for (partition, e) in taken.failed {
            let at = self.intake.position(partition);
            match self.unreadable.failed(self.archive, partition, at, &e) {
                Reaction::Nothing => {}
                Reaction::Stop => self.intake.reader.stop(&[partition]),
                Reaction::Restart => self.restart(Positions::from([(partition, at)]).into())?,
                Reaction::GiveUp => {
                    let doing = format!("reading partition {partition} of");
                    return Err(self.archive.kafka(&doing, &e).into());
                }
            }
        }
        match taken.refused {
            None => Ok(taken.count),
            Some(e) => Err(Interruption::Failure(Failure::never(e.into()))),
        }
    }

    /// Submits the batch that is being filled.
    pub fn submit(&mut self) {
        if self.intake.batch.is_empty() {
            return;
        }
        let batch = std::mem::take(&mut self.intake.batch);
        let held = self.backpressure.hand_over(batch.capacity());
        self.note_newest(&batch);
        self.pipeline.submit(batch, held);
    }

    /// Notes what was written.
    pub fn wrote(&mut self, wrote: Result<Wrote, WriteError>) -> Result<(), Interruption> {
        match wrote {
            Ok(wrote) => {
                let status = &self.archive.status;
                status.wrote(wrote.records, wrote.bytes);
                status.pulse.wrote();
                status.activity().wrote(&wrote, self.pipeline.extent());
                if wrote.records > 0 {
                    self.stalls_no_more();
                }
                self.checkpoints.wrote(&wrote);
                if wrote.sealed > 0 || wrote.deleted {
                    // A sealed segment gets its final name, or is deleted, once a checkpoint counts that.
                    self.checkpoints.ask();
                }
                if wrote.named > 0 {
                    self.handover.named();
                }
                Ok(())
            }
            Err(e) if e.is_distrusted() => Err(Interruption::distrust(Reason::Writing(e))),
            Err(e) => Err(Failure::retry(Reason::Writing(e)).into()),
        }
    }

    /// Follows the end of a checkpoint.
    fn checkpointed(&mut self, made: Result<Outcome, Interruption>) -> Result<(), Interruption> {
        match self.take_note(made)? {
            true => Err(recreated(self.archive)),
            false => Ok(()),
        }
    }

    /// Notes how a checkpoint ended, and commits it. Was the topic created again?
    pub fn take_note(&mut self, made: Result<Outcome, Interruption>) -> Result<bool, Interruption> {
        match self.checkpoints.take_note(made?) {
            Noted::Stored { recreated } => {
                let all = self.checkpoints.is_up_to_date() && self.pipeline.is_idle();
                self.archive.status.activity().checkpointed(all);
                self.goes_on();
                let stored = self.checkpoints.stored();
                self.handover.counts(stored, &self.disks);
                if !stored.is_unverified() {
                    self.archive.cluster.commit(stored);
                    finish_sealed(&mut self.pipeline, &stored.checkpoint().progress);
                }
                Ok(recreated)
            }
            Noted::Postponed(why) => {
                tracing::debug!("archive {}: {why}", self.archive.config.name);
                Ok(false)
            }
            Noted::Unsure => Ok(true),
        }
    }

    /// Starts partitions at other positions, or new ones; the gaps before them are listed.
    fn restart(&mut self, Restart { at, gaps }: Restart) -> Result<(), Interruption> {
        let partitions = at.partitions().collect::<Vec<_>>();
        self.intake.reader.stop(&partitions);
        self.list(&at, gaps);
        for (partition, to) in at.iter() {
            if to.next < self.intake.position(partition).next {
                self.outstanding.limit(partition, to.next);
            }
            self.intake.put(partition, to);
        }
        if self.intake.is_let_go() {
            return Ok(());
        }
        let started = self.intake.reader.start(&at);
        started.map_err(|e| self.archive.kafka("reading", &e).into())
    }

    /// Submits gaps, to be listed after the records that were taken before.
    fn list(&mut self, at: &Positions, gaps: Vec<Gap>) {
        if gaps.is_empty() {
            return;
        }
        self.submit();
        self.archive.status.activity().lost(&gaps);
        let step = |gap: &Gap| Step {
            partition: gap.partition,
            from: self.intake.position(gap.partition).next,
            to: at.get(gap.partition).unwrap_or_default(),
            is_gap: true,
        };
        let steps = gaps.iter().map(step).collect();
        self.pipeline
            .submit_gaps(gaps, Advance { records: 0, steps });
    }
}

/// What a checkpoint allows to be done to sealed segments: they get their final names, or are deleted.
fn finish_sealed(pipeline: &mut Pipeline, stored: &checkpoint::Progress) {
    if !stored.unnamed.is_empty() {
        pipeline.submit_names(stored.unnamed.clone());
    }
    if !stored.deleted.is_empty() {
        pipeline.submit_deletions(stored.deleted.clone());
    }
}
