//! A file system in memory that keeps after a crash what a real one may keep, and that fails when it is told to.

mod faults;
mod file;
mod loss;
mod mutation;
mod node;

use std::collections::BTreeMap;
use std::io;
use std::path::{Component, Path};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

pub use faults::{Fault, Faults};
pub use loss::{Crash, Loss, Names};
pub use mutation::Mutation;

use super::random::Random;
use crate::fs::{File, Fs, Stat};
use file::SimFile;
use mutation::PutOff;
use node::{Content, Directory};

/// The simulated file system; clones are the same one.
#[derive(Clone)]
pub struct SimFs(Arc<Mutex<State>>);

struct State {
    random: Random,
    nodes: BTreeMap<u64, Node>,
    /// How often the process has been started anew; what an earlier one opened is of no use any more.
    generation: u64,
    /// Which open file holds the lock of an inode.
    locks: BTreeMap<u64, u64>,
    opened: u64,
    /// Operations so far.
    operations: u64,
    crash_after: Option<u64>,
    /// The process is dead: nothing that it still does has any effect.
    dead: bool,
    died: Arc<Notify>,
    faults: Faults,
    faults_made: u64,
    mutation: Option<Mutation>,
    /// What a mutation has put off.
    put_off: Vec<PutOff>,
    /// What was at a path before somebody put another file there, by the new one's inode.
    replaced: BTreeMap<u64, Vec<u8>>,
    /// What happened, for whoever replays a run.
    trace: Option<Vec<String>>,
}

#[derive(Debug, Clone)]
struct Node {
    device: u64,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    File(Content),
    Dir(Directory),
}

const ROOT: u64 = 1;

