//! The file system as archiver uses it: a trait, so that a test can fail and crash it, and the real one.

mod locks;
pub mod real;
mod replace;
mod unanswered;

use std::any::Any;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use archiver_format::mark::FileId;

pub use replace::replace;
pub use unanswered::{Question, Unanswered};

/// A file system. Every call may block.
pub trait Fs: Send + Sync {
    /// Opens an existing file for reading and appending.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>>;
    /// The same with a file of archiver's own: what is no regular file, or only a symbolic link to one, is
    /// [`NotOwn`].
    fn open_own(&self, path: &Path) -> io::Result<Arc<dyn File>>;
    /// Creates a file that must not exist, for reading and appending; its directory is yet to be synced.
    fn create_new(&self, path: &Path) -> io::Result<Arc<dyn File>>;
    /// Opens an existing directory, to sync the names in it.
    fn open_dir(&self, path: &Path) -> io::Result<Arc<dyn File>>;
    /// Reads a whole file of archiver's own; see [`Fs::open_own`].
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// Gives a file another name, replacing what had it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Creates one directory.
    fn create_dir(&self, path: &Path) -> io::Result<()>;
    /// What is at a path, symbolic links followed.
    fn stat(&self, path: &Path) -> io::Result<Stat>;
    /// Is there a symbolic link at this path?
    fn is_link(&self, path: &Path) -> io::Result<bool>;
    /// Makes what was written to each of these files durable; one result for each.
    fn sync(&self, files: &[Arc<dyn File>]) -> Vec<io::Result<()>>;
    /// Does this process hold the lock of this file, perhaps because it is still being closed?
    fn holds_lock(&self, file: &Stat) -> bool;
    /// The other process that holds the lock of this file, if that is certain.
    fn lock_holder(&self, file: &Stat) -> Option<u32>;
    /// What another process is called where processes are listed, if that can be told.
    fn process_name(&self, _pid: u32) -> Option<String> {
        None
    }
    /// The number of this process.
    fn process(&self) -> u32;
    /// How many bytes are free for this user on the device of a path that exists.
    fn free_bytes(&self, path: &Path) -> io::Result<u64>;
    /// The paths of everything in a directory, in any order.
    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>>;
}

/// What is found in the place of a file of archiver's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotOwn {
    /// It may lead to somebody else's file.
    #[error("it is a symbolic link")]
    Link,
    /// A pipe would never end.
    #[error("it is not a regular file")]
    NotRegular,
    /// No file that archiver keeps its state in is that large, in bytes.
    #[error("it has {0} bytes, more than it ever has")]
    TooLarge(u64),
}

impl NotOwn {
    /// What an error of the file system says of it.
    pub fn of(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref().copied()
    }
}

impl From<NotOwn> for io::Error {
    fn from(found: NotOwn) -> Self {
        Self::new(io::ErrorKind::InvalidData, found)
    }
}

/// An open file or directory.
pub trait File: Send + Sync {
    /// Writes at the end, wherever that is.
    fn append(&self, bytes: &[u8]) -> io::Result<()>;
    /// Reads until `buffer` is full, from byte `at` on.
    fn read_exact_at(&self, buffer: &mut [u8], at: u64) -> io::Result<()>;
    /// Cuts the file to this length.
    fn set_len(&self, length: u64) -> io::Result<()>;
    /// What the open file is.
    fn stat(&self) -> io::Result<Stat>;
    /// Takes the file's advisory lock for as long as it is open; `false` when somebody else has it.
    fn try_lock(&self) -> io::Result<bool>;
    /// The device it is on.
    fn device(&self) -> u64;
    /// For its file system's own use.
    fn as_any(&self) -> &dyn Any;
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// In bytes.
    pub length: u64,
    /// The device and the inode: the same file, whatever its name.
    pub device: u64,
    /// See `device`.
    pub inode: u64,
    /// When it was created, in nanoseconds since 1970, where the file system tells.
    pub born: Option<u64>,
    /// Is it a regular file?
    pub is_file: bool,
}

impl Stat {
    /// Which file it is.
    pub fn id(&self) -> FileId {
        FileId {
            inode: self.inode,
            born: self.born,
        }
    }
}

/// Creates a directory and those above it. Returns the directories above, to be synced: also those that were there,
/// as whoever created them may have been stopped before syncing them.
pub fn create_dirs(fs: &dyn Fs, path: &Path) -> io::Result<Vec<Arc<dyn File>>> {
    create_missing(fs, path)?;
    let device = fs.open_dir(path)?.device();
    let mut above = Vec::new();
    for dir in path.ancestors().skip(1) {
        let dir = match dir {
            empty if empty == Path::new("") => Path::new("."),
            dir => dir,
        };
        match fs.open_dir(dir) {
            Ok(dir) if dir.device() == device => above.push(dir),
            // Names on another device, or in a directory that may not be read, are not of this program's making.
            Ok(_) => break,
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied => break,
            Err(e) => return Err(e),
        }
    }
    Ok(above)
}

fn create_missing(fs: &dyn Fs, path: &Path) -> io::Result<()> {
    match fs.stat(path) {
        Ok(_) => return Ok(()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        Err(e) => return Err(e),
    }
    create_missing(fs, parent(path))?;
    match fs.create_dir(path) {
        // Another archive was faster.
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        done => done,
    }
}

/// Removes a file that need not be there.
pub fn remove_if_there(fs: &dyn Fs, path: &Path) -> io::Result<()> {
    match fs.remove(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// Makes the names in a directory durable.
pub fn sync_dir(fs: &dyn Fs, dir: &Path) -> io::Result<()> {
    let dir = fs.open_dir(dir)?;
    fs.sync(&[dir]).into_iter().collect()
}

/// The directory that holds this path.
pub fn parent(path: &Path) -> &Path {
    directory(path.parent().unwrap_or(Path::new("")))
}

/// A directory, whose path may be empty: then it is the working directory.
pub fn directory(path: &Path) -> &Path {
    match path == Path::new("") {
        true => Path::new("."),
        false => path,
    }
}

/// Reads an open file from its start on.
pub struct Reading<'a> {
    file: &'a dyn File,
    at: u64,
    left: u64,
}

impl<'a> Reading<'a> {
    /// Reads the file's first `length` bytes.
    pub fn new(file: &'a dyn File, length: u64) -> Self {
        Self {
            file,
            at: 0,
            left: length,
        }
    }

    /// Reads the file from one byte up to another one.
    pub fn between(file: &'a dyn File, from: u64, to: u64) -> Self {
        Self {
            file,
            at: from,
            left: to.saturating_sub(from),
        }
    }
}

impl Read for Reading<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        self.file.read_exact_at(&mut buffer[..most], self.at)?;
        self.at += most as u64;
        self.left -= most as u64;
        Ok(most)
    }
}
