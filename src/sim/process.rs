//! A process: archives as the supervisor starts them, and perhaps a second process beside it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::FutureExt;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until, timeout};

use super::check::refusal;
use super::disk::SimFs;
use super::world::{World, lock};
use crate::archive::{self, Archive, End};
use crate::cluster::Cluster;
use crate::config::{self, Checked};
use crate::status::{State, Status};
use crate::world::clock::{Clock, Ticks};
use crate::world::devices::Devices;
use crate::world::executor::{Cores, Pace};
use crate::world::shutdown::{self, Shutdown, Stopper};

/// What a script does next.
pub enum Step {
    /// Nothing, for so long.
    Wait(Duration),
    /// It starts a second process on these archives, and ends it some time later; a third there can't be.
    Rival(Vec<Started>, Duration),
    /// It asks the process to stop.
    Stop,
}

/// An archive to start.
pub struct Started {
    /// What is configured.
    pub config: config::Archive,
    /// Tells those of one topic apart.
    pub lane: usize,
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

/// How long a stop may take: a disk that hangs and a pause between attempts are in it.
const STOP_MOST: Duration = Duration::from_secs(1200);

struct SimClock {
    now: Arc<AtomicU64>,
}

impl Clock for SimClock {
    fn now(&self) -> String {
        format!("second {}", self.now.load(Ordering::Relaxed) / 1000)
    }
}

struct Process {
    fs: SimFs,
    archives: Vec<config::Archive>,
    tasks: JoinSet<(usize, End)>,
    statuses: Vec<Arc<Status>>,
    stopper: Stopper,
}

impl World {
    /// Runs a process with all archives until it is crashed, or has stopped because `script` says so.
    pub fn process(&self, script: &mut dyn FnMut(&Self) -> Step) -> Result<Ended, String> {
        let archives = self.archives.iter();
        let started = archives.map(|archive| Started {
            config: archive.config.clone(),
            lane: archive.lane,
        });
        self.process_of(started.collect(), script)
    }

    /// The same with these archives.
    pub fn process_of(
        &self,
        archives: Vec<Started>,
        script: &mut dyn FnMut(&Self) -> Step,
    ) -> Result<Ended, String> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .map_err(|e| format!("building a runtime: {e}"))?;
        let ended = runtime.block_on(self.live(archives, script));
        lock(&self.statuses).clear();
        ended
    }

