//! One analysis that is followed: look after look, until a stop is asked for.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use archiver::world::clock::rfc3339;
use archiver::world::shutdown::Shutdown;
use archiver_format::archive::Archive;
use tokio::sync::Mutex;
use tokio::time::sleep;

use super::begun::{Begun, check, check_method, next_segment, segments_from};
use super::checkpoint::Checkpoint;
use super::closing::Closing;
use super::look::Look;
use super::meaning::Meaning;
use super::outbox::Outbox;
use super::outputs::Outputs;
use super::source::{Origin, Source};
use super::state::State;
use crate::definition::closed_windows;
use crate::definition::written::Definition;
use crate::engine::Settings;
use crate::output::Format;
use crate::untimed::said_of;

/// More alerts than these don't wait: until some are delivered, nothing is looked at.
const WAITING_MOST: usize = 1_000;
/// How often a look is tried again, where the archive has changed meanwhile.
const ATTEMPTS: usize = 3;

/// What is followed, and how.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The configuration with the archives, if one was named.
    pub config: Option<PathBuf>,
    /// The directory above the state of each analysis.
    pub state: PathBuf,
    /// How often the archive is looked at.
    pub poll: Duration,
    /// Only records with this timestamp or a later one, in milliseconds since 1970, where nothing was emitted yet.
    pub since_ms: Option<i64>,
    /// How the engine works.
    pub settings: Settings,
    /// Of what shape rows are; by the names of files, if nothing is said.
    pub format: Option<Format>,
    /// What says something to people.
    pub say: fn(&str),
}

/// One analysis that is followed.
pub struct Follower {
    plan: Plan,
    definition: Definition,
    source: Source,
    state: State,
    outputs: Outputs,
    outboxes: Vec<Outbox>,
    begun: Option<Begun>,
    /// When the archive went on last.
    advanced: Instant,
    said: HashSet<String>,
}

impl Follower {
    /// Takes it up where it was, or begins it.
    ///
    /// # Errors
    ///
    /// If it can't be followed, is followed already, or what it has emitted isn't there any more.
    pub fn open(plan: Plan, definition: Definition) -> anyhow::Result<Self> {
        check(&definition)?;
        let outputs = Outputs::of(&definition.output, plan.format)?;
        check_method(&definition, &outputs)?;
        let source = Source::find(
            plan.config.as_deref(),
            &definition.source,
            plan.settings.clone(),
        )?;
        let state = State::open(&plan.state, &definition.name)?;
        let mut follower = Self {
            plan,
            definition,
            source,
            outputs,
            outboxes: Vec::new(),
            begun: None,
            advanced: Instant::now(),
            said: HashSet::new(),
            state,
        };
        if let Some(checkpoint) = follower.state.load()? {
            let meaning = Meaning::of(&follower.definition);
            let before = follower.state.directory().display().to_string();
            meaning
                .check(&checkpoint.meaning)
                .with_context(|| format!("going on with {before}"))?;
            follower.begin(checkpoint)?;
        }
        Ok(follower)
    }

    /// Begins with this checkpoint: takes up files and receivers.
    fn begin(&mut self, mut checkpoint: Checkpoint) -> anyhow::Result<()> {
        self.outputs.recover(&mut checkpoint.files)?;
        let mut outboxes = std::mem::take(&mut checkpoint.outboxes);
        for receiver in &self.outputs.receivers {
            let mut waiting = outboxes.remove(&receiver.key());
            let receiver = Arc::clone(receiver);
            let outbox = Outbox::open(receiver, waiting.as_mut(), &self.state)?;
            let waiting = waiting.unwrap_or_default();
            checkpoint.outboxes.insert(outbox.key(), waiting);
            self.outboxes.push(outbox);
        }
        let left = outboxes.values().map(|waiting| waiting.alerts.len());
        let left = left.sum::<usize>();
        if left > 0 {
            self.say(&format!(
                "{left} alerts wait for receivers that aren't outputs any more, and are forgotten"
            ));
        }
        // Before any row is added to a file that is new.
        self.state.store(&checkpoint)?;
        self.begun = Some(Begun::new(&self.definition, checkpoint)?);
        Ok(())
    }

