//! A file system in memory that keeps after a crash what a real one may keep, and that fails when it is told to.

mod faults;
mod file;
mod fs;
mod loss;
mod mutation;
mod node;
mod somebody;
mod state;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use archiver_format::mark::FileId;
use tokio::sync::Notify;

pub use faults::{Fault, Faults};
pub use loss::{Crash, Loss, Names};
pub use mutation::Mutation;

use super::random::Random;
use crate::world::fs::File;
use file::SimFile;
use node::Directory;
use state::{Kind, Node, ROOT, State};

/// The simulated file system, as a process sees it; clones are the same one.
#[derive(Clone)]
pub struct SimFs {
    state: Arc<Mutex<State>>,
    /// The process that uses it; nobody's is 0.
    process: u32,
}

impl SimFs {
    /// An empty one.
    pub fn new(random: Random) -> Self {
        let root = Node {
            device: 1,
            born: 0,
            kind: Kind::Dir(Directory::default()),
        };
        let state = State {
            random,
            nodes: BTreeMap::from([(ROOT, root)]),
            created: 0,
            tells_births: true,
            processes: BTreeSet::new(),
            ended: BTreeSet::new(),
            started: 0,
            locks: BTreeMap::new(),
            opened: 0,
            trespass: None,
            operations: 0,
            crash_after: None,
            dead: false,
            died: Arc::new(Notify::new()),
            faults: Faults::default(),
            faults_made: 0,
            mutation: None,
            synced_directory: false,
            reloading: Vec::new(),
            put_off: Vec::new(),
            replaced: BTreeMap::new(),
            trace: None,
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            process: 0,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records from now on what happens.
    pub fn record(&self) {
        self.state().trace = Some(Vec::new());
    }

    /// Adds a line to the record, if there is one.
    pub fn note(&self, line: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.state().trace {
            trace.push(line());
        }
    }

    /// The record of what happened.
    pub fn recorded(&self) -> Vec<String> {
        self.state().trace.clone().unwrap_or_default()
    }

    /// Breaks the file system in a way that archiver could have broken its own order of operations.
    pub fn mutate(&self, mutation: Option<Mutation>) {
        self.state().mutation = mutation;
    }

    /// Lets no file tell when it was created.
    pub fn tell_no_births(&self) {
        self.state().tells_births = false;
    }

    /// What was broken on purpose.
    pub fn mutation(&self) -> Option<Mutation> {
        self.state().mutation
    }

    /// A reload changes the archives whose states are here, until it changes others or none.
    pub fn reloads(&self, states: Vec<PathBuf>) {
        self.state().reloading = states;
    }

    /// How operations fail from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.state().faults = faults;
    }

    /// Milliseconds that a piece of blocking work hangs for, if it does.
    pub fn hang(&self) -> Option<u64> {
        let mut state = self.state();
        if state.faults.hang_once_in == 0 || !state.random.once_in(state.faults.hang_once_in) {
            return None;
        }
        state.faults_made += 1;
        Some(state.random.between(5_000, 100_000) as u64)
    }

    /// How many operations there were so far, and how many faults.
    pub fn counts(&self) -> (u64, u64) {
        let state = self.state();
        (state.operations, state.faults_made)
    }

    /// One more process begins.
    pub fn start(&self) -> Self {
        let mut state = self.state();
        state.started += 1;
        let process = state.started;
        state.processes.insert(process);
        Self {
            state: Arc::clone(&self.state),
            process,
        }
    }

    /// This process ends, whatever it was at.
    pub fn end(&self) {
        let mut state = self.state();
        state.processes.remove(&self.process);
        state.ended.insert(self.process);
        state.locks.retain(|_, (_, by)| *by != self.process);
    }

    /// Does this process live, or did it since the last crash?
    pub fn lived(&self, process: u32) -> bool {
        let state = self.state();
        state.processes.contains(&process) || state.ended.contains(&process)
    }

    /// Is it this process's number?
    pub fn is(&self, process: u32) -> bool {
        self.process == process
    }

    /// Has another process the lock of this file, or may it have had it?
    pub fn is_locked_by_another(&self, path: &Path) -> bool {
        let state = self.state();
        let inode = state.find(path).ok();
        let lock = inode.and_then(|inode| state.locks.get(&inode));
        let ended = state.ended.iter().any(|ended| *ended != self.process);
        ended || lock.is_some_and(|(_, holder)| *holder != self.process)
    }

    /// What a process did to what another one had locked, if anything.
    pub fn trespass(&self) -> Option<String> {
        self.state().trespass.clone()
    }

    /// All die after the operation of this number.
    pub fn crash_after(&self, operation: u64) {
        self.state().crash_after = Some(operation);
    }

    /// Lets all die now.
    pub fn die(&self) {
        self.state().die();
    }

    /// Is this process dead?
    pub fn is_dead(&self) -> bool {
        let state = self.state();
        state.dead || !state.processes.contains(&self.process)
    }

    /// Is signalled when all die.
    pub fn died(&self) -> Arc<Notify> {
        Arc::clone(&self.state().died)
    }

    /// A crash, and what it leaves to the processes that begin then.
    pub fn crash(&self, how: Crash) {
        let mut state = self.state();
        let state = &mut *state;
        if !state.dead {
            state.catch_up();
        }
        state.processes.clear();
        state.ended.clear();
        state.locks.clear();
        state.put_off.clear();
        state.crash_after = None;
        state.dead = false;
        state.died = Arc::new(Notify::new());
        if how == Crash::Kill {
            return;
        }
        for node in state.nodes.values_mut() {
            match &mut node.kind {
                Kind::File(content) => content.lose(how.of_file(&state.random), &state.random),
                Kind::Dir(names) => names.lose(how.of_names(&state.random), &state.random),
            }
        }
        state.forget_unreachable();
    }

    /// The inode at a path, and its time of birth.
    pub fn id(&self, path: &Path) -> Option<FileId> {
        let state = self.state();
        Some(state.stat(state.find(path).ok()?).id())
    }

    /// What a reader of this file would see.
    pub fn peek(&self, path: &Path) -> Option<Vec<u8>> {
        let mut state = self.state();
        state.catch_up();
        let inode = state.find(path).ok()?;
        match &state.nodes[&inode].kind {
            Kind::File(content) => Some(content.live().to_vec()),
            Kind::Dir(_) => None,
        }
    }

    /// Runs one operation, unless it fails.
    fn operate<T>(
        &self,
        what: &str,
        path: &Path,
        run: impl FnOnce(&mut State, Option<Fault>) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut state = self.state();
        if state.dead || !state.processes.contains(&self.process) {
            return Err(Fault::Io.into());
        }
        state.catch_up_before(what, path);
        state.operations += 1;
        let number = state.operations;
        let fault = state.faults.draw(number, &state.random);
        if fault.is_some() {
            state.faults_made += 1;
        }
        let done = run(&mut state, fault);
        if let Some(trace) = &mut state.trace {
            let result = done.as_ref().err().map(|e| format!(": {e}"));
            let result = result.unwrap_or_default();
            trace.push(format!("{number} {what} {}{result}", path.display()));
        }
        if state.crash_after == Some(number) {
            state.die();
        }
        done
    }

    fn handle(&self, state: &mut State, inode: u64, path: &Path) -> Arc<dyn File> {
        state.opened += 1;
        Arc::new(SimFile {
            fs: self.clone(),
            path: path.into(),
            inode,
            device: state.nodes[&inode].device,
            id: state.opened,
        })
    }
}

fn unless(fault: Option<Fault>) -> io::Result<()> {
    fault.map_or(Ok(()), |fault| Err(fault.into()))
}
