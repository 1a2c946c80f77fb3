//! Open files of the operating system, and the devices that they are on.

use std::any::Any;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crate::world::fs::locks::{Locks, OwnLock};
use crate::world::fs::{File, Question, Stat, Unanswered};

/// One mounted file system, for syncing many of its files at once.
pub(super) struct Device {
    /// Open since before the first write to it, so that no write-back error since then can escape `syncfs`
    /// (it reports errors since its descriptor was opened).
    pub handle: fs::File,
    /// How often syncing it as a whole has failed. The failure is reported to one caller only, but any
    /// file that was open then may be hit.
    pub failures: AtomicU64,
}

/// A file of the operating system.
pub(super) struct RealFile {
    pub file: fs::File,
    pub is_dir: bool,
    pub device_id: u64,
    pub device: Arc<Device>,
    pub failures_when_opened: u64,
    pub path: Arc<Path>,
    pub calls: Unanswered,
    pub locks: Arc<Locks>,
    /// Below `file`, as it is dropped after it.
    pub lock: OnceLock<OwnLock>,
}

impl Device {
    /// Makes durable what was written to any file of it. The error is a raw OS error, as it must be told to several.
    pub fn sync(&self) -> Result<(), i32> {
        rustix::fs::syncfs(&self.handle).map_err(|e| {
            self.failures.fetch_add(1, Ordering::SeqCst);
            e.raw_os_error()
        })
    }
}

impl RealFile {
    /// Notes that something is asked of it.
    pub fn call(&self) -> Question {
        self.calls.ask(&self.path)
    }

    /// Makes durable what was written to it, or the names in it.
    pub fn sync(&self) -> io::Result<()> {
        if self.is_dir {
            self.file.sync_all()?;
            // XFS that has shut down after an error says of a directory that it is durable, but can't say what it is.
            self.file.metadata().map(drop)
        } else {
            self.file.sync_data()
        }
    }

    /// Fails if its device has lost something since it was opened.
    pub fn check(&self) -> io::Result<()> {
        if self.device.failures.load(Ordering::SeqCst) == self.failures_when_opened {
            return Ok(());
        }
        Err(io::Error::other(
            "an earlier write to this file system was lost",
        ))
    }
}

/// For a larger write the page cache looks for larger pieces of free memory. On a virtual machine those have often gone
/// back to its host, and writes took five times as long.
const WRITE_MOST: usize = 64 << 10;

impl File for RealFile {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        bytes.chunks(WRITE_MOST).try_for_each(|piece| {
            let _call = self.call();
            (&self.file).write_all(piece)
        })
    }

    fn read_exact_at(&self, buffer: &mut [u8], at: u64) -> io::Result<()> {
        let _call = self.call();
        self.file.read_exact_at(buffer, at)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let _call = self.call();
        self.file.set_len(length)
    }

    fn stat(&self) -> io::Result<Stat> {
        let _call = self.call();
        self.file.metadata().map(Stat::from)
    }

    fn try_lock(&self) -> io::Result<bool> {
        let _call = self.call();
        let stat = self.stat()?;
        match self.file.try_lock() {
            Ok(()) => {
                self.lock.get_or_init(|| self.locks.note(&stat));
                Ok(true)
            }
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
