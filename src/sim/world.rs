//! The world of a run, and a process in it: the archives as the supervisor starts them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::FutureExt;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use super::check;
use super::disk::SimFs;
use super::kafka::SimCluster;
use super::random::Random;
use crate::archive::{self, Archive, End};
use crate::clock::{Clock, Ticks};
use crate::cluster::Cluster;
use crate::config;
use crate::disk::{Disk, Pace};
use crate::shutdown;
use crate::status::{State, Status};

/// Everything that outlives a process.
pub struct World {
    /// The source of chance.
    pub random: Random,
    /// The disk.
    pub fs: SimFs,
    /// The cluster.
    pub cluster: SimCluster,
    /// The archives that are configured.
    pub archives: Vec<Watched>,
    /// Files that are somebody else's, as they must stay.
    pub foreign: Mutex<BTreeMap<PathBuf, Vec<u8>>>,
    /// Archives that may stop for good, and a part of the reason they must give.
    pub may_stop: Mutex<BTreeMap<String, &'static str>>,
    /// What the archives of the present process are doing.
    statuses: Mutex<Vec<Arc<Status>>>,
    /// Milliseconds since the run began.
    pub now: Arc<AtomicU64>,
    /// The memory for chunks, in bytes.
    pub budget: u64,
}

/// An archive, as it was configured and found.
pub struct Watched {
    /// What was configured.
    pub config: config::Archive,
    /// Tells those of one topic apart.
    pub lane: usize,
    /// What was in the file before the first start.
    pub before: Vec<u8>,
}

/// What a script does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing, for so long.
    Wait(Duration),
    /// It asks the process to stop.
    Stop,
}

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// It was crashed.
    Crashed,
    /// It stopped as asked.
    Stopped {
        /// Did every archive store all that it took?
        clean: bool,
    },
}

/// How long a stop may take: a slow disk and a pause between attempts are in it.
const STOP_MOST: Duration = Duration::from_secs(120);

struct SimClock {
    now: Arc<AtomicU64>,
}

impl Clock for SimClock {
    fn now(&self) -> String {
        format!("second {}", self.now.load(Ordering::Relaxed) / 1000)
    }
}

impl World {
    /// An empty world.
    pub fn new(random: Random) -> Self {
        let fs = SimFs::new(random.clone());
        Self {
            cluster: SimCluster::new(random.clone(), fs.clone()),
            random,
            fs,
            archives: Vec::new(),
            foreign: Mutex::default(),
            may_stop: Mutex::default(),
            statuses: Mutex::default(),
            now: Arc::default(),
            budget: 1 << 20,
        }
    }

    /// Configures one more archive.
    pub fn add(&mut self, config: config::Archive, before: Vec<u8>) {
        let same = |other: &&Watched| other.config.topic == config.topic;
        let lane = self.archives.iter().filter(same).count();
        let (key, path) = (
            (config.topic.clone(), lane),
            config.state.join("checkpoint.json"),
        );
        let reader = (config.name.clone(), path);
        self.cluster.kafka().readers.insert(key, reader);
        self.archives.push(Watched {
            config,
            lane,
            before,
        });
    }

    /// Puts a file there that is somebody else's.
    pub fn put_foreign(&self, path: &Path, bytes: &[u8]) {
        self.fs.put(path, bytes);
        let mut foreign = self.foreign.lock().unwrap_or_else(PoisonError::into_inner);
        foreign.insert(path.into(), bytes.into());
    }

    /// Lets an archive stop for good with this in its reason.
    pub fn allow_stop(&self, archive: &str, reason: &'static str) {
        let mut may_stop = self.may_stop.lock().unwrap_or_else(PoisonError::into_inner);
        may_stop.insert(archive.into(), reason);
    }