    async fn live(
        &self,
        archives: Vec<Started>,
        script: &mut dyn FnMut(&Self) -> Step,
    ) -> Result<Ended, String> {
        let mut main = self.start(archives);
        lock(&self.statuses).clone_from(&main.statuses);
        let mut rival = None::<(Process, Instant)>;
        let died = self.fs.died();
        let (began, before) = (Instant::now(), self.now.load(Ordering::Relaxed));
        let (mut next_step, mut next_delivery) = (began, began);
        loop {
            if let Some(wrong) = self.fs.trespass().or_else(|| self.misstep()) {
                return Err(wrong);
            }
            let rival_ends = rival.as_ref().map_or(next_step, |(_, until)| *until);
            tokio::select! {
                biased;
                () = died.notified() => return Ok(Ended::Crashed),
                Some(ended) = main.tasks.join_next() => {
                    self.ended(&main, ended)?;
                }
                Some(ended) = join_next(&mut rival) => {
                    if let Some((rival, _)) = &rival {
                        self.ended(rival, ended)?;
                    }
                }
                () = sleep_until(rival_ends), if rival.is_some() => {
                    if let Some((rival, _)) = rival.take() {
                        self.fs.note(|| "  the second process is killed".into());
                        rival.fs.end();
                    }
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
                        Step::Rival(archives, most) => if rival.is_none() {
                            self.fs.note(|| "  a second process is started".into());
                            rival = Some((self.start(archives), Instant::now() + most));
                        }
                        Step::Stop => break,
                    }
                }
            }
        }
        if let Some((rival, _)) = rival {
            rival.fs.end();
        }
        self.stop(main).await
    }

    async fn stop(&self, mut process: Process) -> Result<Ended, String> {
        self.fs.note(|| "  asked to stop".into());
        process.stopper.stop();
        let died = self.fs.died();
        let (began, before) = (Instant::now(), self.now.load(Ordering::Relaxed));
        let mut clean = true;
        loop {
            let ended = tokio::select! {
                biased;
                () = died.notified() => return Ok(Ended::Crashed),
                ended = timeout(STOP_MOST, process.tasks.join_next()) => ended,
            };
            match ended {
                Ok(Some(ended)) => clean &= self.ended(&process, ended)? == End::Clean,
                Ok(None) => {
                    let elapsed = began.elapsed().as_millis() as u64;
                    self.now.store(before + elapsed, Ordering::Relaxed);
                    return Ok(Ended::Stopped { clean });
                }
                Err(_) => return Err("it doesn't stop".into()),
            }
        }
    }

    /// As [`crate::supervisor`] starts them.
    fn start(&self, archives: Vec<Started>) -> Process {
        let fs = self.fs.start();
        let (stopper, shutdown) = shutdown::channel();
        let world = archive::World {
            devices: Devices::in_tasks(
                Arc::new(fs.clone()),
                self.budget,
                self.pace(fs.clone()),
                self.devices,
            ),
            cores: Cores::in_tasks(self.pace(fs.clone())),
            clock: Arc::new(SimClock {
                now: Arc::clone(&self.now),
            }),
            ticks: Ticks::default(),
            drain: Duration::from_secs(5),
            memory_bytes: 256 << 20,
            said_too_large: Arc::default(),
        };
        let mut process = Process {
            fs,
            archives: Vec::new(),
            tasks: JoinSet::new(),
            statuses: Vec::new(),
            stopper,
        };
        for archive in archives {
            self.start_archive(&mut process, archive, &world, &shutdown);
        }
        process
    }

    fn start_archive(
        &self,
        process: &mut Process,
        Started { config, lane }: Started,
        world: &archive::World,
        shutdown: &Shutdown,
    ) {
        let status = Arc::new(Status::new(&config.name));
        process.statuses.push(Arc::clone(&status));
        let index = process.archives.len();
        process.archives.push(config.clone());
        let archive = Archive {
            config: Checked::for_tests(config),
            cluster: Arc::new(self.cluster.clone()) as Arc<dyn Cluster>,
            cluster_name: "the simulated cluster".into(),
            lane,
            refresh: Duration::from_secs(10),
            status,
            world: world.clone(),
        };
        let running = archive.run(shutdown.clone());
        process.tasks.spawn(async move { (index, running.await) });
    }

    /// Blocking work takes any time, and none is begun or ends after the process's death.
    fn pace(&self, fs: SimFs) -> Pace {
        let (random, is_brisk) = (self.random.clone(), self.is_brisk);
        Arc::new(move || {
            let (fs, random) = (fs.clone(), random.clone());
            async move {
                let milliseconds = match random.below(40) {
                    _ if is_brisk => 0,
                    0..10 => {
                        tokio::task::yield_now().await;
                        0
                    }
                    10..13 => random.below(30),
                    13 => random.below(1500),
                    _ => 0,
                };
                let milliseconds = fs.hang().unwrap_or(milliseconds as u64);
                if milliseconds > 0 {
                    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
                }
                if fs.is_dead() {
                    std::future::pending::<()>().await;
                }
            }
            .boxed()
        })
    }

    /// An archive's end: if it is for good, the reason must be true.
    fn ended(
        &self,
        process: &Process,
        ended: Result<(usize, End), JoinError>,
    ) -> Result<End, String> {
        let (index, end) = ended.map_err(|e| format!("an archive failed: {e}"))?;
        let config = &process.archives[index];
        self.fs
            .note(|| format!("  archive {} ended: {end:?}", config.name));
        if end != End::Never {
            return Ok(end);
        }
        let State::Stopped(why) = process.statuses[index].state() else {
            return Err(format!(
                "archive {} doesn't say why it stopped",
                config.name
            ));
        };
        self.fs.note(|| format!("  because {why}"));
        match refusal::is_true(self, config, &why, &process.fs) {
            true => Ok(End::Clean),
            false => Err(format!(
                "archive {} stopped without need: {why}",
                config.name
            )),
        }
    }
}

async fn join_next(
    rival: &mut Option<(Process, Instant)>,
) -> Option<Result<(usize, End), JoinError>> {
    match rival {
        Some((rival, _)) => rival.tasks.join_next().await,
        None => None,
    }
}
