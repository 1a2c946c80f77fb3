//! A process: a supervisor on a simulated platform, and perhaps a second process beside it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::time::{Instant, sleep_until, timeout};

use super::check::refusal;
use super::commands::SimPrograms;
use super::disk::SimFs;
use super::platform::{SimClock, SimPlatform};
use super::reload::Reload;
use super::restart::Restart;
use super::world::{World, lock};
use crate::archive::{self, End};
use crate::config::{self, Checked};
use crate::observe::status::{State, Status};
use crate::supervisor::{Ending, Supervisor};
use crate::world::broadcast::Broadcast;
use crate::world::clock::Ticks;
use crate::world::commands::Commands;
use crate::world::devices::Devices;
use crate::world::executor::{Cores, Pace};
use crate::world::shutdown::{self, Shutdown, Stopper};

/// What a script does next.
pub enum Step {
    /// Nothing, for so long.
    Wait(Duration),
    /// It starts a second process on these archives, and ends it some time later; a third there can't be.
    Rival(Vec<config::Archive>, Duration),
    /// It stops the archive of this number, and starts it again so long after its end; not one that is stopped already.
    Restart(usize, Duration),
    /// It changes the configuration of the archives of these numbers, and has the process take that up, unless it is at
    /// something of the kind.
    Reload(Vec<usize>),
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

/// How long a stop may take: a disk that hangs and a pause between attempts are in it.
const STOP_MOST: Duration = Duration::from_secs(1200);

pub(super) struct Process {
    fs: SimFs,
    pub supervisor: Supervisor,
    stopper: Stopper,
    /// Those that run.
    ends: FuturesUnordered<BoxFuture<'static, (Awaited, End)>>,
    /// Those that were asked to stop by themselves.
    pub restarts: Vec<Restart>,
    /// How those are configured that reloads have changed; `None` is no more. Their ends are not among `ends`.
    pub reloaded: BTreeMap<String, Option<config::Archive>>,
    /// Those of a reload or a pattern that have stopped for a reason that was true, as they were then.
    stopped: Vec<Arc<Status>>,
    /// The reload that goes on.
    pub reload: Option<Reload>,
}

/// An archive whose end is awaited.
struct Awaited {
    config: config::Archive,
    status: Arc<Status>,
}

impl World {
    /// Runs a process with all archives until it is crashed, or has stopped because `script` says so.
    pub fn process(&self, script: &mut dyn FnMut(&Self) -> Step) -> Result<Ended, String> {
        let archives = self.archives.iter();
        let configured = archives.filter(|archive| archive.pattern.is_none());
        let configs = configured.map(|archive| archive.config.clone());
        self.run(configs.collect(), &self.patterns, script)
    }

    /// The same with these archives, and no pattern.
    pub fn process_of(
        &self,
        archives: Vec<config::Archive>,
        script: &mut dyn FnMut(&Self) -> Step,
    ) -> Result<Ended, String> {
        self.run(archives, &[], script)
    }

    fn run(
        &self,
        archives: Vec<config::Archive>,
        patterns: &[config::Pattern],
        script: &mut dyn FnMut(&Self) -> Step,
    ) -> Result<Ended, String> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .map_err(|e| format!("building a runtime: {e}"))?;
        let ended = runtime.block_on(self.live(archives, patterns, script));
        self.is_reloading.store(false, Ordering::Relaxed);
        self.fs.reloads(Vec::new());
        lock(&self.statuses).clear();
        ended
    }

