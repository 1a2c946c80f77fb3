//! The task that hands over: finds the next segment, runs its command, notes how far it is.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use archiver_format::manifest::Sealed;
use archiver_format::segment::growing;
use archiver_format::state_files::StateDir;
use futures_util::future::BoxFuture;
use tokio::time::{sleep, timeout};

use super::facts::{absolute, command};
use super::latest::{Counted, Latest};
use crate::archive::definition::Archive;
use crate::config::{self, Checked, OnSeal};
use crate::ledger::handed_over::{self, Lines, Unknown};
use crate::observe::status::Status;
use crate::segment::paths;
use crate::world::commands::{CommandError, Commands, Leash, Turn};
use crate::world::fs::Fs;
use crate::world::shutdown::Shutdown;

/// The pause after a first failure; it doubles up to the longest.
const PAUSE_FIRST: Duration = Duration::from_secs(1);
const PAUSE_MOST: Duration = Duration::from_mins(5);
/// How long a command has to end by itself once it was asked to.
const GRACE: Duration = Duration::from_secs(5);
/// How long is waited for the disk that has the state: the next segment doesn't depend on it.
const STORE_PATIENCE: Duration = Duration::from_secs(10);

/// The handing over of one archive's segments.
pub(super) struct Task {
    config: Checked<config::Archive>,
    on_seal: OnSeal,
    dir: StateDir,
    status: Arc<Status>,
    commands: Commands,
    /// How long a stop waits for a command that runs.
    drain: Duration,
    latest: Arc<Latest>,
    stop: Shutdown,
    /// Up to which byte the manifest was read; `None` until it is known from where on.
    read_to: Option<u64>,
    /// Why all sealed segments are handed over again, until that is said.
    unknown: Option<Unknown>,
    /// What was read and not handed over, in its order.
    pending: VecDeque<(u64, Sealed)>,
    /// How many come after these.
    more: u64,
    /// How far it is could not be stored.
    is_behind: bool,
}

/// How a command's run ended.
enum Outcome {
    Succeeded,
    Failed(String),
    /// It was ended for a stop.
    Stopped,
}

/// Where a sealed segment is.
enum Found {
    Named(PathBuf),
    /// It doesn't have its final name yet.
    Unnamed,
    Gone(PathBuf),
}

impl Task {
    pub fn new(archive: &Archive, on_seal: OnSeal, latest: Arc<Latest>, stop: Shutdown) -> Self {
        Self {
            config: archive.config.clone(),
            on_seal,
            dir: StateDir::new(&archive.config.state),
            status: Arc::clone(&archive.status),
            commands: archive.environment.commands.clone(),
            drain: archive.environment.drain,
            latest,
            stop,
            read_to: None,
            unknown: None,
            pending: VecDeque::new(),
            more: 0,
            is_behind: false,
        }
    }

    /// Hands over until a stop is asked for.
    pub async fn run(mut self) {
        let mut stop = self.stop.clone();
        let mut pause = PAUSE_FIRST;
        loop {
            let next = async {
                let path = self.next().await;
                (path, self.commands.turn().await)
            };
            let (path, turn) = tokio::select! {
                biased;
                () = stop.requested() => return,
                next = next => next,
            };
            match self.attempt(&path, turn).await {
                Outcome::Succeeded => {
                    self.note().await;
                    pause = PAUSE_FIRST;
                }
                Outcome::Failed(why) => {
                    self.status.fails_to_hand_over(&why);
                    tokio::select! {
                        biased;
                        () = stop.requested() => return,
                        () = sleep(pause) => {}
                    }
                    pause = (pause * 2).min(PAUSE_MOST);
                }
                Outcome::Stopped => return,
            }
        }
    }

    /// Waits until the first of what is pending can be handed over, and says where it is.
    async fn next(&mut self) -> PathBuf {
        loop {
            let (version, counted) = self.latest.newer(0).await;
            match self.look(&counted).await {
                Ok(Some(path)) => return path,
                Ok(None) => {}
                Err(e) => self.status.fails_to_hand_over(&format!("reading {e}")),
            }
            self.latest.newer(version).await;
        }
    }

    /// The same, if there is one now.
    async fn look(&mut self, counted: &Counted) -> io::Result<Option<PathBuf>> {
        loop {
            self.read(counted).await?;
            self.show_waiting();
            let Some((end, sealed)) = self.pending.front() else {
                self.status.hands_over();
                return Ok(None);
            };
            match self.find(counted, sealed).await? {
                Found::Named(path) => return Ok(Some(path)),
                Found::Unnamed => return Ok(None),
                Found::Gone(path) => {
                    self.say_gone(counted, *end, sealed.file.sequence, &path)
                        .await;
                    self.pending.pop_front();
                    self.status.hands_over();
                }
            }
        }
    }