impl SimFs {
    /// An empty one.
    pub fn new(random: Random) -> Self {
        let root = Node {
            device: 1,
            kind: Kind::Dir(Directory::default()),
        };
        Self(Arc::new(Mutex::new(State {
            random,
            nodes: BTreeMap::from([(ROOT, root)]),
            generation: 0,
            locks: BTreeMap::new(),
            opened: 0,
            operations: 0,
            crash_after: None,
            dead: false,
            died: Arc::new(Notify::new()),
            faults: Faults::default(),
            faults_made: 0,
            mutation: None,
            put_off: Vec::new(),
            replaced: BTreeMap::new(),
            trace: None,
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// The record.
    pub fn recorded(&self) -> Vec<String> {
        self.state().trace.clone().unwrap_or_default()
    }

    /// Breaks the file system in a way that archiver could have broken its own order of operations.
    pub fn mutate(&self, mutation: Option<Mutation>) {
        self.state().mutation = mutation;
    }

    /// How operations fail from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.state().faults = faults;
    }

    /// How many operations there were so far, and how many faults.
    pub fn counts(&self) -> (u64, u64) {
        let state = self.state();
        (state.operations, state.faults_made)
    }

    /// The process dies after the operation of this number.
    pub fn crash_after(&self, operation: u64) {
        self.state().crash_after = Some(operation);
    }

    /// Lets the process die now.
    pub fn die(&self) {
        self.state().die();
    }

    /// Is the process dead?
    pub fn is_dead(&self) -> bool {
        self.state().dead
    }

    /// Is signalled when the process dies.
    pub fn died(&self) -> Arc<Notify> {
        Arc::clone(&self.state().died)
    }

    /// A new process begins, on what the crash of the old one has left.
    pub fn crash(&self, how: Crash) {
        let mut state = self.state();
        let state = &mut *state;
        if !state.dead {
            state.catch_up();
        }
        state.generation += 1;
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

    /// Puts a file there that has been there for long, with the directories above it.
    pub fn put(&self, path: &Path, bytes: &[u8]) {
        let mut state = self.state();
        let mut at = ROOT;
        let mut names = names(path);
        let name = names.pop().unwrap_or_default();
        for name in names {
            at = match state.dir(at).get(&name) {
                Some(inode) => inode,
                None => state.add_settled(at, &name, Kind::Dir(Directory::default())),
            };
        }
        let before = state.find(path).ok();
        let before = before.and_then(|inode| Some(state.content(inode).ok()?.live().to_vec()));
        let inode = state.add_settled(at, &name, Kind::File(Content::settled(bytes)));
        if let Some(before) = before {
            state.replaced.insert(inode, before);
        }
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
        if state.dead {
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
            generation: state.generation,
            id: state.opened,
        })
    }
}

impl State {
    fn die(&mut self) {
        self.dead = true;
        self.died.notify_one();
    }

    fn dir(&mut self, inode: u64) -> &mut Directory {
        match &mut self.nodes.get_mut(&inode).expect("a known inode").kind {
            Kind::Dir(names) => names,
            Kind::File(_) => panic!("inode {inode} is no directory"),
        }
    }

    fn content(&mut self, inode: u64) -> io::Result<&mut Content> {
        match self.nodes.get_mut(&inode).map(|node| &mut node.kind) {
            Some(Kind::File(content)) => Ok(content),
            _ => Err(Fault::Io.into()),
        }
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let inode = self.find(from)?;
        let ((from_dir, from_name), (to_dir, to_name)) = (self.place(from)?, self.place(to)?);
        self.dir(to_dir).set(&to_name, Some(inode));
        self.dir(from_dir).set(&from_name, None);
        Ok(())
    }

    fn find(&self, path: &Path) -> io::Result<u64> {
        let mut at = ROOT;
        for name in names(path) {
            let Kind::Dir(names) = &self.nodes[&at].kind else {
                return Err(io::ErrorKind::NotADirectory.into());
            };
            at = names.get(&name).ok_or(io::ErrorKind::NotFound)?;
        }
        Ok(at)
    }

    /// The directory of a path, and the path's last name.
    fn place(&self, path: &Path) -> io::Result<(u64, String)> {
        let mut above = names(path);
        let name = above.pop().ok_or(io::ErrorKind::InvalidInput)?;
        let dir = self.find(path.parent().ok_or(io::ErrorKind::InvalidInput)?)?;
        match &self.nodes[&dir].kind {
            Kind::Dir(_) => Ok((dir, name)),
            Kind::File(_) => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    fn add(&mut self, dir: u64, name: &str, kind: Kind) -> u64 {
        // As on many file systems, a free number is soon used again.
        let inode = (ROOT..).find(|inode| !self.nodes.contains_key(inode));
        let inode = inode.expect("numbers don't end");
        let device = self.nodes[&dir].device;
        self.nodes.insert(inode, Node { device, kind });
        self.dir(dir).set(name, Some(inode));
        inode
    }

    fn add_settled(&mut self, dir: u64, name: &str, kind: Kind) -> u64 {
        let inode = self.add(dir, name, kind);
        self.dir(dir).sync();
        inode
    }

    fn forget_unreachable(&mut self) {
        let (mut reached, mut queue) = (BTreeMap::new(), vec![ROOT]);
        while let Some(inode) = queue.pop() {
            let Some(node) = self.nodes.remove(&inode) else {
                continue;
            };
            if let Kind::Dir(names) = &node.kind {
                queue.extend(names.live().map(|(_, inode)| inode));
            }
            reached.insert(inode, node);
        }
        self.nodes = reached;
    }

    fn stat(&self, inode: u64) -> Stat {
        let node = &self.nodes[&inode];
        let length = match &node.kind {
            Kind::File(content) => content.live().len() as u64,
            Kind::Dir(_) => 0,
        };
        Stat {
            length,
            device: node.device,
            inode,
            // Inodes are not used again here.
            born: None,
            is_file: matches!(node.kind, Kind::File(_)),
        }
    }

    /// What all files hold, in bytes.
    fn used(&self) -> usize {
        let nodes = self.nodes.values();
        nodes
            .map(|node| match &node.kind {
                Kind::File(content) => content.live().len(),
                Kind::Dir(_) => 0,
            })
            .sum()
    }
}

fn names(path: &Path) -> Vec<String> {
    let parts = path.components();
    parts
        .filter_map(|part| match part {
            Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
            _ => None,
        })
        .collect()
}

fn unless(fault: Option<Fault>) -> io::Result<()> {
    fault.map_or(Ok(()), |fault| Err(fault.into()))
}

impl Fs for SimFs {
    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.operate("open", path, |state, fault| {
            unless(fault)?;
            let inode = state.find(path)?;
            match state.nodes[&inode].kind {
                Kind::File(_) => Ok(self.handle(state, inode, path)),
                Kind::Dir(_) => Err(io::ErrorKind::IsADirectory.into()),
            }
        })
    }

    fn create_new(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.operate("create", path, |state, fault| {
            unless(fault)?;
            if state.find(path).is_ok() {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            let (dir, name) = state.place(path)?;
            let inode = state.add(dir, &name, Kind::File(Content::default()));
            Ok(self.handle(state, inode, path))
        })
    }

    fn open_dir(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.operate("open directory", path, |state, fault| {
            unless(fault)?;
            let inode = state.find(path)?;
            Ok(self.handle(state, inode, path))
        })
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.operate("read", path, |state, fault| {
            unless(fault)?;
            let inode = state.find(path)?;
            match &state.nodes[&inode].kind {
                Kind::File(content) => Ok(content.live().to_vec()),
                Kind::Dir(_) => Err(io::ErrorKind::IsADirectory.into()),
            }
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.operate("rename", to, |state, fault| {
            unless(fault)?;
            if state.mutation == Some(Mutation::CommitBeforeCheckpoint) {
                state.put_off.push(PutOff::Rename(from.into(), to.into()));
                return Ok(());
            }
            state.rename(from, to)
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.operate("remove", path, |state, fault| {
            unless(fault)?;
            let (dir, name) = state.place(path)?;
            state.find(path)?;
            state.dir(dir).set(&name, None);
            Ok(())
        })
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.operate("create directory", path, |state, fault| {
            unless(fault)?;
            if state.find(path).is_ok() {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            let (dir, name) = state.place(path)?;
            state.add(dir, &name, Kind::Dir(Directory::default()));
            Ok(())
        })
    }

    fn stat(&self, path: &Path) -> io::Result<Stat> {
        self.operate("stat", path, |state, fault| {
            unless(fault)?;
            state.find(path).map(|inode| state.stat(inode))
        })
    }

    fn sync(&self, files: &[Arc<dyn File>]) -> Vec<io::Result<()>> {
        let sync = |file: &Arc<dyn File>| {
            let file = file.as_any().downcast_ref::<SimFile>();
            file.ok_or(io::ErrorKind::Unsupported)?.sync()
        };
        files.iter().map(sync).collect()
    }

    fn lock_holder(&self, file: &Stat) -> Option<u32> {
        let state = self.state();
        state.locks.get(&file.inode).map(|_| std::process::id())
    }
}
