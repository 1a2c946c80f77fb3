//! The file system for asynchronous tasks: blocking work goes to other threads, and syncs asked for at
//! the same time are made together. Each device has its own threads and its own share of the memory, so that one
//! that hangs keeps nobody else waiting.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::convert::Infallible;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

use crate::batch::Batch;
use crate::budget::Budget;
use crate::fs::{File, Fs, Unanswered, parent, remove_if_there};

/// Files to sync, and what came of it.
type Group = Batch<Arc<dyn File>, io::Result<()>>;

/// Waited for before and after each piece of blocking work, see [`Disk::in_tasks`].
pub type Pace = Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

/// How long others wait for a thread that finds out which device something is on: it may never find out.
const HUNG: Duration = Duration::from_secs(1);
/// The same after one that has not found out in that time.
const HUNG_AGAIN: Duration = Duration::from_millis(20);

/// A file system, and how one of its devices is used.
#[derive(Clone)]
pub struct Disk {
    fs: Arc<dyn Fs>,
    /// If set, blocking work is done by tasks at this pace, and not by threads.
    pace: Option<Pace>,
    /// One group for each device, so that a slow one doesn't keep the others waiting.
    groups: Arc<Mutex<HashMap<u64, Group>>>,
    device: Device,
    devices: Arc<Devices>,
    /// What it is used for, see [`Disk::at`].
    path: Arc<Path>,
    /// Work that waits for a thread.
    jobs: Unanswered,
    /// Kept by whoever uses it, and by all work that was begun, see [`Idle`].
    user: Option<User>,
}

type User = tokio::sync::mpsc::Sender<Infallible>;

/// Tells when nobody uses a disk any more, and no work is under way that was begun through it. What nobody waits for any
/// more is done all the same: whoever comes next must not have it done to its files.
pub struct Idle(tokio::sync::mpsc::Receiver<Infallible>);

impl Idle {
    /// Waits until it is so. May be dropped and called again.
    pub async fn wait(&mut self) {
        // Nothing is ever sent: it ends with the last of them.
        let _ = self.0.recv().await;
    }
}

/// Stands for a device that can't be found out.
const UNKNOWN: u64 = 0;

type Job = Box<dyn FnOnce() + Send>;

#[derive(Clone)]
struct Device {
    /// To the threads that work for it.
    jobs: Sender<Job>,
    budget: Budget,
}

/// The devices that are in use, and the memory for all of them.
struct Devices {
    memory: u64,
    /// To the thread that finds out what is on which device; it is asked one thing at a time.
    finder: Mutex<Weak<Sender<Job>>>,
    finding: Semaphore,
    /// The last one that was asked hasn't answered in time.
    is_hung: AtomicBool,
    known: Mutex<HashMap<u64, Device>>,
}

impl Device {
    fn new(memory: u64, threads: usize) -> io::Result<Self> {
        Ok(Self {
            jobs: start("disk", threads)?,
            budget: Budget::new(memory),
        })
    }

    /// One for which nobody works.
    fn idle(memory: u64) -> Self {
        Self {
            jobs: mpsc::channel().0,
            budget: Budget::new(memory),
        }
    }

    /// Done also when nobody waits for it any more; `user` is kept until then.
    async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
        user: Option<User>,
    ) -> T {
        let (done, when_done) = oneshot::channel();
        let job = move || {
            drop(done.send(catch_unwind(AssertUnwindSafe(job))));
            drop(user);
        };
        // Its threads end only with the last sender.
        let _ = self.jobs.send(Box::new(job));
        match when_done.await {
            Ok(Ok(done)) => done,
            Ok(Err(panicked)) => resume_unwind(panicked),
            // Nobody works for it.
            Err(_) => std::future::pending().await,
        }
    }
}

/// Starts so many threads, which do what is sent to them; if there can't be as many, there are none.
fn start(name: &str, count: usize) -> io::Result<Sender<Job>> {
    let (jobs, receiver) = mpsc::channel::<Job>();
    let receiver = Arc::new(Mutex::new(receiver));
    for _ in 0..count {
        let receiver = Arc::clone(&receiver);
        let work = move || {
            loop {
                let next = receiver
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .recv();
                match next {
                    Ok(job) => job(),
                    Err(_) => break,
                }
            }
        };
        std::thread::Builder::new().name(name.into()).spawn(work)?;
    }
    Ok(jobs)
}