    /// Looks and delivers until a stop is asked for. Only one look at a time has this turn.
    ///
    /// # Errors
    ///
    /// If it can't go on.
    pub async fn run(mut self, mut shutdown: Shutdown, turn: Arc<Mutex<()>>) -> anyhow::Result<()> {
        let mut next = Instant::now();
        while !shutdown.is_requested() {
            if Instant::now() >= next {
                if self.may_look() {
                    let turn = turn.lock().await;
                    self.look_again_and_again(&mut shutdown).await?;
                    drop(turn);
                }
                // However long that took, there is time for deliveries.
                next = Instant::now() + self.plan.poll;
            }
            let retry = self.deliver(next, &shutdown).await?;
            let until = retry.map_or(next, |retry| retry.min(next));
            let wait = until.saturating_duration_since(Instant::now());
            tokio::select! {
                () = sleep(wait) => {}
                () = shutdown.requested() => {}
            }
        }
        self.say_where_it_stands();
        Ok(())
    }

    fn may_look(&mut self) -> bool {
        let outboxes = self
            .begun
            .iter()
            .flat_map(|begun| begun.checkpoint.outboxes.values());
        let waiting = outboxes.map(|waiting| waiting.alerts.len()).max();
        let is_full = waiting.is_some_and(|waiting| waiting >= WAITING_MOST);
        if is_full {
            self.say_once(format!(
                "{WAITING_MOST} alerts wait: nothing is looked at until some are delivered"
            ));
        }
        !is_full
    }

    /// Delivers alerts until this time, and returns when one that failed is to be tried again.
    async fn deliver(
        &mut self,
        until: Instant,
        shutdown: &Shutdown,
    ) -> anyhow::Result<Option<Instant>> {
        let Some(begun) = &mut self.begun else {
            return Ok(None);
        };
        let mut said = Vec::new();
        for outbox in &mut self.outboxes {
            let waiting = begun.checkpoint.outboxes.entry(outbox.key()).or_default();
            let delivered = outbox
                .deliver(waiting, &self.state, until, shutdown)
                .await?;
            said.extend(delivered);
        }
        for text in said {
            self.say(&text);
        }
        Ok(self.outboxes.iter().filter_map(Outbox::retry_at).min())
    }

    /// Looks once; again if that fails while the archive changes: it may have deleted or renamed a segment.
    async fn look_again_and_again(&mut self, shutdown: &mut Shutdown) -> anyhow::Result<()> {
        for attempt in 1.. {
            let Some(archive) = self.source.load()? else {
                let name = self.source.name();
                self.say_once(format!(
                    "archive {name} has no records yet; waiting for some"
                ));
                return Ok(());
            };
            let looked = tokio::select! {
                looked = self.read(&archive) => looked,
                () = shutdown.requested() => return Ok(()),
            };
            let error = match looked {
                Ok(None) => return Ok(()),
                Ok(Some(looked)) => return self.emit(&archive, looked).await,
                Err(error) => error,
            };
            let now = self.source.load()?;
            let is_same = now.is_some_and(|now| segments(&now) == segments(&archive));
            if is_same || attempt >= ATTEMPTS {
                return Err(error);
            }
        }
        Ok(())
    }

    /// Reads what has come, and the windows that this closes. Changes nothing.
    async fn read(&mut self, archive: &Archive) -> anyhow::Result<Option<Looked>> {
        if self.begun.is_none() {
            let (of, since_ms) = (&self.definition, self.plan.since_ms);
            let checkpoint = Begun::first(of, &self.source, archive, since_ms)?;
            self.begin(checkpoint)?;
        }
        let Some(begun) = &self.begun else {
            return Ok(None);
        };
        let before = &begun.checkpoint;
        let origin = Origin::of(archive);
        origin.check(&before.origin)?;
        let mut next = before.clone();
        let positions = &archive.checkpoint.progress.positions;
        let idle = self.definition.idle.0;
        let elapsed = self.advanced.elapsed();
        let advanced = next.partitions.advance(positions, elapsed, idle);
        let advanced = advanced.context(
            "offsets have gone back, as after a loss in Kafka, so nobody can tell what was looked at; begin anew with another --state",
        )?;
        if !advanced {
            return Ok(None);
        }
        next.origin = origin;
        next.next_segment = next_segment(archive);
        let look = self.look(archive, begun);
        let mut notes = self.deleted(archive, before);
        notes.extend(look.note(before, &mut next).await?);
        let lateness = self.definition.lateness.ms();
        let to = next
            .partitions
            .watermark(lateness, idle)
            .max(before.watermark_ms);
        let closing = match to {
            Some(to)
                if closed_windows::may_close(begun.windows.window, before.watermark_ms, to) =>
            {
                Some(Closing::read(&look, before, &mut next, to).await?)
            }
            _ => None,
        };
        next.watermark_ms = to;
        next.open_segments = segments_from(archive, next.partitions.low(), next.since_ms);
        Ok(Some(Looked {
            next,
            closing,
            notes,
        }))
    }

