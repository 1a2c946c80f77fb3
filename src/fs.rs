//! The file system as archiver uses it: a trait, so that a test can fail and crash it, and the real one.

use std::any::Any;
use std::collections::HashMap;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

/// A file system. Every call may block.
pub trait Fs: Send + Sync {
    /// Opens an existing file for reading and appending.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>>;
    /// Creates a file that must not exist, for reading and appending; its directory is yet to be synced.
    fn create_new(&self, path: &Path) -> io::Result<Arc<dyn File>>;
    /// Opens an existing directory, to sync the names in it.
    fn open_dir(&self, path: &Path) -> io::Result<Arc<dyn File>>;
    /// Reads a whole file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// Gives a file another name, replacing what had it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Creates one directory.
    fn create_dir(&self, path: &Path) -> io::Result<()>;
    /// What is at a path, symbolic links followed.
    fn stat(&self, path: &Path) -> io::Result<Stat>;
    /// Makes what was written to each of these files durable; one result for each.
    fn sync(&self, files: &[Arc<dyn File>]) -> Vec<io::Result<()>>;
    /// The process that holds the lock of this file, if that can be found out.
    fn lock_holder(&self, file: &Stat) -> Option<u32>;
    /// The number of this process.
    fn process(&self) -> u32;
    /// The paths of everything in a directory, in any order.
    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>>;
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

/// Tells a file from one that got its inode later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileId {
    /// The inode; devices are numbered anew at each boot.
    pub inode: u64,
    /// See [`Stat::born`].
    pub born: Option<u64>,
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

impl From<fs::Metadata> for Stat {
    fn from(meta: fs::Metadata) -> Self {
        Self {
            length: meta.len(),
            device: meta.dev(),
            inode: meta.ino(),
            born: meta
                .created()
                .ok()
                .and_then(|born| born.duration_since(std::time::UNIX_EPOCH).ok())
                .and_then(|born| u64::try_from(born.as_nanos()).ok()),
            is_file: meta.is_file(),
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

/// The directory that holds this path.
pub fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(above) if above != Path::new("") => above,
        _ => Path::new("."),
    }
}

/// The operating system's file system.
#[derive(Default)]
pub struct RealFs {
    devices: Mutex<HashMap<u64, Arc<Device>>>,
}

/// One mounted file system, for syncing many of its files at once.
struct Device {
    /// Open since before the first write to it, so that no write-back error since then can escape `syncfs`
    /// (it reports errors since its descriptor was opened).
    handle: fs::File,
    /// How often syncing it as a whole has failed. The failure is reported to one caller only, but any
    /// file that was open then may be hit.
    failures: AtomicU64,
}

/// A file of the operating system.
pub struct RealFile {
    file: fs::File,
    is_dir: bool,
    device_id: u64,
    device: Arc<Device>,
    failures_when_opened: u64,
}

/// From this many files of a device on, they are synced by one `syncfs` and not one by one.
const SYNC_TOGETHER: usize = 16;

impl RealFs {
    fn devices(&self) -> MutexGuard<'_, HashMap<u64, Arc<Device>>> {
        self.devices.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wrap(&self, file: fs::File, path: &Path) -> io::Result<Arc<dyn File>> {
        let meta = file.metadata()?;
        let (device_id, is_dir) = (meta.dev(), meta.is_dir());
        let known = self.devices().get(&device_id).cloned();
        let device = match known {
            Some(device) => device,
            None => {
                // Opened while nobody else has to wait: this device may not answer.
                let handle = fs::File::open(if is_dir { path } else { parent(path) })?;
                let failures = AtomicU64::new(0);
                let opened = Arc::new(Device { handle, failures });
                Arc::clone(self.devices().entry(device_id).or_insert(opened))
            }
        };
        Ok(Arc::new(RealFile {
            failures_when_opened: device.failures.load(Ordering::SeqCst),
            file,
            is_dir,
            device_id,
            device,
        }))
    }
}

/// Files and directories are not for others.
const FILE_MODE: u32 = 0o640;
const DIR_MODE: u32 = 0o750;

impl Fs for RealFs {
    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let file = fs::OpenOptions::new().read(true).append(true).open(path)?;
        self.wrap(file, path)
    }