impl Devices {
    fn locked(&self) -> MutexGuard<'_, HashMap<u64, Device>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn locked_finder(&self) -> MutexGuard<'_, Weak<Sender<Job>>> {
        self.finder.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn finder(&self) -> io::Result<Arc<Sender<Job>>> {
        let mut finder = self.locked_finder();
        if let Some(started) = finder.upgrade() {
            return Ok(started);
        }
        let started = Arc::new(start("disk-finds", 1)?);
        *finder = Arc::downgrade(&started);
        Ok(started)
    }

    /// All that are known have the same share of the memory.
    fn get(&self, id: u64) -> io::Result<Device> {
        let mut known = self.locked();
        let device = match known.entry(id) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(new) => {
                let cores = std::thread::available_parallelism().map_or(1, usize::from);
                // One for the writing beside one on each core for the compressing.
                new.insert(Device::new(0, cores + 1)?).clone()
            }
        };
        let share = self.memory / known.len() as u64;
        known.values().for_each(|device| device.budget.limit(share));
        Ok(device)
    }
}

impl Disk {
    /// Must be used within a tokio runtime. Chunks on their way to it may hold `memory` bytes.
    pub fn new(fs: Arc<dyn Fs>, memory: u64) -> Self {
        Self {
            fs,
            pace: None,
            groups: Arc::default(),
            // Nothing is done before the device is known, see `at`.
            device: Device::idle(memory),
            devices: Arc::new(Devices {
                memory,
                finder: Mutex::default(),
                finding: Semaphore::new(1),
                is_hung: AtomicBool::new(false),
                known: Mutex::default(),
            }),
            path: Arc::from(Path::new("")),
            jobs: Unanswered::default(),
            user: None,
        }
    }

    /// The device that this path is on, or will be. Must be called before anything is run. Fails if there can't be the
    /// threads for it.
    pub async fn at(&self, path: &Path) -> io::Result<Self> {
        if self.pace.is_some() {
            return Ok(self.clone());
        }
        let (fs, path) = (Arc::clone(&self.fs), Arc::<Path>::from(path));
        let _asked = self.jobs.ask(&path);
        let of = Arc::clone(&path);
        // Kept, so that it serves all who start together, and ends with the last of them.
        let _finder = self.devices.finder()?;
        // Nobody closes it.
        let permit = self.devices.finding.acquire().await;
        let (found, mut when_found) = oneshot::channel();
        let find = move || {
            let here = |path| match path {
                path if path == Path::new("") => Path::new("."),
                path => path,
            };
            let mut above = path.ancestors().map(here);
            let stat = above.find_map(|path| fs.stat(path).ok());
            let _ = found.send(stat.map(|stat| stat.device));
        };
        // It ends only with the last sender.
        let _ = self.devices.finder()?.send(Box::new(find));
        let patience = match self.devices.is_hung.load(Ordering::Relaxed) {
            true => HUNG_AGAIN,
            false => HUNG,
        };
        let found = timeout(patience, &mut when_found).await;
        self.devices
            .is_hung
            .store(found.is_err(), Ordering::Relaxed);
        let found = match found {
            Ok(found) => found,
            Err(_) => {
                *self.devices.locked_finder() = Weak::new();
                drop(permit);
                when_found.await
            }
        };
        let device = self.devices.get(found.ok().flatten().unwrap_or(UNKNOWN));
        Ok(Self {
            device: device?,
            path: of,
            ..self.clone()
        })
    }

    /// Is nothing written to any other device?
    pub fn is_only_device(&self) -> bool {
        self.devices.locked().len() == 1
    }

    /// The memory for chunks on their way to this device.
    pub fn budget(&self) -> &Budget {
        &self.device.budget
    }

    /// Has the work done by tasks of a runtime with one thread: everything then happens in an order that can be
    /// repeated. As with threads, work that was begun goes on when nobody waits for it any more. So many devices are
    /// in use.
    pub fn in_tasks(fs: Arc<dyn Fs>, memory: u64, pace: Pace, devices: u64) -> Self {
        let disk = Self::new(fs, memory);
        let others = (1..=devices).map(|id| (id, Device::idle(0)));
        disk.devices.locked().extend(others);
        Self {
            pace: Some(pace),
            ..disk
        }
    }

    /// The same threads and syncs for another face of the same file system, with its own notes of what waits and of
    /// what is under way.
    pub fn with_fs(&self, fs: Arc<dyn Fs>) -> (Self, Idle) {
        let (user, users) = tokio::sync::mpsc::channel(1);
        let disk = Self {
            fs,
            jobs: Unanswered::default(),
            user: Some(user),
            ..self.clone()
        };
        (disk, Idle(users))
    }

    /// Work that waits for a thread.
    pub fn jobs(&self) -> &Unanswered {
        &self.jobs
    }

