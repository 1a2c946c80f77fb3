//! The archives that a supervisor knows: those that run, and those that have ended by themselves.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::future::{FutureExt, Shared};
use tokio::sync::oneshot;

use super::{Ending, Refused};
use crate::archive::End;
use crate::config::{self, Checked, Pattern};
use crate::observe::hung::Watched;
use crate::observe::status::{Counts, State, Status};
use crate::world::open_files;
use crate::world::shutdown::Stopper;

/// All of them.
#[derive(Default)]
pub(super) struct Listed {
    /// By number, in the order in which they were started.
    archives: BTreeMap<u64, One>,
    /// The number of each name.
    names: HashMap<String, u64>,
    /// The data file of each archive that runs, and the archive's name.
    files: HashMap<PathBuf, String>,
    /// Those that were stopped one by one and left something undone.
    unfinished: BTreeSet<String>,
    /// How many were started so far: the last number.
    started: u64,
    /// How many run.
    running: usize,
    /// The patterns that look for topics, and those that have ended by themselves, by number.
    patterns: BTreeMap<u64, Looking>,
    /// Patterns that were asked to stop, and may still have their state.
    leaving: Vec<Stopped>,
    /// Is another configuration being taken up?
    is_reloading: bool,
    /// The depth of their deepest directory: each level may need an open file.
    depth: usize,
    /// How much was written by archives that are not listed any more.
    past: Counts,
    /// Those that have ended while their disk had not answered, as happens when the process is to end.
    unanswered: Vec<Arc<Watched>>,
}

/// Tells of a pattern that was asked to stop how far it is. Clones tell the same.
#[derive(Clone)]
pub(super) struct Stopped {
    /// It starts no archive any more.
    pub quiet: Shared<oneshot::Receiver<()>>,
    /// Its state is free again.
    pub released: Shared<oneshot::Receiver<()>>,
}

impl Stopped {
    pub fn new(quiet: oneshot::Receiver<()>, released: oneshot::Receiver<()>) -> Self {
        Self {
            quiet: quiet.shared(),
            released: released.shared(),
        }
    }
}

/// A pattern that looks for topics, or has ended by itself.
struct Looking {
    pattern: Checked<Pattern>,
    /// Asks it to stop.
    stopper: Stopper,
    stopped: Stopped,
    /// It has listed topics, or said why it can't.
    has_decided: bool,
    has_ended: bool,
}

/// An archive that runs, or one that has ended by itself.
struct One {
    config: Checked<config::Archive>,
    status: Arc<Status>,
    /// Its run, or how that ended.
    run: Result<Run, End>,
}

/// An archive as others see it.
pub(super) struct Shown {
    pub config: Checked<config::Archive>,
    pub status: Arc<Status>,
}

/// An archive that is there when another configuration is taken up.
pub(super) struct Known {
    pub config: Checked<config::Archive>,
    pub standing: Standing,
}

/// Whether an archive goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Runs,
    /// It was asked to stop, and has not ended yet.
    Stops,
    /// It has stopped by itself.
    Stopped,
}

/// An archive that runs.
pub(super) struct Run {
    /// Asks it to stop.
    pub stopper: Stopper,
    /// Tells its end to those who await it.
    pub ending: Ending,
    /// Shows whether its disks hang.
    pub watched: Arc<Watched>,
    /// It alone was asked to stop, not the process.
    pub is_asked: bool,
}

impl One {
    /// Has it ended with something that it took and that is not in its file for certain?
    fn is_unfinished(&self) -> bool {
        matches!(self.run, Err(End::Unfinished | End::Panicked))
    }

    fn standing(&self) -> Standing {
        match &self.run {
            Ok(run) if run.is_asked => Standing::Stops,
            // Its files may not be free yet.
            Ok(_) if matches!(self.status.state(), State::Stopped(_)) => Standing::Stopped,
            Ok(_) => Standing::Runs,
            Err(_) => Standing::Stopped,
        }
    }
}

