//! Archives that come and go: each is started, looked at and stopped while the process runs, in a task of its own.
//!
//! A stop of one archive is what a stop of the process is for all: records that have arrived are written, made durable
//! and counted by a checkpoint. Its name and its file are free again when its task has ended and no job of it is under
//! way on its disks.

mod changes;
mod discover;
mod ended;
mod ending;
mod listed;
mod picture;
mod platform;
pub mod reload;
mod run;
mod service;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::archive::{Archive, End, Environment, Window};
use crate::config::{self, Checked, Config};
use crate::observe::hung::Watched;
use crate::observe::reason::Reason;
use crate::observe::status::{Counts, State, Status};
use crate::world::broadcast::Broadcast;
use crate::world::idle::Idle;
use crate::world::open_files::Needs;
use crate::world::shutdown::Shutdown;

pub use changes::{Changes, Foreseen};
pub use ended::Ended;
pub use ending::{Ending, Refused};
use listed::{Listed, Run};
pub use platform::{OwnCluster, OwnFs, OwnTopics, Platform};

/// How often the topic of a window is looked at, at least: that it was deleted should be said soon.
const WINDOW_REFRESH: Duration = Duration::from_secs(5);

/// Starts archives, knows which run, and stops them. Clones are the same supervisor.
#[derive(Clone)]
pub struct Supervisor(Arc<Shared>);

/// When the process began to archive.
struct Began {
    /// By the wall clock, in milliseconds since 1970.
    at_ms: i64,
    at: Instant,
}

struct Shared {
    environment: Environment,
    platform: Box<dyn Platform>,
    /// The stop of the process, above that of each archive.
    shutdown: Shutdown,
    /// How long a stop of the process may take.
    timeout: Duration,
    began: Began,
    listed: Mutex<Listed>,
    /// An archive has ended or was started.
    changed: Notify,
}

impl Supervisor {
    /// A supervisor without archives, which are all asked to stop when `shutdown` is, and have `timeout` for it.
    pub fn new(
        environment: Environment,
        platform: impl Platform + 'static,
        timeout: Duration,
        shutdown: Shutdown,
    ) -> Self {
        let began = Began {
            at_ms: environment.clock.now_ms(),
            at: Instant::now(),
        };
        Self(Arc::new(Shared {
            began,
            environment,
            platform: Box::new(platform),
            shutdown,
            timeout,
            listed: Mutex::default(),
            changed: Notify::new(),
        }))
    }

    /// Starts all configured archives and patterns, on this machine. Each of `seals` has all segments sealed. Must be called
    /// within a tokio runtime.
    pub fn begin(
        config: &Checked<Config>,
        shutdown: &Shutdown,
        seals: Broadcast,
    ) -> Result<Self, Refused> {
        let (environment, machine) = platform::machine(config, seals);
        let supervisor = Self::new(
            environment,
            machine,
            config.shutdown_timeout,
            shutdown.clone(),
        );
        supervisor.start_all(&config.archives)?;
        for pattern in &config.patterns {
            supervisor.discover(pattern.clone());
        }
        Ok(supervisor)
    }

    /// A supervisor on this machine for archives that have windows. Starts none.
    pub fn of_windows(config: &Checked<Config>, shutdown: &Shutdown) -> Self {
        let (environment, machine) = platform::machine(config, Broadcast::default());
        Self::new(
            environment,
            machine,
            config.shutdown_timeout,
            shutdown.clone(),
        )
    }

    /// Starts an archive; its end can be awaited. Must be called within a tokio runtime.
    pub fn start(&self, archive: Checked<config::Archive>) -> Result<Ending, Refused> {
        let started = self.start_all(std::slice::from_ref(&archive))?;
        Ok(started.into_iter().next().unwrap_or_default())
    }

    /// Starts archives together, or none of them: their clusters know of all before any of them reads. The ends are in
    /// their order.
    pub fn start_all(&self, archives: &[Checked<config::Archive>]) -> Result<Vec<Ending>, Refused> {
        self.start_windows(archives, &BTreeMap::new())
    }

