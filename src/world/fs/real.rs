//! The operating system's file system. Each call is noted before it is made, as one that hangs can't say so.

mod file;

use std::collections::HashMap;
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::locks::{self, Locks};
use super::{File, Fs, NotOwn, Question, Stat, Unanswered, parent};
use file::{Device, RealFile};

/// The operating system's file system.
#[derive(Default, Clone)]
pub struct RealFs {
    devices: Arc<Mutex<HashMap<u64, Arc<Device>>>>,
    locks: Arc<Locks>,
    /// For what is created; `None` stands for the usual one, less the umask.
    mode: Option<FileMode>,
    calls: Unanswered,
}

/// Who may read and write files that are created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileMode(u32);

impl FileMode {
    /// Files are not for others.
    const USUAL: Self = Self(0o640);

    /// Of permission bits. Their owner must be able to open files again, and nobody runs them.
    pub fn new(bits: u32) -> Option<Self> {
        (bits & 0o600 == 0o600 && bits & !0o666 == 0).then_some(Self(bits))
    }

    /// Of a directory: whoever reads a file may get at it.
    fn of_dir(self) -> u32 {
        self.0 | (self.0 & 0o444) >> 2
    }
}

/// From this many files of a device on, they are synced by one `syncfs` and not one by one.
const SYNC_TOGETHER: usize = 16;

/// A state file of more than this isn't one: a checkpoint takes some 20 bytes for each partition.
const OWN_BYTES_MAX: u64 = 64 << 20;
/// For opening what may be anything: a pipe without anybody at its other end, a terminal.
const CAREFULLY: i32 = libc::O_NONBLOCK | libc::O_NOCTTY;

impl RealFs {
    /// The same file system, giving what it creates exactly this mode, or the usual one less the umask, and with its
    /// own notes of calls.
    pub fn with_mode(&self, mode: Option<FileMode>) -> Self {
        Self {
            mode,
            calls: Unanswered::default(),
            ..self.clone()
        }
    }

    /// Calls that were made and have not come back, of its files too.
    pub fn calls(&self) -> &Unanswered {
        &self.calls
    }

    fn call(&self, path: &Path) -> Question {
        self.calls.ask(&Arc::from(path))
    }

    /// Lets what was just created have the mode as it was wanted: the umask has taken its part away.
    fn settle_mode(&self, created: &fs::File, bits: impl Fn(FileMode) -> u32) -> io::Result<()> {
        match self.mode {
            Some(mode) => created.set_permissions(fs::Permissions::from_mode(bits(mode))),
            None => Ok(()),
        }
    }

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
        Ok(Arc::new(self.on(device, file, &meta, path)))
    }

    /// A file that was just opened on this device.
    fn on(
        &self,
        device: Arc<Device>,
        file: fs::File,
        meta: &fs::Metadata,
        path: &Path,
    ) -> RealFile {
        RealFile {
            failures_when_opened: device.failures.load(Ordering::SeqCst),
            file,
            is_dir: meta.is_dir(),
            device_id: meta.dev(),
            device,
            path: Arc::from(path),
            calls: self.calls.clone(),
            locks: Arc::clone(&self.locks),
            lock: OnceLock::new(),
        }
    }
}

/// Opens a file of archiver's own.
fn open_own(how: &mut fs::OpenOptions, path: &Path) -> io::Result<fs::File> {
    let file = how.custom_flags(CAREFULLY | libc::O_NOFOLLOW).open(path);
    let file = file.map_err(|e| match e.raw_os_error() {
        Some(libc::ELOOP) => NotOwn::Link.into(),
        Some(libc::EISDIR | libc::ENXIO | libc::ENODEV) => NotOwn::NotRegular.into(),
        _ => e,
    })?;
    if !file.metadata()?.is_file() {
        return Err(NotOwn::NotRegular.into());
    }
    Ok(file)
}

