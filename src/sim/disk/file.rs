//! An open file or directory of the simulated file system.

use std::any::Any;
use std::io;
use std::path::PathBuf;

use super::mutation::PutOff;
use super::{Fault, Kind, Mutation, SimFs, State, unless};
use crate::fs::{File, Stat};

/// An open file or directory.
pub struct SimFile {
    pub(super) fs: SimFs,
    pub(super) path: PathBuf,
    pub(super) inode: u64,
    pub(super) device: u64,
    /// The process that opened it.
    pub(super) generation: u64,
    /// Tells open files apart.
    pub(super) id: u64,
}

impl SimFile {
    fn operate<T>(
        &self,
        what: &str,
        run: impl FnOnce(&mut State, Option<Fault>) -> io::Result<T>,
    ) -> io::Result<T> {
        self.fs.operate(what, &self.path, |state, fault| {
            if self.generation == state.generation {
                run(state, fault)
            } else {
                Err(Fault::Io.into())
            }
        })
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        self.operate("sync", |state, fault| {
            let (inode, random) = (self.inode, state.random.clone());
            let is_dir = matches!(state.nodes[&inode].kind, Kind::Dir(_));
            if fault.is_none() && state.skips_sync(&self.path, is_dir) {
                return Ok(());
            }
            if is_dir {
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
            Ok(state.stat(self.inode))
        })
    }

    fn try_lock(&self) -> io::Result<bool> {
        self.operate("lock", |state, fault| {
            unless(fault)?;
            let holder = *state.locks.entry(self.inode).or_insert(self.id);
            Ok(holder == self.id)
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
        if self.generation == state.generation && state.locks.get(&self.inode) == Some(&self.id) {
            state.locks.remove(&self.inode);
        }
    }
}