    fn create_new(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let mut how = fs::OpenOptions::new();
        how.read(true).append(true).create_new(true).mode(FILE_MODE);
        self.wrap(how.open(path)?, path)
    }

    fn open_dir(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.wrap(fs::File::open(path)?, path)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        fs::DirBuilder::new().mode(DIR_MODE).create(path)
    }

    fn stat(&self, path: &Path) -> io::Result<Stat> {
        fs::metadata(path).map(Stat::from)
    }

    fn sync(&self, files: &[Arc<dyn File>]) -> Vec<io::Result<()>> {
        let real = files
            .iter()
            .map(|file| file.as_any().downcast_ref::<RealFile>());
        let real = real.collect::<Vec<_>>();
        let mut per_device = HashMap::<u64, usize>::new();
        for file in real.iter().flatten() {
            *per_device.entry(file.device_id).or_default() += 1;
        }
        let mut together = HashMap::new();
        real.iter()
            .map(|file| {
                let file = file.ok_or(io::ErrorKind::Unsupported)?;
                let id = file.device_id;
                if per_device.get(&id).copied().unwrap_or(0) < SYNC_TOGETHER {
                    return file.check().and_then(|()| file.sync());
                }
                together
                    .entry(id)
                    .or_insert_with(|| file.device.sync())
                    .map_err(io::Error::from_raw_os_error)?;
                file.check()
            })
            .collect()
    }

    fn lock_holder(&self, file: &Stat) -> Option<u32> {
        // Lines such as `1: FLOCK  ADVISORY  WRITE 4711 fe:00:123456 0 EOF`, device numbers in hex (proc(5)).
        let locks = fs::read_to_string("/proc/locks").ok()?;
        locks.lines().find_map(|line| {
            let mut words = line.split_whitespace().skip(1);
            if words.next()? != "FLOCK" {
                return None;
            }
            let pid = words.nth(2)?.parse::<u32>().ok()?;
            let inode = words.next()?.rsplit(':').next()?.parse::<u64>().ok()?;
            (inode == file.inode).then_some(pid)
        })
    }

    fn process(&self) -> u32 {
        std::process::id()
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        let entries = fs::read_dir(dir)?;
        entries.map(|entry| Ok(entry?.path())).collect()
    }
}

impl Device {
    /// The error is a raw OS error, as it must be told to several.
    fn sync(&self) -> Result<(), i32> {
        rustix::fs::syncfs(&self.handle).map_err(|e| {
            self.failures.fetch_add(1, Ordering::SeqCst);
            e.raw_os_error()
        })
    }
}

impl RealFile {
    fn sync(&self) -> io::Result<()> {
        if self.is_dir {
            self.file.sync_all()
        } else {
            self.file.sync_data()
        }
    }

    fn check(&self) -> io::Result<()> {
        if self.device.failures.load(Ordering::SeqCst) == self.failures_when_opened {
            return Ok(());
        }
        Err(io::Error::other(
            "an earlier write to this file system was lost",
        ))
    }
}

impl File for RealFile {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        (&self.file).write_all(bytes)
    }

    fn read_exact_at(&self, buffer: &mut [u8], at: u64) -> io::Result<()> {
        self.file.read_exact_at(buffer, at)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.file.set_len(length)
    }

    fn stat(&self) -> io::Result<Stat> {
        self.file.metadata().map(Stat::from)
    }

    fn try_lock(&self) -> io::Result<bool> {
        match self.file.try_lock() {
            Ok(()) => Ok(true),
            Err(fs::TryLockError::WouldBlock) => Ok(false),
            Err(fs::TryLockError::Error(e)) => Err(e),
        }
    }

    fn device(&self) -> u64 {
        self.device_id
    }

    fn as_any(&self) -> &dyn Any {
        self
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