impl Listed {
    /// May these be started, all of them?
    pub fn check(&self, archives: &[Checked<config::Archive>]) -> Result<(), Refused> {
        let (mut names, mut files) = (HashMap::new(), HashMap::new());
        for archive in archives {
            let name = &archive.name;
            if self.is_running(name) || names.insert(name, ()).is_some() {
                return Err(Refused::Name { name: name.clone() });
            }
            let owner = self.files.get(&archive.file);
            if let Some(owner) = owner.or(files.insert(&archive.file, name)) {
                return Err(Refused::File {
                    name: name.clone(),
                    file: archive.file.clone(),
                    owner: owner.clone(),
                });
            }
        }
        Ok(())
    }

    /// Forgets those that have ended under these names, which are about to be started.
    pub fn expect(&mut self, archives: &[Checked<config::Archive>]) {
        for archive in archives {
            if let Some(&number) = self.names.get(&archive.name) {
                self.forget(number);
            }
            self.depth = self
                .depth
                .max(open_files::depth([&archive.file, &archive.state]));
        }
    }

    /// One that runs now.
    pub fn add(&mut self, config: &Checked<config::Archive>, status: Arc<Status>, run: Run) {
        self.started += 1;
        self.running += 1;
        // It reads again what the one before it has left.
        self.unfinished.remove(&config.name);
        self.names.insert(config.name.clone(), self.started);
        self.files.insert(config.file.clone(), config.name.clone());
        let one = One {
            config: config.clone(),
            status,
            run: Ok(run),
        };
        self.archives.insert(self.started, one);
    }

    /// Notes an archive's end. One that was asked to stop is forgotten, one that ended by itself stays in the list.
    pub fn ended(&mut self, name: &str, end: End) {
        let Some(&number) = self.names.get(name) else {
            return;
        };
        let Some(one) = self.archives.get_mut(&number) else {
            return;
        };
        let run = std::mem::replace(&mut one.run, Err(end));
        self.files.remove(&one.config.file);
        self.running -= 1;
        let Ok(run) = run else {
            return;
        };
        if run.watched.is_asking() {
            self.unanswered.push(run.watched);
        }
        if run.is_asked {
            self.forget(number);
        }
    }

    /// See [`super::Supervisor::stop`].
    pub fn stop(&mut self, name: &str) -> Option<Ending> {
        let number = *self.names.get(name)?;
        match &mut self.archives.get_mut(&number)?.run {
            Ok(run) => {
                run.is_asked = true;
                run.stopper.stop();
                Some(run.ending.clone())
            }
            Err(end) => {
                let ending = Ending::default();
                ending.set(*end);
                self.forget(number);
                Some(ending)
            }
        }
    }

    /// Takes an archive off the list; its counts stay.
    fn forget(&mut self, number: u64) {
        if let Some(one) = self.archives.remove(&number) {
            self.past += one.status.counts();
            if one.is_unfinished() {
                self.unfinished.insert(one.config.name.clone());
            }
            self.names.remove(&one.config.name);
        }
    }

    fn is_running(&self, name: &str) -> bool {
        let one = self.names.get(name).and_then(|n| self.archives.get(n));
        one.is_some_and(|one| one.run.is_ok())
    }

    /// How many run.
    pub fn running(&self) -> usize {
        self.running
    }

    /// How many segments those that run may have open at a time.
    pub fn open_segments(&self) -> usize {
        let running = self.archives.values().filter(|one| one.run.is_ok());
        running.map(|one| one.config.open_segments_max()).sum()
    }

    /// The depth of their deepest directory.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Is there an archive of this name, one that runs or one that has ended by itself?
    pub fn knows(&self, name: &str) -> bool {
        self.names.contains_key(name)
    }

    /// A pattern begins to look for topics, under this number.
    pub fn discovers(
        &mut self,
        pattern: Checked<Pattern>,
        stopper: Stopper,
        stopped: Stopped,
    ) -> u64 {
        self.started += 1;
        let looking = Looking {
            pattern,
            stopper,
            stopped,
            has_decided: false,
            has_ended: false,
        };
        self.patterns.insert(self.started, looking);
        self.started
    }

    /// A pattern has listed topics for the first time, or has said why it can't.
    pub fn has_decided(&mut self, number: u64) {
        if let Some(looking) = self.patterns.get_mut(&number) {
            looking.has_decided = true;
        }
    }

