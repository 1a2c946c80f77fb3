//! The file system as a process uses it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::file::SimFile;
use super::mutation::PutOff;
use super::node::{Content, Directory};
use super::state::Kind;
use super::{Mutation, SimFs, unless};
use crate::world::fs::{File, Fs, Stat};

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

    /// There is nothing but files and directories.
    fn open_own(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.open(path)
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
            if state.mutation == Some(Mutation::ForgottenListing)
                && path.ends_with("first_listing.json")
            {
                return Err(io::ErrorKind::NotFound.into());
            }
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
            if state.delays_rename(to) {
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

    /// There are none.
    fn is_link(&self, _: &Path) -> io::Result<bool> {
        Ok(false)
    }

    fn sync(&self, files: &[Arc<dyn File>]) -> Vec<io::Result<()>> {
        let sync = |file: &Arc<dyn File>| {
            let file = file.as_any().downcast_ref::<SimFile>();
            file.ok_or(io::ErrorKind::Unsupported)?.sync()
        };
        files.iter().map(sync).collect()
    }

    fn holds_lock(&self, file: &Stat) -> bool {
        let state = self.state();
        let lock = state.locks.get(&file.inode);
        lock.is_some_and(|(_, process)| *process == self.process)
    }

    fn lock_holder(&self, file: &Stat) -> Option<u32> {
        let state = self.state();
        let (_, process) = *state.locks.get(&file.inode)?;
        (process != self.process).then_some(process)
    }

    fn process(&self) -> u32 {
        self.process
    }

    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        self.operate("look at the space of", path, |state, fault| {
            unless(fault)?;
            let room = state
                .faults
                .room
                .map(|room| room.saturating_sub(state.used()));
            Ok(room.map_or(1 << 40, |room| room as u64))
        })
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        self.operate("list", dir, |state, fault| {
            unless(fault)?;
            let inode = state.find(dir)?;
            match &state.nodes[&inode].kind {
                Kind::Dir(names) => Ok(names.live().map(|(name, _)| dir.join(name)).collect()),
                Kind::File(_) => Err(io::ErrorKind::NotADirectory.into()),
            }
        })
    }
}