    /// Reads on in the manifest, if nothing is pending.
    async fn read(&mut self, counted: &Counted) -> io::Result<()> {
        let (disk, to) = (&counted.disks.state, counted.length);
        let mut from = match self.read_to {
            Some(from) => from,
            None => {
                let dir = self.dir.clone();
                let known = disk.run(move |fs| handed_over::load(fs, &dir, to)).await?;
                known.unwrap_or_else(|unknown| {
                    self.unknown = Some(unknown);
                    0
                })
            }
        };
        while self.pending.is_empty() && from < to {
            let dir = self.dir.clone();
            let read = disk.run(move |fs| handed_over::sealed_between(fs, &dir, from, to));
            let Lines {
                sealed,
                more,
                deleted,
                end,
            } = read.await?;
            let name = &self.config.name;
            if let Some(unknown) = self.unknown.take_if(|_| !sealed.is_empty()) {
                let count = sealed.len() as u64 + more;
                tracing::warn!(
                    "archive {name}: on_seal: {unknown}; all {count} sealed segments are handed over, from the first on"
                );
            }
            if deleted > 0 {
                tracing::info!(
                    "archive {name}: on_seal: {deleted} segments were deleted before their turn, and are left out"
                );
            }
            (self.pending, self.more) = (sealed, more);
            from = end;
        }
        self.read_to = Some(from);
        // What is sealed from now on is not there yet that long.
        self.unknown = None;
        Ok(())
    }

    /// Where a segment is now.
    async fn find(&self, counted: &Counted, sealed: &Sealed) -> io::Result<Found> {
        let path = paths::sealed(&self.config, &sealed.file);
        let mut unnamed = counted.unnamed.iter();
        let may_grow = unnamed.any(|unnamed| unnamed.file.sequence == sealed.file.sequence);
        let find = move |fs: &dyn Fs| {
            if may_grow && is_there(fs, &growing(&path))? {
                return Ok(Found::Unnamed);
            }
            Ok(match is_there(fs, &path)? {
                true => Found::Named(path),
                false => Found::Gone(path),
            })
        };
        counted.disks.data.run(find).await
    }

    /// Says that a segment can't be handed over any more.
    async fn say_gone(&self, counted: &Counted, end: u64, sequence: u64, path: &Path) {
        let dir = self.dir.clone();
        let is_deleted = move |fs: &dyn Fs| handed_over::is_deleted(fs, &dir, end, sequence);
        let is_deleted = counted.disks.state.run(is_deleted).await;
        let (name, path) = (&self.config.name, path.display());
        match is_deleted {
            Ok(true) => tracing::info!(
                "archive {name}: on_seal: {path} was deleted before its turn, and is left out"
            ),
            _ => tracing::warn!(
                "archive {name}: on_seal: {path} is not there any more, and is left out"
            ),
        }
    }

    /// Runs the command for the first of what is pending.
    async fn attempt(&self, path: &Path, turn: Turn) -> Outcome {
        let Some((_, sealed)) = self.pending.front() else {
            return Outcome::Succeeded;
        };
        let words = &self.on_seal.words;
        let failed = |how: &str| {
            let (path, program) = (absolute(path), words.first().map_or("", String::as_str));
            Outcome::Failed(format!("handing over {}: {program} {how}", path.display()))
        };
        let leash = Leash::default();
        let command = command(&self.config, words, sealed, path);
        let mut running = self.commands.run(turn, command, &leash);
        let mut stop = self.stop.clone();
        tokio::select! {
            biased;
            ended = &mut running => return match ended {
                Ok(()) => Outcome::Succeeded,
                Err(e) => failed(&e.to_string()),
            },
            () = stop.requested() => return self.end_for_stop(running, &leash).await,
            () = sleep(self.on_seal.timeout) => {}
        }
        leash.end(GRACE);
        tokio::select! {
            biased;
            // It may have succeeded just then.
            ended = &mut running => match ended {
                Ok(()) => Outcome::Succeeded,
                Err(_) => {
                    let seconds = self.on_seal.timeout.as_secs_f64();
                    failed(&format!("had not ended after {seconds} s, and was ended"))
                }
            },
            () = stop.requested() => self.end_for_stop(running, &leash).await,
        }
    }

    /// Lets a command end by itself for as long as a stop allows, and then ends it.
    async fn end_for_stop(
        &self,
        mut running: BoxFuture<'static, Result<(), CommandError>>,
        leash: &Leash,
    ) -> Outcome {
        let grace = GRACE.min(self.drain / 4);
        let mut ended = timeout(self.drain, &mut running).await;
        if ended.is_err() {
            leash.end(grace);
            // One that the kernel holds is not waited for.
            ended = timeout(grace * 2, running).await;
        }
        if let Ok(Ok(())) = ended {
            return Outcome::Succeeded;
        }
        tracing::info!(
            "archive {}: on_seal: the command has not succeeded before the stop, and is run again after the next start",
            self.config.name
        );
        Outcome::Stopped
    }

    /// Notes that the first of what is pending was handed over.
    async fn note(&mut self) {
        let Some((end, sealed)) = self.pending.pop_front() else {
            return;
        };
        self.status.hands_over();
        self.show_waiting();
        let (_, counted) = self.latest.newer(0).await;
        let disk = &counted.disks.state;
        let stored = handed_over::store(disk, &self.dir, end, sealed.file.sequence);
        let stored = timeout(STORE_PATIENCE, stored).await;
        let stored = stored.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        if let Err(e) = &stored
            && !self.is_behind
        {
            tracing::warn!(
                "archive {}: on_seal: storing how far it is: {e}; tried again with the next segment, and until then a \
                 start hands over again what was handed over already",
                self.config.name
            );
        }
        self.is_behind = stored.is_err();
    }

    fn show_waiting(&self) {
        let waiting = self.pending.len() as u64 + self.more;
        self.status.waits_to_hand_over(waiting);
    }
}

/// Is there a regular file?
fn is_there(fs: &dyn Fs, path: &Path) -> io::Result<bool> {
    match fs.stat(path) {
        Ok(found) => Ok(found.is_file),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(io::Error::new(e.kind(), format!("{}: {e}", path.display()))),
    }
}