    /// The same of archives that take no more than their windows, by their names, and end there.
    pub fn start_windows(
        &self,
        archives: &[Checked<config::Archive>],
        windows: &BTreeMap<String, Arc<Window>>,
    ) -> Result<Vec<Ending>, Refused> {
        let mut listed = self.listed();
        listed.check(archives)?;
        listed.expect(archives);
        self.0.platform.allow_files(Needs {
            archives: listed.running() + archives.len(),
            segments: listed.open_segments()
                + archives
                    .iter()
                    .map(|a| a.open_segments_max())
                    .sum::<usize>(),
            depth: listed.depth(),
        });
        let clusters = self.0.platform.clusters(archives);
        let mut endings = Vec::with_capacity(archives.len());
        for (archive, cluster) in archives.iter().zip(clusters) {
            let (stopper, stop) = self.0.shutdown.child();
            let (ready, idle, watched) = self.make(archive, windows.get(&archive.name), cluster);
            let ending = Ending::default();
            listed.add(
                archive,
                Arc::clone(&ready.status),
                Run {
                    stopper,
                    ending: ending.clone(),
                    watched: Arc::new(watched),
                    is_asked: false,
                },
            );
            tokio::spawn(self.clone().carry(ready, stop, idle, ending.clone()));
            endings.push(ending);
        }
        drop(listed);
        self.0.changed.notify_waiters();
        Ok(endings)
    }

    /// Asks one archive to stop, and says how to await its end. One that has ended by itself is forgotten. `None` if
    /// there is no archive of this name.
    pub fn stop(&self, name: &str) -> Option<Ending> {
        self.listed().stop(name)
    }

    /// The status of each archive, in the order in which they were started: of those that run, and those that have
    /// ended by themselves.
    pub fn statuses(&self) -> Vec<Arc<Status>> {
        self.listed().statuses()
    }

    /// What the archive of this name is, if there is one.
    pub fn archive(&self, name: &str) -> Option<Checked<config::Archive>> {
        self.listed().archive(name)
    }

    /// How much was written, by archives that were stopped too.
    pub fn counts(&self) -> Counts {
        self.listed().counts()
    }

    fn listed(&self) -> MutexGuard<'_, Listed> {
        self.0.listed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An archive that is ready to run, and two ways to see what it does on its disks: when nothing is under way there,
    /// and what hangs.
    fn make(
        &self,
        archive: &Checked<config::Archive>,
        window: Option<&Arc<Window>>,
        OwnCluster { cluster, refresh }: OwnCluster,
    ) -> (Archive, Idle, Watched) {
        let status = Arc::new(Status::new(&archive.name));
        let OwnFs { fs, calls } = self.0.platform.fs(archive.file_mode);
        let (devices, idle) = self.0.environment.devices.with_fs(fs);
        let watched = Watched {
            status: Arc::clone(&status),
            calls,
            jobs: devices.jobs().clone(),
        };
        let archive = Archive {
            config: archive.clone(),
            cluster,
            cluster_name: archive.cluster.name.clone(),
            refresh: match window {
                // Somebody waits for its end.
                Some(_) => refresh.min(WINDOW_REFRESH),
                None => refresh,
            },
            window: window.cloned(),
            status,
            environment: Environment {
                devices,
                ..self.0.environment.clone()
            },
        };
        (archive, idle, watched)
    }

    /// The task of one archive: runs it, and then waits until its files are free.
    async fn carry(self, archive: Archive, stop: Shutdown, mut idle: Idle, ending: Ending) {
        let (name, status) = (archive.config.name.clone(), Arc::clone(&archive.status));
        let running = AssertUnwindSafe(archive.run(stop)).catch_unwind();
        let (end, remains) = match running.await {
            Ok((end, remains)) => (end, Some(remains)),
            Err(_) => {
                // The panic's own message is on standard error already.
                status.set(State::stopped(Reason::Panicked));
                (End::Panicked, None)
            }
        };
        // The next owner of the files must have them alone. This process has none if it is to stop, another one may.
        let mut shutdown = self.0.shutdown.clone();
        let must_wait = tokio::select! {
            biased;
            () = shutdown.requested() => true,
            () = idle.wait() => false,
        };
        if must_wait {
            tokio::spawn(async move {
                idle.wait().await;
                drop(remains);
            });
        } else {
            drop(remains);
        }
        self.listed().ended(&name, end);
        ending.set(end);
        self.0.changed.notify_waiters();
    }
}
