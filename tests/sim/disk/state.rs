//! What the file system knows.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use tokio::sync::Notify;

use super::mutation::{Mutation, PutOff};
use super::node::{Content, Directory};
use super::{Fault, Faults};
use crate::sim::random::Random;
use crate::world::fs::Stat;

pub struct State {
    pub random: Random,
    pub nodes: BTreeMap<u64, Node>,
    /// Nodes that there ever were.
    pub created: u64,
    /// Does it tell when a file was created? If not, no inode's number is used twice.
    pub tells_births: bool,
    /// The processes that live. What another one opened is of no use any more.
    pub processes: BTreeSet<u32>,
    /// Those that were ended since the last crash.
    pub ended: BTreeSet<u32>,
    /// Processes that there ever were.
    pub started: u32,
    /// Which open file of which process holds the lock of an inode.
    pub locks: BTreeMap<u64, (u64, u32)>,
    pub opened: u64,
    /// A process wrote what another one had locked.
    pub trespass: Option<String>,
    /// Operations so far.
    pub operations: u64,
    pub crash_after: Option<u64>,
    /// The power is gone, or the process killed: nothing that is still done has any effect.
    pub dead: bool,
    pub died: Arc<Notify>,
    pub faults: Faults,
    pub faults_made: u64,
    pub mutation: Option<Mutation>,
    /// Was the last thing that was synced a directory?
    pub synced_directory: bool,
    /// The states of archives that a reload changes just now.
    pub reloading: Vec<PathBuf>,
    /// What a mutation has put off.
    pub put_off: Vec<PutOff>,
    /// What was at a path before somebody put another file there, by the new one's inode.
    pub replaced: BTreeMap<u64, Vec<u8>>,
    /// What happened, for whoever replays a run.
    pub trace: Option<Vec<String>>,
}

#[derive(Debug, Clone)]
pub struct Node {
    pub device: u64,
    pub born: u64,
    pub kind: Kind,
}

#[derive(Debug, Clone)]
pub enum Kind {
    File(Content),
    Dir(Directory),
}

pub const ROOT: u64 = 1;

impl State {
    pub fn die(&mut self) {
        self.dead = true;
        self.died.notify_one();
    }

    pub fn dir(&mut self, inode: u64) -> &mut Directory {
        match &mut self.nodes.get_mut(&inode).expect("a known inode").kind {
            Kind::Dir(names) => names,
            Kind::File(_) => panic!("inode {inode} is no directory"),
        }
    }

    pub fn content(&mut self, inode: u64) -> io::Result<&mut Content> {
        match self.nodes.get_mut(&inode).map(|node| &mut node.kind) {
            Some(Kind::File(content)) => Ok(content),
            _ => Err(Fault::Io.into()),
        }
    }

    pub fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let inode = self.find(from)?;
        let ((from_dir, from_name), (to_dir, to_name)) = (self.place(from)?, self.place(to)?);
        if to_dir == from_dir {
            self.dir(to_dir).rename(&from_name, &to_name, inode);
        } else {
            self.dir(to_dir).set(&to_name, Some(inode));
            self.dir(from_dir).set(&from_name, None);
        }
        Ok(())
    }

    pub fn find(&self, path: &Path) -> io::Result<u64> {
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
    pub fn place(&self, path: &Path) -> io::Result<(u64, String)> {
        let mut above = names(path);
        let name = above.pop().ok_or(io::ErrorKind::InvalidInput)?;
        let dir = self.find(path.parent().ok_or(io::ErrorKind::InvalidInput)?)?;
        match &self.nodes[&dir].kind {
            Kind::Dir(_) => Ok((dir, name)),
            Kind::File(_) => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    pub fn add(&mut self, dir: u64, name: &str, kind: Kind) -> u64 {
        self.created += 1;
        // As on many file systems, a free number is soon used again.
        let first = if self.tells_births {
            ROOT
        } else {
            ROOT + self.created
        };
        let inode = (first..).find(|inode| !self.nodes.contains_key(inode));
        let inode = inode.expect("numbers don't end");
        let (device, born) = (self.nodes[&dir].device, self.created);
        self.nodes.insert(inode, Node { device, born, kind });
        self.dir(dir).set(name, Some(inode));
        inode
    }

    pub fn add_settled(&mut self, dir: u64, name: &str, kind: Kind) -> u64 {
        let inode = self.add(dir, name, kind);
        self.dir(dir).sync();
        inode
    }

    /// Notes when a process writes what another one has locked: the file itself, or the directory's lock.
    pub fn watch(&mut self, path: &Path, inode: u64, process: u32) {
        let lock = self.find(&path.with_file_name("lock")).ok();
        let locks = [Some(inode), lock].into_iter().flatten();
        let mut holders = locks.filter_map(|inode| self.locks.get(&inode));
        if let Some((_, holder)) = holders.find(|(_, holder)| *holder != process) {
            let path = path.display();
            self.trespass = Some(format!("{path}: written by {process}, locked by {holder}"));
        }
    }

    pub fn forget_unreachable(&mut self) {
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

    pub fn stat(&self, inode: u64) -> Stat {
        let node = &self.nodes[&inode];
        let length = match &node.kind {
            Kind::File(content) => content.live().len() as u64,
            Kind::Dir(_) => 0,
        };
        Stat {
            length,
            device: node.device,
            inode,
            born: self.tells_births.then_some(node.born),
            is_file: matches!(node.kind, Kind::File(_)),
        }
    }

    /// What all files hold, in bytes.
    pub fn used(&self) -> usize {
        let nodes = self.nodes.values();
        nodes
            .map(|node| match &node.kind {
                Kind::File(content) => content.live().len(),
                Kind::Dir(_) => 0,
            })
            .sum()
    }
}

pub fn names(path: &Path) -> Vec<String> {
    let parts = path.components();
    parts
        .filter_map(|part| match part {
            Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
            _ => None,
        })
        .collect()
}
