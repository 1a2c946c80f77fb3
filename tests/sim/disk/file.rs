//! An open file or directory of the simulated file system.

use std::any::Any;
use std::io;
use std::path::PathBuf;

use super::mutation::PutOff;
use super::state::{Kind, State};
use super::{Fault, Mutation, SimFs, unless};
use crate::world::fs::{File, Stat};

/// An open file or directory.
pub struct SimFile {
    pub(super) fs: SimFs,
    pub(super) path: PathBuf,
    pub(super) inode: u64,
    pub(super) device: u64,
    /// Tells open files apart.
    pub(super) id: u64,
}

impl SimFile {
    fn operate<T>(
        &self,
        what: &str,
        run: impl FnOnce(&mut State, Option<Fault>) -> io::Result<T>,
    ) -> io::Result<T> {
        self.fs.operate(what, &self.path, run)
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        self.operate("sync", |state, fault| {
            let (inode, random) = (self.inode, state.random.clone());
            let content = match &state.nodes[&inode].kind {
                Kind::File(content) => Some(content),
                Kind::Dir(_) => None,
            };
            let skips = fault.is_none() && state.skips_sync(&self.path, content);
            let is_directory = content.is_none();
            state.synced_directory = is_directory;
            if skips {
                return Ok(());
            }
            if is_directory {
                unless(fault)?;
                state.dir(inode).sync();
                return Ok(());
            }
            if fault.is_some() {
                state.content(inode)?.drop_pages(&random);
                if state.mutation != Some(Mutation::RetriedSync) {
                    return unless(fault);
                }
            }
            if state.delays_sync(&self.path) {
                state.put_off.push(PutOff::Sync(inode));
            } else {
                state.content(inode)?.sync();
            }
            Ok(())
        })
    }
}

impl File for SimFile {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        self.operate("append", |state, fault| {
            let room = match state.faults.room {
                Some(room) => room.saturating_sub(state.used()),
                None => usize::MAX,
            };
            let (fault, fits) = match fault {
                Some(fault) => (Some(fault), state.random.between(0, bytes.len())),
                None if bytes.len() > room => (Some(Fault::Full), room),
                None => (None, bytes.len()),
            };
            state.watch(&self.path, self.inode, self.fs.process);
            if state.delays_write(&self.path) && fault.is_none() {
                state.put_off.push(PutOff::Write(self.inode, bytes.into()));
                return Ok(());
            }
            let content = state.content(self.inode)?;
            if fits > 0 {
                content.append(&bytes[..fits]);
            }
            unless(fault)
        })
    }

    fn read_exact_at(&self, buffer: &mut [u8], at: u64) -> io::Result<()> {
        self.operate("read part", |state, fault| {
            unless(fault)?;
            let from = usize::try_from(at).unwrap_or(usize::MAX);
            let bytes = match state.mutation {
                Some(Mutation::NoFingerprint) => state.replaced.get(&self.inode).cloned(),
                _ => None,
            };
            let bytes = match bytes {
                Some(bytes) => bytes,
                None => state.content(self.inode)?.live().to_vec(),
            };
            let end = from.saturating_add(buffer.len());
            let part = bytes.get(from..end).ok_or(io::ErrorKind::UnexpectedEof)?;
            buffer.copy_from_slice(part);
            Ok(())
        })
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.operate("set length", |state, fault| {
            unless(fault)?;
            let content = state.content(self.inode)?;
            content.set_len(usize::try_from(length).unwrap_or(usize::MAX));
            Ok(())
        })
    }

    fn stat(&self) -> io::Result<Stat> {
        self.operate("stat open", |state, fault| {
            unless(fault)?;
            let stat = state.stat(self.inode);
            let length = stat.length + state.buffered(self.inode) as u64;
            Ok(Stat { length, ..stat })
        })
    }

    fn try_lock(&self) -> io::Result<bool> {
        self.operate("lock", |state, fault| {
            unless(fault)?;
            let this = (self.id, self.fs.process);
            let (holder, _) = *state.locks.entry(self.inode).or_insert(this);
            Ok(holder == self.id || state.mutation == Some(Mutation::NoLock))
        })
    }

    fn device(&self) -> u64 {
        self.device
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Drop for SimFile {
    fn drop(&mut self) {
        let mut state = self.fs.state();
        if state
            .locks
            .get(&self.inode)
            .is_some_and(|(holder, _)| *holder == self.id)
        {
            state.locks.remove(&self.inode);
        }
    }
}
