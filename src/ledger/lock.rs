//! Locks: one process owns an archive, and one archive owns a data file.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::remedy::PAGE;
use crate::world::fs::{File, Fs, NotOwn};

/// An archive's lock, which ends when this is dropped.
pub struct Lock {
    _file: Arc<dyn File>,
}

/// Why a file was not locked.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it, and what is known of that one.
    #[error(
        "{} is held by another process {}; stop that one first",
        what.display(),
        known(*pid, name.as_deref())
    )]
    Taken {
        what: PathBuf,
        pid: u32,
        name: Option<String>,
    },
    /// Another process has it, and which one can't be told from here.
    #[error(
        "{} is held by another process; look for another archiver with the same archive: on this host (lslocks, as \
         root), in other containers and on other hosts that share the volume",
        what.display()
    )]
    TakenUnseen { what: PathBuf },
    /// This process still has it, from an earlier attempt.
    #[error("{} is still being closed", what.display())]
    Closing { what: PathBuf },
    /// Something else is in the place of archiver's lock, and is not touched.
    #[error("{} is not archiver's lock: {found}; move it away; see {PAGE}", path.display())]
    NotOwn { path: PathBuf, found: NotOwn },
    /// The file system said no.
    #[error("locking {}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
}

/// What an archiver is called where processes are listed.
const ARCHIVER: &str = "archiver";

/// What is known of another process.
fn known(pid: u32, name: Option<&str>) -> String {
    match name {
        Some(ARCHIVER) => format!("(pid {pid}, {ARCHIVER}), most likely with the same archive"),
        // Processes call themselves whatever they like.
        Some(name) => format!("(pid {pid}, {})", name.escape_debug()),
        None => format!("(pid {pid})"),
    }
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

/// Locks the archive whose lock file this is, or says who has locked it. May block.
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
    take(fs, &file, data, io)?;
    // For people only: an id proves nothing, as it may be of another container or host.
    file.set_len(0).map_err(io)?;
    file.append(format!("{}\n", fs.process()).as_bytes())
        .map_err(io)?;
    Ok(Lock { _file: file })
}

/// Says who has locked the archive whose lock file this is, if anybody has. Holds the lock for a moment, and changes
/// nothing. May block.
pub fn look(fs: &dyn Fs, path: &Path) -> Result<(), LockError> {
    let io = |source| LockError::io(path, source);
    match fs.open_own(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        file => take(fs, &file.map_err(io)?, path, io),
    }
}

/// Locks the data file itself, as another archiver may keep its state elsewhere. May block.
pub fn lock_data(fs: &dyn Fs, path: &Path, file: &Arc<dyn File>) -> Result<(), LockError> {
    take(fs, file, path, |source| LockError::io(path, source))
}

/// Locks a file, or says who has locked `what`.
fn take(
    fs: &dyn Fs,
    file: &Arc<dyn File>,
    what: &Path,
    io: impl Fn(io::Error) -> LockError,
) -> Result<(), LockError> {
    if file.try_lock().map_err(&io)? {
        return Ok(());
    }
    let (stat, what) = (file.stat().map_err(&io)?, what.to_path_buf());
    if fs.holds_lock(&stat) {
        return Err(LockError::Closing { what });
    }
    // It may have been this process's until a moment ago.
    if file.try_lock().map_err(&io)? {
        return Ok(());
    }
    Err(match fs.lock_holder(&stat) {
        Some(pid) => LockError::Taken {
            what,
            pid,
            name: fs.process_name(pid),
        },
        None => LockError::TakenUnseen { what },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::fs::real::RealFs;

    #[test]
    fn what_this_process_holds_is_still_being_closed() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("data");
        let fs = RealFs::default();
        let of_another_mode = fs.with_mode(None);
        let first = fs.create_new(&path).expect("a file");
        lock_data(&fs, &path, &first).expect("locked");
        let second = of_another_mode.open(&path).expect("opened");
        let refused = lock_data(&of_another_mode, &path, &second);
        assert!(matches!(refused, Err(LockError::Closing { .. })));
        drop(first);
        lock_data(&of_another_mode, &path, &second).expect("locked");
        let third = fs.open(&path).expect("opened");
        let refused = lock_data(&fs, &path, &third);
        assert!(matches!(refused, Err(LockError::Closing { .. })));
    }

    #[test]
    fn who_holds_a_lock_is_called_an_archiver_only_by_that_name() {
        let archiver = "(pid 7, archiver), most likely with the same archive";
        assert_eq!(known(7, Some("archiver")), archiver);
        assert_eq!(known(7, Some("flock")), "(pid 7, flock)");
        let forged = known(7, Some("a\n\u{1b}[2J"));
        assert_eq!(forged, r"(pid 7, a\n\u{1b}[2J)");
        assert_eq!(known(7, None), "(pid 7)");
    }

    /// What another process holds, or seems to: the record of locks is another one.
    #[test]
    fn this_process_is_not_named_to_itself() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("data");
        let (fs, other) = (RealFs::default(), RealFs::default());
        let held = other.create_new(&path).expect("a file");
        lock_data(&other, &path, &held).expect("locked");
        let file = fs.open(&path).expect("opened");
        let refused = lock_data(&fs, &path, &file);
        assert!(matches!(refused, Err(LockError::TakenUnseen { .. })));
    }
}
