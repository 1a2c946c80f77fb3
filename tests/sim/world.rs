//! The world of a run: everything that outlives a process.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::check::Tally;
use super::commands::Given;
use super::disk::SimFs;
use super::kafka::SimCluster;
use super::random::Random;
use crate::archive::Window;
use crate::config::{self, Found};
use crate::observe::reason::Reason;
use crate::observe::status::{State, Status};
use crate::segment::writer::WriteError;

/// Everything that outlives a process.
pub struct World {
    /// The source of chance.
    pub random: Random,
    /// The disk, as nobody's process sees it.
    pub fs: SimFs,
    /// The cluster.
    pub cluster: SimCluster,
    /// The archives that are configured, and those that patterns may come to have.
    pub archives: Vec<Watched>,
    /// The patterns that are configured.
    pub patterns: Vec<config::Pattern>,
    /// The parts of their topics that archives take, by their names, if not all.
    pub windows: BTreeMap<String, Arc<Window>>,
    /// Files that are somebody else's, as they must stay.
    pub foreign: Mutex<BTreeMap<PathBuf, Vec<u8>>>,
    /// What somebody has done to archives' files.
    pub touched: Mutex<BTreeMap<String, Touched>>,
    /// Archives that have stopped at a newline.
    pub at_newline: Mutex<BTreeSet<String>>,
    /// Since the last process began, archives of other names were given the same files.
    pub is_contested: AtomicBool,
    /// What the archives of the present process are doing.
    pub statuses: Mutex<Vec<Arc<Status>>>,
    /// Another configuration is being taken up.
    pub is_reloading: AtomicBool,
    /// What commands were given.
    pub given: Arc<Mutex<Given>>,
    /// Milliseconds since the run began.
    pub now: Arc<AtomicU64>,
    /// Blocking work takes no time.
    pub is_brisk: bool,
    /// The memory for batches, in bytes.
    pub budget: u64,
    /// How many bytes are to be left free on each device; 0 has nobody look.
    pub disk_free: u64,
    /// How many devices a process believes to write to.
    pub devices: u64,
    /// What the checks have counted.
    pub tally: Mutex<Tally>,
}

/// An archive, as it was configured and found.
pub struct Watched {
    /// What was configured.
    pub config: config::Archive,
    /// What was in the file before the first start.
    pub before: Vec<u8>,
    /// It can never begin.
    pub is_hopeless: bool,
    /// The number of the pattern that has it, if one has: it is started when its topic is found.
    pub pattern: Option<usize>,
}

/// What somebody has done to an archive's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Touched {
    /// The file was moved away, and perhaps another one put there.
    Moved,
    /// The file was changed, or copied.
    Changed,
    /// The checkpoint was damaged.
    Damaged,
    /// The state directory was moved away.
    Stateless,
}

impl World {
    /// An empty world.
    pub fn new(random: Random) -> Self {
        let fs = SimFs::new(random.clone());
        fs.put(&away("nothing"), b"");
        Self {
            cluster: SimCluster::new(random.clone(), fs.clone()),
            random,
            fs,
            archives: Vec::new(),
            patterns: Vec::new(),
            windows: BTreeMap::new(),
            foreign: Mutex::default(),
            touched: Mutex::default(),
            at_newline: Mutex::default(),
            is_contested: AtomicBool::default(),
            statuses: Mutex::default(),
            is_reloading: AtomicBool::default(),
            given: Arc::default(),
            now: Arc::default(),
            is_brisk: false,
            budget: 1 << 20,
            disk_free: 0,
            devices: 1,
            tally: Mutex::default(),
        }
    }

    /// Configures one more archive.
    pub fn add(&mut self, config: config::Archive, before: Vec<u8>) {
        let path = config.state.join("checkpoint.json");
        let mut kafka = self.cluster.kafka();
        kafka.checkpoints.insert(config.name.clone(), path);
        drop(kafka);
        self.archives.push(Watched {
            config,
            before,
            is_hopeless: false,
            pattern: None,
        });
    }

    /// Configures one more pattern, under which these topics may come.
    pub fn add_pattern(&mut self, pattern: config::Pattern, topics: &[&str]) {
        for topic in topics {
            let archive = pattern.archive(topic, Found::Later);
            let archive = archive.unwrap_or_else(|e| panic!("{topic}: {e}"));
            let listing = pattern.state().first_listing();
            let mut kafka = self.cluster.kafka();
            kafka.listings.insert(archive.name.clone(), listing);
            drop(kafka);
            self.add((*archive).clone(), Vec::new());
            if let Some(added) = self.archives.last_mut() {
                added.pattern = Some(self.patterns.len());
            }
        }
        self.patterns.push(pattern);
    }

    /// Puts a file there that is somebody else's.
    pub fn put_foreign(&self, path: &Path, bytes: &[u8]) {
        self.fs.put(path, bytes);
        lock(&self.foreign).insert(path.into(), bytes.into());
    }

    /// What somebody has done to an archive's files, if anything.
    pub fn touched(&self, archive: &str) -> Option<Touched> {
        lock(&self.touched).get(archive).copied()
    }

    /// Puts back what was moved away from an archive.
    pub fn put_back(&self, archive: &Watched) {
        let config = &archive.config;
        match self.touched(&config.name) {
            Some(Touched::Moved) => self.fs.relocate(&away(&config.name), &config.file),
            Some(Touched::Stateless) => self.fs.relocate(&away(&config.name), &config.state),
            _ => return,
        }
        self.fs
            .note(|| format!("  what archive {} lacks is put back", config.name));
        lock(&self.foreign).remove(&config.file);
        lock(&self.touched).remove(&config.name);
    }

    /// Does the present process read this archive's topic?
    pub fn is_running(&self, archive: &Watched) -> bool {
        matches!(self.state(archive), Some(State::Running))
    }

    /// Has this archive stopped for good?
    pub fn has_stopped(&self, archive: &Watched) -> bool {
        matches!(self.state(archive), Some(State::Stopped(_)))
    }

    /// What the present process does with this archive.
    pub fn state(&self, archive: &Watched) -> Option<State> {
        let statuses = lock(&self.statuses);
        let mut statuses = statuses.iter();
        let status = statuses.find(|status| status.name() == archive.config.name);
        status.map(|status| status.state())
    }

    /// Was a batch refused that would have lost or doubled something? That is never right.
    pub fn misstep(&self) -> Option<String> {
        let is_misstep = |state: &State| match state {
            State::Waiting(why) => matches!(
                **why,
                Reason::Writing(WriteError::Misstep(_) | WriteError::NotOpen)
            ),
            _ => false,
        };
        let states = lock(&self.statuses);
        let mut states = states.iter().map(|status| status.state());
        let found = states.find(is_misstep)?;
        Some(format!("{found:?}"))
    }

    /// What the archives are doing, for a message.
    pub fn describe(&self) -> String {
        let state = |status: &Arc<Status>| format!("{}: {:?}", status.name(), status.state());
        let states = lock(&self.statuses).iter().map(state).collect::<Vec<_>>();
        format!("not everything has healed: {}", states.join(", "))
    }

    /// Is there a process?
    pub fn has_process(&self) -> bool {
        !lock(&self.statuses).is_empty()
    }
}

/// Where somebody moves an archive's files to.
pub fn away(archive: &str) -> PathBuf {
    Path::new("/away").join(archive)
}

/// What is behind a lock.
pub fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