    async fn live(
        &self,
        archives: Vec<config::Archive>,
        patterns: &[config::Pattern],
        script: &mut dyn FnMut(&Self) -> Step,
    ) -> Result<Ended, String> {
        let mut main = self.start(archives)?;
        for pattern in patterns {
            main.supervisor
                .discover(Checked::for_tests(pattern.clone()));
        }
        self.look(&main);
        let mut rival = None::<(Process, Instant)>;
        let died = self.fs.died();
        let (began, before) = (Instant::now(), self.now.load(Ordering::Relaxed));
        let (mut next_step, mut next_delivery) = (began, began);
        loop {
            if let Some(wrong) = self.fs.trespass().or_else(|| self.misstep()) {
                return Err(wrong);
            }
            let rival_ends = rival.as_ref().map_or(next_step, |(_, until)| *until);
            let restart = main.restarts.iter().filter_map(|restart| restart.at).min();
            tokio::select! {
                biased;
                () = died.notified() => return Ok(Ended::Crashed),
                Some((archive, end)) = main.ends.next() => {
                    self.ended(&mut main, &archive, end)?;
                }
                Some((archive, end)) = next_end(&mut rival) => {
                    if let Some((rival, _)) = &mut rival {
                        self.ended(rival, &archive, end)?;
                    }
                }
                Some(reload) = Reload::end(&mut main.reload) => self.reloaded(&main, reload)?,
                () = sleep_until(rival_ends), if rival.is_some() => {
                    if let Some((rival, _)) = rival.take() {
                        self.fs.note(|| "  the second process is killed".into());
                        rival.fs.end();
                    }
                }
                () = sleep_until(restart.unwrap_or(next_step)), if restart.is_some() => {
                    self.start_again(&mut main)?;
                }
                () = sleep_until(next_delivery) => {
                    self.cluster.deliver();
                    next_delivery += Duration::from_millis(self.random.between(2, 120) as u64);
                }
                () = sleep_until(next_step) => {
                    let elapsed = began.elapsed().as_millis() as u64;
                    self.now.store(before + elapsed, Ordering::Relaxed);
                    if !patterns.is_empty() || !main.reloaded.is_empty() {
                        self.look_at_found(&mut main)?;
                    }
                    match script(self) {
                        Step::Wait(pause) => next_step += pause,
                        Step::Rival(archives, most) => if rival.is_none() {
                            self.fs.note(|| "  a second process is started".into());
                            rival = Some((self.start(archives)?, Instant::now() + most));
                        }
                        Step::Reload(changed) => self.reload(&mut main, &changed),
                        Step::Restart(number, pause) => self.restart(&mut main, number, pause)?,
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
                ended = timeout(STOP_MOST, process.ends.next()) => ended,
            };
            match ended {
                Ok(Some((archive, end))) => {
                    clean &= self.ended(&mut process, &archive, end)? == End::Clean;
                }
                Ok(None) => {
                    let found_end = timeout(STOP_MOST, process.supervisor.all_ended());
                    let is_late = tokio::select! {
                        biased;
                        () = died.notified() => return Ok(Ended::Crashed),
                        ended = found_end => ended.is_err(),
                    };
                    if is_late {
                        return Err("what a pattern or a reload has started doesn't stop".into());
                    }
                    clean &= self.look_at_found(&mut process)?;
                    let elapsed = began.elapsed().as_millis() as u64;
                    self.now.store(before + elapsed, Ordering::Relaxed);
                    return Ok(Ended::Stopped { clean });
                }
                Err(_) => return Err("it doesn't stop".into()),
            }
        }
    }

    /// A supervisor on the simulated platform, and the file system of its process.
    pub fn supervisor(&self, timeout: Duration, shutdown: Shutdown) -> (Supervisor, SimFs) {
        let fs = self.fs.start();
        let devices = Devices::in_tasks(
            Arc::new(fs.clone()),
            self.budget,
            self.pace(fs.clone()),
            self.devices,
        );
        if self.disk_free > 0 {
            devices.keep_free(self.disk_free);
            tokio::spawn(devices.clone().watch_spaces());
        }
        let environment = archive::Environment {
            devices,
            cores: Cores::in_tasks(self.pace(fs.clone())),
            clock: Arc::new(SimClock::new(&self.now)),
            ticks: Ticks::default(),
            seals: Broadcast::default(),
            drain: Duration::from_secs(5),
            memory_bytes: 256 << 20,
            said_too_large: Arc::default(),
            commands: Commands::new(Arc::new(SimPrograms::new(self, fs.clone()))),
        };
        let platform = SimPlatform {
            fs: fs.clone(),
            cluster: self.cluster.clone(),
        };
        (
            Supervisor::new(environment, platform, timeout, shutdown),
            fs,
        )
    }

    fn start(&self, archives: Vec<config::Archive>) -> Result<Process, String> {
        let (stopper, shutdown) = shutdown::channel();
        let (supervisor, fs) = self.supervisor(STOP_MOST, shutdown);
        let process = Process {
            fs,
            supervisor,
            stopper,
            ends: FuturesUnordered::new(),
            restarts: Vec::new(),
            reloaded: BTreeMap::new(),
            stopped: Vec::new(),
            reload: None,
        };
        let archives = archives.into_iter().map(Checked::for_tests);
        let archives = archives.collect::<Vec<_>>();
        let endings = process.supervisor.start_windows(&archives, &self.windows);
        let endings = endings.map_err(|e| e.to_string())?;
        for (config, ending) in archives.iter().zip(endings) {
            process.await_end(config, ending);
        }
        Ok(process)
    }

    /// Takes note of what the archives are doing that run; of the others, what they did last.
    pub(super) fn look(&self, main: &Process) {
        let mut statuses = lock(&self.statuses);
        for status in main.supervisor.statuses() {
            let mut same = statuses.iter_mut();
            match same.find(|known| known.name() == status.name()) {
                Some(known) => *known = status,
                None => statuses.push(status),
            }
        }
    }

    /// Takes note of what the archives are doing that patterns and reloads have started: whatever has stopped one for good
    /// must be true. Has none left anything undone?
    fn look_at_found(&self, process: &mut Process) -> Result<bool, String> {
        self.look(process);
        let mut clean = true;
        let statuses = lock(&self.statuses).clone();
        for archive in &self.archives {
            let config = &archive.config;
            let name = &config.name;
            if archive.pattern.is_none() && !process.reloaded.contains_key(name) {
                continue;
            }
            let mut statuses = statuses.iter();
            let Some(status) = statuses.find(|status| status.name() == name) else {
                continue;
            };
            let is_it = |known: &Arc<Status>| Arc::ptr_eq(known, status);
            match status.state() {
                State::Stopped(why) if !process.stopped.iter().any(is_it) => {
                    self.fs
                        .note(|| format!("  archive {name} has stopped: {why}"));
                    if !refusal::is_true(self, config, &why, &process.fs) {
                        return Err(format!("archive {name} stopped without need: {why}"));
                    }
                    process.stopped.push(Arc::clone(status));
                }
                State::Unfinished => clean = false,
                _ => {}
            }
        }
        Ok(clean)
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
    fn ended(&self, process: &mut Process, archive: &Awaited, end: End) -> Result<End, String> {
        let Awaited { config, status } = archive;
        let name = &config.name;
        self.fs.note(|| format!("  archive {name} ended: {end:?}"));
        self.ended_alone(process, name, end)?;
        match end {
            End::Never => {}
            End::Panicked => return Err(format!("archive {name} panicked")),
            end => return Ok(end),
        }
        let State::Stopped(why) = status.state() else {
            return Err(format!("archive {name} doesn't say why it stopped"));
        };
        self.fs.note(|| format!("  because {why}"));
        match refusal::is_true(self, config, &why, &process.fs) {
            true => Ok(End::Clean),
            false => Err(format!("archive {name} stopped without need: {why}")),
        }
    }
}

impl Process {
    /// Awaits the end of an archive that was just started.
    pub fn await_end(&self, config: &config::Archive, ending: Ending) {
        let statuses = self.supervisor.statuses();
        let mut statuses = statuses.into_iter();
        let Some(status) = statuses.find(|status| status.name() == config.name) else {
            return;
        };
        let config = config.clone();
        let archive = Awaited { config, status };
        self.ends
            .push(async move { (archive, ending.wait().await) }.boxed());
    }
}

async fn next_end(rival: &mut Option<(Process, Instant)>) -> Option<(Awaited, End)> {
    match rival {
        Some((rival, _)) => rival.ends.next().await,
        None => None,
    }
}
