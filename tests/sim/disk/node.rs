//! Files and directories as a disk keeps them: what is on it, what the page cache shows, and what happened in
//! between.

use std::collections::BTreeMap;

use super::loss::{Loss, Names};
use crate::sim::random::Random;

/// What a crash may tear a write into, in bytes.
const SECTOR: usize = 64;

/// A file's content.
#[derive(Debug, Clone, Default)]
pub struct Content {
    /// What is on the disk for certain.
    disk: Vec<u8>,
    /// What reading shows.
    live: Vec<u8>,
    /// What the disk doesn't have for certain, in order.
    pending: Vec<Change>,
}

#[derive(Debug, Clone)]
enum Change {
    Append(Vec<u8>),
    Cut(usize),
}

impl Content {
    /// A file that has been on the disk for long.
    pub fn settled(bytes: &[u8]) -> Self {
        Self {
            disk: bytes.into(),
            live: bytes.into(),
            pending: Vec::new(),
        }
    }

    pub fn live(&self) -> &[u8] {
        &self.live
    }

    pub fn append(&mut self, bytes: &[u8]) {
        self.live.extend_from_slice(bytes);
        self.pending.push(Change::Append(bytes.into()));
    }

    pub fn set_len(&mut self, length: usize) {
        self.live.resize(length, 0);
        self.pending.push(Change::Cut(length));
    }

    /// Was it cut since it was synced, and not written since?
    pub fn was_just_cut(&self) -> bool {
        matches!(self.pending.last(), Some(Change::Cut(_)))
    }

    pub fn sync(&mut self) {
        for change in self.pending.drain(..) {
            change.apply(&mut self.disk);
        }
    }

    /// A sync fails: some pages are taken for clean though they never reached the disk. The file's length will;
    /// reading may still show them.
    pub fn drop_pages(&mut self, random: &Random) {
        let forget = random.once_in(2);
        for change in &mut self.pending {
            if let Change::Append(bytes) = change
                && !random.once_in(3)
            {
                bytes.fill(0);
            }
        }
        if forget {
            self.live.clone_from(&self.disk);
            for change in &self.pending {
                change.apply(&mut self.live);
            }
        }
    }

    /// The power goes.
    pub fn lose(&mut self, loss: Loss, random: &Random) {
        let (stable, all) = (self.untouched(), self.pending.len());
        let mut kept = self.disk.clone();
        let keep = |kept: &mut Vec<u8>, changes: &[Change]| {
            changes.iter().for_each(|change| change.apply(kept));
        };
        match loss {
            Loss::Nothing => keep(&mut kept, &self.pending),
            Loss::Everything => {}
            Loss::Later => keep(&mut kept, &self.pending[..random.between(0, all)]),
            Loss::Torn => {
                let whole = random.below(all);
                keep(&mut kept, &self.pending[..whole]);
                if let Some(Change::Append(bytes)) = self.pending.get(whole) {
                    kept.extend_from_slice(&bytes[..random.between(0, bytes.len())]);
                }
            }
            Loss::Content => {
                keep(&mut kept, &self.pending);
                let from = random.between(stable.min(kept.len()), kept.len());
                kept[from..].fill(0);
            }
            Loss::Sectors => kept = self.lose_sectors(stable, random),
        }
        *self = Self::settled(&kept);
    }

    /// Any sector of what was touched is old, new or empty, and the length is any that it had.
    fn lose_sectors(&self, stable: usize, random: &Random) -> Vec<u8> {
        let mut newest = self.disk.clone();
        let mut lengths = vec![newest.len()];
        let mut longest = newest.clone();
        for change in &self.pending {
            change.apply(&mut newest);
            lengths.push(newest.len());
            if newest.len() > longest.len() {
                longest.resize(newest.len(), 0);
            }
        }
        let length = random.pick(&lengths);
        let mut kept = vec![0; length];
        kept[..stable.min(length)].copy_from_slice(&self.disk[..stable.min(length)]);
        let mut at = stable;
        while at < length {
            let end = (at - at % SECTOR + SECTOR).min(length);
            let source = random.pick(&[Some(&self.disk), Some(&newest), Some(&newest), None]);
            for (index, byte) in kept.iter_mut().enumerate().take(end).skip(at) {
                *byte = source.and_then(|s| s.get(index)).copied().unwrap_or(0);
            }
            at = end;
        }
        kept
    }

    /// Up to where nothing was touched since it was certain.
    fn untouched(&self) -> usize {
        let mut stable = self.disk.len();
        for change in &self.pending {
            if let Change::Cut(length) = change {
                stable = stable.min(*length);
            }
        }
        stable
    }
}

impl Change {
    fn apply(&self, to: &mut Vec<u8>) {
        match self {
            Self::Append(bytes) => to.extend_from_slice(bytes),
            Self::Cut(length) => to.resize(*length, 0),
        }
    }
}

/// The names in a directory, and the inodes that they lead to.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    disk: BTreeMap<String, u64>,
    live: BTreeMap<String, u64>,
    /// What became of names since they were certain, in order: of those that changed together, one change.
    pending: Vec<Vec<(String, Option<u64>)>>,
}

impl Directory {
    pub fn get(&self, name: &str) -> Option<u64> {
        self.live.get(name).copied()
    }

    pub fn live(&self) -> impl Iterator<Item = (&String, u64)> {
        self.live.iter().map(|(name, &inode)| (name, inode))
    }

    pub fn set(&mut self, name: &str, inode: Option<u64>) {
        self.change(vec![(name.into(), inode)]);
    }

    /// Gives a file another name in this directory. A file system that keeps a journal does that as one.
    pub fn rename(&mut self, from: &str, to: &str, inode: u64) {
        self.change(vec![(to.into(), Some(inode)), (from.into(), None)]);
    }

    fn change(&mut self, changes: Vec<(String, Option<u64>)>) {
        for change in &changes {
            apply(change, &mut self.live);
        }
        self.pending.push(changes);
    }

    pub fn sync(&mut self) {
        self.disk.clone_from(&self.live);
        self.pending.clear();
    }

    /// The power goes.
    pub fn lose(&mut self, names: Names, random: &Random) {
        let count = match names {
            Names::Kept | Names::Any => self.pending.len(),
            Names::Lost => 0,
            Names::InOrder => random.between(0, self.pending.len()),
        };
        let mut kept = self.pending.drain(..).take(count).collect::<Vec<_>>();
        if names == Names::Any {
            kept.retain(|_| random.once_in(2));
        }
        for change in kept.iter().flatten() {
            apply(change, &mut self.disk);
        }
        self.live.clone_from(&self.disk);
    }
}

fn apply((name, inode): &(String, Option<u64>), names: &mut BTreeMap<String, u64>) {
    match inode {
        Some(inode) => names.insert(name.clone(), *inode),
        None => names.remove(name),
    };
}