    /// Runs something that may block, on one of this device's threads.
    pub async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&dyn Fs) -> T + Send + 'static,
    ) -> T {
        let (fs, user) = (Arc::clone(&self.fs), self.user.clone());
        let Some(pace) = &self.pace else {
            let waits = self.jobs.ask(&self.path);
            let job = move || {
                drop(waits);
                job(&*fs)
            };
            return self.device.run(job, user).await;
        };
        let (before, after) = (pace(), Arc::clone(pace));
        let running = tokio::spawn(async move {
            before.await;
            let done = job(&*fs);
            after().await;
            drop(user);
            done
        });
        match running.await {
            Ok(done) => done,
            Err(failed) if failed.is_panic() => resume_unwind(failed.into_panic()),
            // The runtime is going away, and the task that waits here with it.
            Err(_) => std::future::pending().await,
        }
    }

    /// Makes what was written to these files durable, together with whatever else waits for the same device.
    pub async fn sync(&self, files: impl IntoIterator<Item = Arc<dyn File>>) -> io::Result<()> {
        let _asked = self.jobs.ask(&self.path);
        let waiting = files
            .into_iter()
            .map(|file| self.group(file.device()).ask(file))
            .collect::<Vec<_>>();
        for synced in waiting {
            synced.await?;
        }
        Ok(())
    }

    /// Makes the names in these directories durable.
    pub async fn sync_dirs(&self, dirs: Vec<PathBuf>) -> io::Result<()> {
        if dirs.is_empty() {
            return Ok(());
        }
        let open = move |fs: &dyn Fs| dirs.iter().map(|dir| fs.open_dir(dir)).collect();
        let handles: io::Result<Vec<_>> = self.run(open).await;
        self.sync(handles?).await
    }

    /// Gives a file of archiver's own what `write` writes, durably: at any time the old one or the new one is there,
    /// whole.
    pub async fn replace(
        &self,
        path: &Path,
        write: impl FnOnce(&dyn File) -> io::Result<()> + Send + 'static,
    ) -> io::Result<()> {
        let (path, mut temp) = (path.to_path_buf(), path.as_os_str().to_owned());
        temp.push(".new");
        let temp = PathBuf::from(temp);
        let at = temp.clone();
        let create = move |fs: &dyn Fs| {
            let named = |e: io::Error| io::Error::new(e.kind(), format!("{}: {e}", at.display()));
            remove_if_there(fs, &at).map_err(named)?;
            let file = fs.create_new(&at).map_err(named)?;
            if let Err(e) = write(&*file) {
                // Half of it is of no use while the disk is full.
                let _ = fs.remove(&at);
                return Err(named(e));
            }
            Ok(file)
        };
        let file = self.run(create).await?;
        self.sync([file]).await?;
        let rename = move |fs: &dyn Fs| {
            let renamed = fs.rename(&temp, &path);
            let dir = renamed.and_then(|()| fs.open_dir(parent(&path)));
            dir.map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", path.display())))
        };
        let dir = self.run(rename).await?;
        self.sync([dir]).await
    }

    fn group(&self, device: u64) -> Group {
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        let group = groups.entry(device).or_insert_with(|| {
            let disk = Disk {
                groups: Arc::default(),
                jobs: Unanswered::default(),
                // It serves all, for as long as the process lives.
                user: None,
                ..self.clone()
            };
            Batch::new(move |files: Vec<Arc<dyn File>>| {
                let disk = disk.clone();
                async move { disk.run(move |fs| fs.sync(&files)).await }
            })
        });
        group.clone()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::fs::RealFs;

    #[tokio::test]
    async fn a_disk_is_idle_when_what_nobody_waits_for_any_more_is_done() {
        let disk = Disk::new(Arc::new(RealFs::default()), 1 << 20);
        let (own, mut idle) = disk.with_fs(Arc::new(RealFs::default()));
        let at = own.at(Path::new("src")).await.expect("threads");
        let (release, released) = mpsc::channel();
        let mut job = Box::pin(at.run(move |_| released.recv().is_ok()));
        assert!(job.as_mut().now_or_never().is_none());
        drop(job);
        drop((own, at));
        assert!(idle.wait().now_or_never().is_none(), "it waits in its call");
        release.send(()).expect("it waits");
        idle.wait().await;
    }

    #[tokio::test]
    async fn a_relative_path_is_on_the_device_of_the_current_directory() {
        let disk = Disk::new(Arc::new(RealFs::default()), 1 << 20);
        for path in ["not there yet", "not/there/yet", "./src", "src/disk.rs"] {
            disk.at(Path::new(path)).await.expect("threads");
        }
        let known = disk.devices.locked();
        assert_eq!(known.len(), 1, "{:?}", known.keys());
    }
}