    /// A pattern looks for no more topics, by itself or because it was asked to.
    pub fn discovers_no_more(&mut self, number: u64, by_itself: bool) {
        match self.patterns.get_mut(&number) {
            Some(looking) if by_itself => looking.has_ended = true,
            _ => drop(self.patterns.remove(&number)),
        }
    }

    /// The patterns that look for topics.
    pub fn patterns(&self) -> Vec<Checked<Pattern>> {
        let looking = self.patterns.values().filter(|looking| !looking.has_ended);
        looking.map(|looking| looking.pattern.clone()).collect()
    }

    /// Asks patterns to stop that are not among these, and tells of them and of those that were asked before. Those that
    /// have ended by themselves are forgotten.
    pub fn stop_patterns(&mut self, wanted: &[Checked<Pattern>]) -> Vec<Stopped> {
        let is_over = |_: &u64, looking: &mut Looking| {
            looking.has_ended || !wanted.contains(&looking.pattern)
        };
        let over = self.patterns.extract_if(.., is_over);
        let stopped = over.map(|(_, looking)| {
            looking.stopper.stop();
            looking.stopped
        });
        self.leaving
            .retain(|stopped| stopped.released.peek().is_none());
        self.leaving.extend(stopped);
        self.leaving.clone()
    }

    /// Another configuration is being taken up, or was.
    pub fn reloads(&mut self, begins: bool) {
        self.is_reloading = begins;
    }

    /// How each archive is configured and stands, in the order in which they were started.
    pub fn known(&self) -> Vec<Known> {
        let archives = self.archives.values();
        let known = archives.map(|one| Known {
            config: one.config.clone(),
            standing: one.standing(),
        });
        known.collect()
    }

    /// The names of those that were asked to stop and have not ended yet.
    pub fn stopping(&self) -> Vec<String> {
        let stopping = self
            .archives
            .values()
            .filter(|one| one.standing() == Standing::Stops);
        stopping.map(|one| one.config.name.clone()).collect()
    }

    /// Does nothing run, and can nothing be started by a pattern?
    pub fn is_idle(&self) -> bool {
        self.running == 0 && self.patterns.values().all(|looking| looking.has_ended)
    }

    /// Has each archive begun to read, or said why it can't, and each pattern listed topics or said why it can't?
    pub fn is_settled(&self) -> bool {
        let mut states = self.archives.values().map(|one| one.status.state());
        let mut patterns = self.patterns.values();
        patterns.all(|looking| looking.has_decided || looking.has_ended)
            && states.all(|state| state != State::Starting)
    }

    /// Are there any, of which none can go on?
    pub fn is_hopeless(&self) -> bool {
        let has_any = !self.patterns.is_empty() || !self.archives.is_empty();
        self.is_idle() && has_any && !self.is_reloading
    }

    /// Has any left something undone?
    pub fn is_unfinished(&self) -> bool {
        !self.unfinished.is_empty() || self.archives.values().any(One::is_unfinished)
    }

    pub fn statuses(&self) -> Vec<Arc<Status>> {
        let archives = self.archives.values();
        archives.map(|one| Arc::clone(&one.status)).collect()
    }

    /// What the archive of this name is.
    pub fn archive(&self, name: &str) -> Option<Checked<config::Archive>> {
        let one = self.archives.get(self.names.get(name)?)?;
        Some(one.config.clone())
    }

    /// The same with what each is.
    pub fn shown(&self) -> Vec<Shown> {
        let archives = self.archives.values();
        let shown = archives.map(|one| Shown {
            config: one.config.clone(),
            status: Arc::clone(&one.status),
        });
        shown.collect()
    }

    pub fn counts(&self) -> Counts {
        let mut counts = self.past;
        for one in self.archives.values() {
            counts += one.status.counts();
        }
        counts
    }

    /// Those that run, to be watched for disks that hang.
    pub fn watched(&self) -> Vec<Arc<Watched>> {
        let runs = self
            .archives
            .values()
            .filter_map(|one| one.run.as_ref().ok());
        runs.map(|run| Arc::clone(&run.watched)).collect()
    }

    /// Those whose disk may not have answered when the process is to end.
    pub fn watched_at_end(&self) -> Vec<Arc<Watched>> {
        [self.watched(), self.unanswered.clone()].concat()
    }
}