    /// What an archive may stop for, if for anything.
    pub fn allowed_stop(&self, archive: &str) -> Option<&'static str> {
        let may_stop = self.may_stop.lock().unwrap_or_else(PoisonError::into_inner);
        may_stop.get(archive).copied()
    }

    /// Does the present process read this archive's topic?
    pub fn is_running(&self, archive: &Watched) -> bool {
        matches!(self.state(archive), Some(State::Running))
    }

    /// Has this archive stopped for good?
    pub fn has_stopped(&self, archive: &Watched) -> bool {
        matches!(self.state(archive), Some(State::Stopped(_)))
    }

    fn state(&self, archive: &Watched) -> Option<State> {
        let statuses = self.statuses();
        let mut statuses = statuses.iter();
        let status = statuses.find(|status| status.name() == archive.config.name);
        status.map(|status| status.state())
    }

    /// What the archives are doing, for a message.
    pub fn describe(&self) -> String {
        let statuses = self.statuses();
        let state = |status: &Arc<Status>| format!("{}: {:?}", status.name(), status.state());
        let states = statuses.iter().map(state).collect::<Vec<_>>();
        format!("not everything has healed: {}", states.join(", "))
    }

    /// Is there a process?
    pub fn has_process(&self) -> bool {
        !self.statuses().is_empty()
    }

    fn statuses(&self) -> MutexGuard<'_, Vec<Arc<Status>>> {
        self.statuses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a process until it is crashed, or has stopped because `script` says so.
    pub fn process(&self, script: &mut dyn FnMut(&Self) -> Step) -> Result<Ended, String> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .map_err(|e| format!("building a runtime: {e}"))?;
        let ended = runtime.block_on(self.live(script));
        self.statuses().clear();
        ended
    }

    async fn live(&self, script: &mut dyn FnMut(&Self) -> Step) -> Result<Ended, String> {
        let (stopper, shutdown) = shutdown::channel();
        let (mut tasks, statuses) = self.start(&shutdown);
        self.statuses().clone_from(&statuses);
        let died = self.fs.died();
        let (began, before) = (Instant::now(), self.now.load(Ordering::Relaxed));
        let (mut next_step, mut next_delivery) = (began, began);
        loop {
            tokio::select! {
                biased;
                () = died.notified() => return Ok(Ended::Crashed),
                Some(ended) = tasks.join_next() => {
                    self.ended(ended, &statuses)?;
                }
                () = sleep_until(next_delivery) => {
                    self.cluster.deliver();
                    next_delivery += Duration::from_millis(self.random.between(2, 120) as u64);
                }
                () = sleep_until(next_step) => {
                    let elapsed = began.elapsed().as_millis() as u64;
                    self.now.store(before + elapsed, Ordering::Relaxed);
                    match script(self) {
                        Step::Wait(pause) => next_step += pause,
                        Step::Stop => break,
                    }
                }
            }
        }
        self.fs.note(|| "  asked to stop".into());
        stopper.stop();
        let mut clean = true;
        loop {
            let ended = tokio::select! {
                biased;
                () = died.notified() => return Ok(Ended::Crashed),
                ended = timeout(STOP_MOST, tasks.join_next()) => ended,
            };
            match ended {
                Ok(Some(ended)) => clean &= self.ended(ended, &statuses)? == End::Clean,
                Ok(None) => return Ok(Ended::Stopped { clean }),
                Err(_) => return Err("it doesn't stop".into()),
            }
        }
    }

    /// As [`crate::supervisor`] starts them.
    fn start(&self, shutdown: &shutdown::Shutdown) -> (JoinSet<(usize, End)>, Vec<Arc<Status>>) {
        let world = archive::World {
            disk: Disk::in_tasks(Arc::new(self.fs.clone()), self.budget, self.pace()),
            clock: Arc::new(SimClock {
                now: Arc::clone(&self.now),
            }),
            ticks: Ticks::default(),
            drain: Duration::from_secs(5),
        };
        let (mut tasks, mut statuses) = (JoinSet::new(), Vec::new());
        for (index, watched) in self.archives.iter().enumerate() {
            let status = Arc::new(Status::new(&watched.config.name));
            statuses.push(Arc::clone(&status));
            let archive = Archive {
                config: watched.config.clone(),
                cluster: Arc::new(self.cluster.clone()) as Arc<dyn Cluster>,
                cluster_name: "the simulated cluster".into(),
                lane: watched.lane,
                refresh: Duration::from_secs(10),
                status,
                world: world.clone(),
            };
            let running = archive.run(shutdown.clone());
            tasks.spawn(async move { (index, running.await) });
        }
        (tasks, statuses)
    }

    /// Blocking work takes any time, and none is begun or ends after the process's death.
    fn pace(&self) -> Pace {
        let (fs, random) = (self.fs.clone(), self.random.clone());
        Arc::new(move || {
            let (fs, random) = (fs.clone(), random.clone());
            async move {
                match random.below(40) {
                    0..10 => tokio::task::yield_now().await,
                    10..13 => {
                        tokio::time::sleep(Duration::from_millis(random.below(30) as u64)).await
                    }
                    13 => {
                        tokio::time::sleep(Duration::from_millis(random.below(1500) as u64)).await
                    }
                    _ => {}
                }
                if fs.is_dead() {
                    std::future::pending::<()>().await;
                }
            }
            .boxed()
        })
    }

    fn ended(
        &self,
        ended: Result<(usize, End), tokio::task::JoinError>,
        statuses: &[Arc<Status>],
    ) -> Result<End, String> {
        let (index, end) = ended.map_err(|e| format!("an archive failed: {e}"))?;
        let name = &self.archives[index].config.name;
        self.fs.note(|| format!("  archive {name} ended: {end:?}"));
        if end == End::Never {
            let why = match statuses[index].state() {
                State::Stopped(why) => why,
                other => format!("{other:?}"),
            };
            return match self.allowed_stop(name) {
                Some(reason) if why.contains(reason) => Ok(End::Clean),
                _ if check::is_at_newline(self, &self.archives[index], &why) => Ok(End::Clean),
                _ => Err(format!("archive {name} stopped without need: {why}")),
            };
        }
        Ok(end)
    }
}