impl Fs for RealFs {
    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let _call = self.call(path);
        let mut how = fs::OpenOptions::new();
        how.read(true).append(true).custom_flags(CAREFULLY);
        self.wrap(how.open(path)?, path)
    }

    fn open_own(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let _call = self.call(path);
        let file = open_own(fs::OpenOptions::new().read(true).append(true), path)?;
        self.wrap(file, path)
    }

    fn create_new(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let _call = self.call(path);
        let mode = self.mode.unwrap_or(FileMode::USUAL);
        let mut how = fs::OpenOptions::new();
        how.read(true).append(true).create_new(true).mode(mode.0);
        let file = how.open(path)?;
        self.settle_mode(&file, |mode| mode.0)?;
        self.wrap(file, path)
    }

    fn open_dir(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let _call = self.call(path);
        let mut how = fs::OpenOptions::new();
        self.wrap(
            how.read(true).custom_flags(libc::O_DIRECTORY).open(path)?,
            path,
        )
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let _call = self.call(path);
        let file = open_own(fs::OpenOptions::new().read(true), path)?;
        let length = file.metadata()?.len();
        if length > OWN_BYTES_MAX {
            return Err(NotOwn::TooLarge(length).into());
        }
        let mut bytes = Vec::new();
        file.take(OWN_BYTES_MAX).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let _call = self.call(to);
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let _call = self.call(path);
        fs::remove_file(path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        let _call = self.call(path);
        let mode = self.mode.unwrap_or(FileMode::USUAL);
        fs::DirBuilder::new().mode(mode.of_dir()).create(path)?;
        if self.mode.is_none() {
            return Ok(());
        }
        let flags = libc::O_DIRECTORY | libc::O_NOFOLLOW;
        let mut how = fs::OpenOptions::new();
        let created = how.read(true).custom_flags(flags).open(path)?;
        self.settle_mode(&created, FileMode::of_dir)
    }

    fn stat(&self, path: &Path) -> io::Result<Stat> {
        let _call = self.call(path);
        fs::metadata(path).map(Stat::from)
    }

    fn is_link(&self, path: &Path) -> io::Result<bool> {
        let _call = self.call(path);
        fs::symlink_metadata(path).map(|found| found.is_symlink())
    }

    fn sync(&self, files: &[Arc<dyn File>]) -> Vec<io::Result<()>> {
        let real = files
            .iter()
            .map(|file| file.as_any().downcast_ref::<RealFile>());
        let real = real.collect::<Vec<_>>();
        // One that hangs keeps the others waiting.
        let called = real.iter().flatten().map(|file| file.call());
        let _calls = called.collect::<Vec<_>>();
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

    fn holds_lock(&self, file: &Stat) -> bool {
        self.locks.is_own(file)
    }

    fn lock_holder(&self, file: &Stat) -> Option<u32> {
        self.locks.holder(file)
    }

    fn process_name(&self, pid: u32) -> Option<String> {
        locks::process_name(pid)
    }

    fn process(&self) -> u32 {
        std::process::id()
    }

    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        let _call = self.call(path);
        let found = rustix::fs::statvfs(path)?;
        Ok(found.f_bavail.saturating_mul(found.f_frsize))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        let _call = self.call(dir);
        let entries = fs::read_dir(dir)?;
        entries.map(|entry| Ok(entry?.path())).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("metadata").mode() & 0o7777
    }

    #[test]
    fn what_is_created_has_the_mode_that_was_asked_for_and_no_less() {
        let directory = tempfile::tempdir().expect("a directory");
        for (bits, of_dir) in [
            (0o600, 0o700),
            (0o640, 0o750),
            (0o666, 0o777),
            (0o620, 0o720),
        ] {
            let real = RealFs::default().with_mode(FileMode::new(bits));
            let dir = directory.path().join(format!("{bits:o}"));
            real.create_dir(&dir).expect("a directory");
            assert_eq!(mode(&dir), of_dir);
            let file = dir.join("file");
            real.create_new(&file).expect("a file");
            assert_eq!(mode(&file), bits);
        }
    }

    #[test]
    fn nothing_is_created_through_a_symlink() {
        let directory = tempfile::tempdir().expect("a directory");
        let (link, nothing) = (
            directory.path().join("link"),
            directory.path().join("nothing"),
        );
        symlink(&nothing, &link).expect("a link");
        let real = RealFs::default();
        let kind = |e: Option<io::Error>| e.map(|e| e.kind());
        let exists = Some(io::ErrorKind::AlreadyExists);
        assert_eq!(kind(real.create_new(&link).err()), exists);
        assert_eq!(kind(real.create_dir(&link).err()), exists);
        assert!(!nothing.exists());
    }

    #[test]
    fn files_of_its_own_are_regular_and_not_reached_by_symlinks() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = |name: &str| directory.path().join(name);
        fs::write(path("file"), "x").expect("a file");
        symlink(path("file"), path("link")).expect("a link");
        symlink(path("link"), path("circle")).expect("a link");
        fs::create_dir(path("dir")).expect("a directory");
        let fifo = rustix::fs::CWD;
        let kind = rustix::fs::FileType::Fifo;
        let owner = rustix::fs::Mode::from(0o600);
        rustix::fs::mknodat(fifo, path("pipe"), kind, owner, 0).expect("a pipe");
        let _socket = std::os::unix::net::UnixListener::bind(path("socket")).expect("a socket");
        let real = RealFs::default();
        for (name, found) in [
            ("file", None),
            ("link", Some(NotOwn::Link)),
            ("circle", Some(NotOwn::Link)),
            ("dir", Some(NotOwn::NotRegular)),
            ("pipe", Some(NotOwn::NotRegular)),
            ("socket", Some(NotOwn::NotRegular)),
        ] {
            let of = |e: Option<io::Error>| e.and_then(|e| NotOwn::of(&e));
            assert_eq!(of(real.open_own(&path(name)).err()), found, "{name}");
            assert_eq!(of(real.read(&path(name)).err()), found, "{name}");
        }
        // The data file is the user's to link.
        assert!(real.open(&path("link")).is_ok());
        assert!(real.open_dir(&path("pipe")).is_err());
    }

    #[test]
    fn a_device_that_can_not_be_synced_as_a_whole_has_synced_none_of_its_files() {
        let directory = tempfile::tempdir().expect("a directory");
        // Nothing can be done with it, and syncing it fails.
        let path_only = fs::OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_PATH)
            .open(directory.path());
        let device = Arc::new(Device {
            handle: path_only.expect("a directory"),
            failures: AtomicU64::new(0),
        });
        let (real, path) = (RealFs::default(), directory.path().join("file"));
        let open = || {
            let file = fs::File::create(&path).expect("a file");
            let meta = file.metadata().expect("metadata");
            Arc::new(real.on(Arc::clone(&device), file, &meta, &path)) as Arc<dyn File>
        };
        let files = [(); SYNC_TOGETHER].map(|()| open());
        let synced = real.sync(&files);
        assert_eq!(synced.len(), SYNC_TOGETHER);
        assert!(
            synced.iter().all(Result::is_err),
            "a failure to sync is not told: {synced:?}"
        );
        // Nor is one of them believed by itself later, but what was opened since is.
        assert!(real.sync(&files[..1])[0].is_err());
        assert!(real.sync(&[open()])[0].is_ok());
    }
}