    /// Emits what a look has found, and stores that it did.
    async fn emit(&mut self, archive: &Archive, looked: Looked) -> anyhow::Result<()> {
        let Looked {
            mut next,
            closing,
            mut notes,
        } = looked;
        let Some(begun) = &self.begun else {
            return Ok(());
        };
        let before = &begun.checkpoint;
        if let Some(closing) = &closing {
            let look = self.look(archive, begun);
            closing
                .emit(&look, &self.outputs, before, &mut next)
                .await?;
            notes.extend(closing.notes());
        }
        self.state.store(&next)?;
        let late = next.counts.late - before.counts.late;
        if late > 0 {
            let all = next.counts.late;
            self.say(&format!(
                "{late} records came late, when a window of theirs was closed; {all} until now"
            ));
        }
        let untimed = next.counts.untimed - before.counts.untimed;
        if untimed > 0 {
            let all = next.counts.untimed;
            self.say(&format!("{}; {all} until now", said_of(untimed)));
        }
        if let Some(begun) = &mut self.begun {
            begun.checkpoint = next;
        }
        self.advanced = Instant::now();
        for note in notes {
            self.say_once(note);
        }
        Ok(())
    }
}

/// What a look has found.
struct Looked {
    /// The checkpoint once it is emitted.
    next: Checkpoint,
    /// The windows that it closes, if there may be any.
    closing: Option<Closing>,
    /// What is to be said.
    notes: Vec<String>,
}

impl Follower {
    fn look<'a>(&'a self, archive: &'a Archive, begun: &'a Begun) -> Look<'a> {
        Look {
            name: &self.definition.name,
            source: &self.source,
            archive,
            columns: &begun.columns,
            analysis: &begun.analysis,
            windows: &begun.windows,
            state: &self.state,
        }
    }

    /// Segments that were deleted before all of them was looked at, or all of their windows were closed.
    fn deleted(&self, archive: &Archive, before: &Checkpoint) -> Vec<String> {
        let deleted = archive.deleted.iter().map(|deleted| deleted.file.sequence);
        let name = self.source.name();
        let said = deleted.filter_map(|sequence| {
            let then = match sequence {
                _ if sequence >= before.next_segment => {
                    "before all of it was looked at; its records are in no window"
                }
                _ if before.open_segments.contains(&sequence) => {
                    "while windows of its records were open; these are closed without them"
                }
                _ => return None,
            };
            Some(format!(
                "archive {name}: segment {sequence} was deleted {then}; keep segments longer"
            ))
        });
        said.collect()
    }

    fn say(&self, text: &str) {
        (self.plan.say)(&format!("analysis {}: {text}", self.definition.name));
    }

    fn say_once(&mut self, text: String) {
        if !self.said.contains(&text) {
            self.say(&text);
            self.said.insert(text);
        }
    }

    fn say_where_it_stands(&self) {
        let Some(begun) = &self.begun else {
            self.say("stopped before there were records");
            return;
        };
        let checkpoint = &begun.checkpoint;
        let closed = match checkpoint.watermark_ms {
            Some(ms) => format!("windows are closed up to {}", rfc3339(ms)),
            None => "no window is closed yet".to_owned(),
        };
        let counts = checkpoint.counts;
        let waiting = checkpoint.outboxes.values();
        let waiting = waiting.map(|waiting| waiting.alerts.len()).sum::<usize>();
        self.say(&format!(
            "stopped: {closed}; {} rows, {} anomalies, {} records that came late, {} without a time, {waiting} alerts that wait",
            counts.rows, counts.anomalies, counts.late, counts.untimed
        ));
    }
}

/// Which segments there are, and which of them grow.
fn segments(archive: &Archive) -> Vec<(u64, bool)> {
    let segments = archive.segments.iter();
    segments
        .map(|segment| (segment.file.sequence, segment.is_sealed()))
        .collect()
}
