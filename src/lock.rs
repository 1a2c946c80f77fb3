//! One owner: who may write an archive's files.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::checkpoint::PAGE;
use crate::fs::{File, Fs, NotOwn};

/// Held for as long as the archive is this process's.
pub struct Lock {
    _file: Arc<dyn File>,
}

/// Why the lock was not had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error(
        "{} belongs to another archiver{}; stop that one first",
        what.display(),
        pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default()
    )]
    Taken { what: PathBuf, pid: Option<u32> },
    /// This process has it still, from an attempt before.
    #[error("{} is still being closed", what.display())]
    Closing { what: PathBuf },
    /// What is there is no lock of archiver's, and is not touched.
    #[error("{} is not archiver's lock: {found}; move it away; see {PAGE}", path.display())]
    NotOwn { path: PathBuf, found: NotOwn },
    /// The file system said no.
    #[error("locking {}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
}

impl LockError {
    fn io(path: &Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        match NotOwn::of(&source) {
            Some(found) => Self::NotOwn { path, found },
            None => Self::Io { path, source },
        }
    }
}

/// A process id and a newline, and room for more.
const LOCK_BYTES_MAX: u64 = 32;

/// Locks the archive that keeps its state beside this lock file, or says who has it. May block.
pub fn lock(fs: &dyn Fs, path: &Path, data: &Path) -> Result<Lock, LockError> {
    let io = |source| LockError::io(path, source);
    let file = match fs.create_new(path) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => fs.open_own(path),
        other => other,
    }
    .map_err(io)?;
    let length = file.stat().map_err(io)?.length;
    if length > LOCK_BYTES_MAX {
        return Err(io(NotOwn::TooLarge(length).into()));
    }
    if !file.try_lock().map_err(io)? {
        return Err(taken(fs, data, holder(fs, path, &file)));
    }
    // For people, and for where the kernel doesn't tell who holds a lock.
    file.set_len(0).map_err(io)?;
    file.append(format!("{}\n", fs.process()).as_bytes())
        .map_err(io)?;
    Ok(Lock { _file: file })
}

/// Locks the data file itself, as another archiver may keep its state elsewhere. May block.
pub fn lock_data(fs: &dyn Fs, path: &Path, file: &Arc<dyn File>) -> Result<(), LockError> {
    let io = |source| LockError::io(path, source);
    if file.try_lock().map_err(io)? {
        return Ok(());
    }
    let pid = file.stat().ok().and_then(|stat| fs.lock_holder(&stat));
    Err(taken(fs, path, pid))
}

fn taken(fs: &dyn Fs, what: &Path, pid: Option<u32>) -> LockError {
    let what = what.to_path_buf();
    if pid == Some(fs.process()) {
        LockError::Closing { what }
    } else {
        LockError::Taken { what, pid }
    }
}

/// The kernel knows it for certain; what stands in the file may be another's.
fn holder(fs: &dyn Fs, path: &Path, file: &Arc<dyn File>) -> Option<u32> {
    let known = file.stat().ok().and_then(|stat| fs.lock_holder(&stat));
    known.or_else(|| {
        let written = String::from_utf8(fs.read(path).ok()?).ok()?;
        written.trim().parse().ok()
    })
}
