//! The run of a capture: its windows are fixed, then each topic is archived until its window is over.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use futures_util::future::join_all;
use tokio::time::{Instant, sleep_until};

use super::outputs::Output;
use super::progress::Progress;
use super::wanted::{Beyond, Fixed, Wanted};
use crate::archive::{End, Window};
use crate::config::{Archive, Checked, Config};
use crate::observe::status::{State, Status, WindowRead};
use crate::source::kafka::Scanner;
use crate::supervisor::Supervisor;
use crate::world::clock::{Clock, RealClock};
use crate::world::shutdown::Shutdown;

/// A capture into files.
pub(super) struct Run<'a> {
    pub config: &'a Checked<Config>,
    pub wanted: Wanted,
    /// What was asked for.
    pub asked: Vec<String>,
    pub shutdown: Shutdown,
    /// What an earlier capture wrote is deleted.
    pub overwrite: bool,
    /// How long it goes on, if it doesn't end by itself.
    pub stop_after: Option<Duration>,
}

/// How it has ended.
pub(super) struct Finished {
    /// Somebody has stopped it.
    pub is_interrupted: bool,
    /// How each archive has ended, by its name; none if it was stopped before it began.
    pub archives: Ends,
}

impl Finished {
    /// Somebody has stopped it before anything was captured.
    fn before_it_began() -> Self {
        Self {
            is_interrupted: true,
            archives: Ends::new(),
        }
    }
}

/// How one archive has ended.
#[derive(Debug, Clone)]
pub(super) struct Ended {
    /// How its task ended.
    end: End,
    /// Is all that was asked for in its files?
    pub is_whole: bool,
    /// Why it couldn't go on.
    pub failure: Option<String>,
    /// What was read of its window, by this run.
    pub read: WindowRead,
    /// What comes behind its window, or doesn't.
    pub beyond: Beyond,
}

/// How archives have ended, by their names.
type Ends = BTreeMap<String, Ended>;
type Windows = BTreeMap<String, Arc<Window>>;
/// What comes behind them, by the names of the archives.
type Behind = BTreeMap<String, Beyond>;

/// Why a part of the run is over.
#[derive(PartialEq, Eq)]
enum Over {
    AllThere,
    TimeIsUp,
    Interrupted,
}

impl Run<'_> {
    /// Captures until all is there, or somebody stops it.
    pub async fn run(&self) -> anyhow::Result<Finished> {
        let scanners = scanners(self.config);
        let mut shutdown = self.shutdown.clone();
        let (windows, mut behind) = tokio::select! {
            biased;
            () = shutdown.requested() => return Ok(Finished::before_it_began()),
            fixed = self.windows(&scanners) => fixed?,
        };
        let supervisor = Supervisor::of_windows(self.config, &self.shutdown);
        let archives = &self.config.archives;
        let all = archives.iter();
        let all = all.filter_map(|archive| Some((archive, &**windows.get(&archive.name)?)));
        let progress = Progress::new(all);
        // As it was fixed, if this is a capture that goes on.
        let going_on = windows.values().filter(|window| window.goes_on());
        let until = going_on.map(|window| window.times.end).max();
        let until = until.filter(|until| *until < i64::MAX && !self.wanted.follow);
        let stop = self.stop_after.map(|length| Instant::now() + length);
        let stop = stop.or_else(|| until.map(|until| Instant::now() + ahead(until)));
        let part = self.part(&supervisor, archives, &windows, stop, &progress);
        let (mut over, mut ends) = part.await?;
        if over == Over::TimeIsUp && until.is_some() {
            let rest = self.rest(&supervisor, &scanners, &mut ends, &progress);
            (over, behind) = rest.await?;
        } else if over == Over::TimeIsUp {
            // That is all that was asked for.
            for ended in ends.values_mut() {
                ended.is_whole = ended.end == End::Clean && ended.failure.is_none();
            }
        }
        for (name, beyond) in behind {
            if let Some(ended) = ends.get_mut(&name) {
                ended.beyond = beyond;
            }
        }
        progress.finish();
        Ok(Finished {
            is_interrupted: over == Over::Interrupted,
            archives: ends,
        })
    }

    /// Goes on up to the end, which is known once what was still to come is there. What can't go on keeps the others from
    /// nothing.
    async fn rest(
        &self,
        supervisor: &Supervisor,
        scanners: &BTreeMap<String, Scanner>,
        ends: &mut Ends,
        progress: &Progress,
    ) -> anyhow::Result<(Over, Behind)> {
        let can_go_on = |archive: &&Checked<Archive>| {
            let ended = ends.get(&archive.name);
            ended.is_some_and(|ended| matches!(ended.end, End::Clean | End::Unfinished))
        };
        let archives = self.config.archives.iter().filter(can_go_on);
        let archives = archives.cloned().collect::<Vec<_>>();
        let (mut windows, mut behind) = (Windows::new(), Behind::new());
        let mut shutdown = self.shutdown.clone();
        let fixed = tokio::select! {
            biased;
            () = shutdown.requested() => return Ok((Over::Interrupted, behind)),
            fixed = self.fixed(&archives, scanners, false) => fixed,
        };
        let mut going_on = Vec::new();
        for (archive, fixed) in archives.into_iter().zip(fixed) {
            let name = &archive.name;
            match fixed {
                Ok((fixed, _)) => {
                    Output::new(&archive, &self.asked).store(&fixed.window)?;
                    windows.insert(name.clone(), Arc::new(fixed.window));
                    behind.insert(name.clone(), fixed.beyond);
                    going_on.push(archive);
                }
                Err(e) => {
                    if let Some(ended) = ends.get_mut(name) {
                        ended.failure = Some(format!("{e:#}; --resume goes on"));
                    }
                }
            }
        }
        let part = self.part(supervisor, &going_on, &windows, None, progress);
        let (over, rest) = part.await?;
        for (name, mut ended) in rest {
            if let Some(before) = ends.get(&name) {
                ended.read.add(&before.read);
            }
            ends.insert(name, ended);
        }
        Ok((over, behind))
    }

    /// The window of each archive, which is fixed from here on. What an earlier capture wrote is deleted then, if that is
    /// wanted.
    async fn windows(
        &self,
        scanners: &BTreeMap<String, Scanner>,
    ) -> anyhow::Result<(Windows, Behind)> {
        let archives = &self.config.archives;
        let fixed = self.fixed(archives, scanners, self.overwrite).await;
        let fixed = fixed.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
        // Nothing is deleted or written before all of them are known.
        let (mut windows, mut behind) = (Windows::new(), Behind::new());
        for (archive, (fixed, is_new)) in archives.iter().zip(fixed) {
            let output = Output::new(archive, &self.asked);
            if self.overwrite {
                output.delete()?;
            }
            if is_new {
                output.store(&fixed.window)?;
            }
            windows.insert(archive.name.clone(), Arc::new(fixed.window));
            behind.insert(archive.name.clone(), fixed.beyond);
        }
        Ok((windows, behind))
    }

    /// The window of each of these archives, and whether it is to be stored: the one that was fixed before, or what is wanted
    /// now.
    async fn fixed(
        &self,
        archives: &[Checked<Archive>],
        scanners: &BTreeMap<String, Scanner>,
        overwrite: bool,
    ) -> Vec<anyhow::Result<(Fixed, bool)>> {
        let fixed = archives.iter().map(|archive| {
            let scanner = &scanners[&archive.cluster.name];
            self.window(archive, scanner, overwrite)
        });
        join_all(fixed).await
    }

    /// The window of one archive, and whether it is to be stored.
    async fn window(
        &self,
        archive: &Checked<Archive>,
        scanner: &Scanner,
        overwrite: bool,
    ) -> anyhow::Result<(Fixed, bool)> {
        let output = Output::new(archive, &self.asked);
        let now = RealClock.now_ms();
        let stored = match overwrite {
            true => None,
            false => output.stored()?,
        };
        let wanted = match &stored {
            Some(window) => self.wanted.as_fixed(window),
            None => self.wanted.clone(),
        };
        Ok(match stored {
            Some(window) if !window.goes_on() || !wanted.has_end(now) => {
                let beyond = Beyond::default();
                (Fixed { window, beyond }, false)
            }
            stored => {
                let fixed = wanted.window(scanner, &archive.topic, now).await;
                let mut fixed = fixed.with_context(|| asking(archive))?;
                if let Some(stored) = stored {
                    (fixed.window.from, fixed.window.times) = (stored.from, stored.times);
                }
                (fixed, true)
            }
        })
    }

    /// Archives these topics until their windows are over, the time is up, or a stop is asked for.
    async fn part(
        &self,
        supervisor: &Supervisor,
        archives: &[Checked<Archive>],
        windows: &Windows,
        stop: Option<Instant>,
        progress: &Progress,
    ) -> anyhow::Result<(Over, Ends)> {
        let endings = supervisor.start_windows(archives, windows)?;
        let mut statuses = supervisor.statuses();
        // Of those that have ended before, too.
        statuses.retain(|status| windows.contains_key(status.name()));
        let all = join_all(endings.iter().map(|ending| ending.wait()));
        tokio::pin!(all);
        let mut shutdown = self.shutdown.clone();
        let (mut over, mut is_asked) = (Over::AllThere, false);
        let mut deadline = stop;
        let mut patience = Patience::default();
        let ends = loop {
            let far = Instant::now() + Duration::from_hours(1);
            tokio::select! {
                biased;
                ends = &mut all => break ends,
                () = shutdown.requested(), if !is_asked => {
                    is_asked = true;
                    progress.stop();
                }
                () = sleep_until(deadline.unwrap_or(far)), if deadline.is_some() => {
                    (over, deadline) = (Over::TimeIsUp, None);
                    patience.is_over(&statuses);
                    for archive in archives {
                        let _ = supervisor.stop(&archive.name);
                    }
                }
                () = progress.next(&statuses) => {
                    for status in patience.lost(&statuses) {
                        let _ = supervisor.stop(status.name());
                    }
                }
            }
        };
        let ended = ends.into_iter().zip(&statuses);
        let ends = ended.map(|(end, status)| {
            let mut ended = Ended::new(end, status);
            if let Some(why) = patience.given_up.remove(status.name()) {
                (ended.is_whole, ended.failure) = (false, Some(why));
            }
            (status.name().to_owned(), ended)
        });
        let ends = ends.collect::<Ends>();
        // All may have ended before the stop was seen here.
        if self.shutdown.is_requested() && ends.values().any(|ended| !ended.is_whole) {
            over = Over::Interrupted;
        }
        Ok((over, ends))
    }
}

impl Ended {
    fn new(end: End, status: &Status) -> Self {
        Self {
            end,
            is_whole: end == End::Clean && status.is_window_whole(),
            failure: match status.state() {
                State::Stopped(why) | State::Waiting(why) => Some(why.to_string()),
                _ => None,
            },
            read: status.read(),
            beyond: Beyond::default(),
        }
    }
}

/// Who asks the cluster of each archive, by the cluster's name.
pub(super) fn scanners(config: &Config) -> BTreeMap<String, Scanner> {
    let mut scanners = BTreeMap::new();
    for archive in &config.archives {
        let cluster = &archive.cluster;
        scanners.entry(cluster.name.clone()).or_insert_with(|| {
            Scanner::new(cluster, config.memory_bytes).patient(Patience::LENGTH)
        });
    }
    scanners
}

/// What is being done when that fails.
pub(super) fn asking(archive: &Archive) -> String {
    format!(
        "asking {} about topic {}",
        archive.cluster.name, archive.topic
    )
}

/// Archives that wait, and since when. A capture is to end: what doesn't heal within a minute is told, and can be resumed.
#[derive(Default)]
struct Patience {
    waiting: BTreeMap<String, Instant>,
    /// Why some were given up.
    given_up: BTreeMap<String, String>,
}

impl Patience {
    /// How long it lasts.
    const LENGTH: Duration = Duration::from_secs(60);

    /// The time is up: those that wait have not read all that there is.
    fn is_over(&mut self, statuses: &[Arc<Status>]) {
        for status in statuses {
            if let State::Waiting(why) = status.state() {
                let why = format!("the time is up, and it waits: {why}; --resume goes on");
                self.given_up.insert(status.name().to_owned(), why);
            }
        }
    }

    /// Those that have waited for too long.
    fn lost<'a>(&mut self, statuses: &'a [Arc<Status>]) -> Vec<&'a Status> {
        let mut lost = Vec::new();
        for status in statuses {
            let why = match status.state() {
                State::Waiting(why) => why,
                // An attempt is no progress yet.
                State::Starting => continue,
                _ => {
                    self.waiting.remove(status.name());
                    continue;
                }
            };
            let since = self.waiting.entry(status.name().to_owned());
            let since = since.or_insert_with(Instant::now);
            if since.elapsed() >= Self::LENGTH && !self.given_up.contains_key(status.name()) {
                let why = format!("given up after a minute: {why}; --resume goes on");
                self.given_up.insert(status.name().to_owned(), why);
                lost.push(&**status);
            }
        }
        lost
    }
}

/// How long it is until then.
fn ahead(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms.saturating_sub(RealClock.now_ms())).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;
    use crate::observe::reason::Reason;

    #[tokio::test(start_paused = true)]
    async fn what_waits_for_a_minute_is_given_up_once_and_what_runs_in_between_is_not() {
        let waiting = || State::waiting(Reason::WindowGone { topic: "a".into() });
        let statuses = [
            Arc::new(Status::new("stuck")),
            Arc::new(Status::new("slow")),
        ];
        let mut patience = Patience::default();
        let mut lost = |seconds| {
            let lost = patience.lost(&statuses);
            let lost = lost.iter().map(|status| status.name().to_owned());
            (
                lost.collect::<Vec<_>>(),
                advance(Duration::from_secs(seconds)),
            )
        };
        statuses.iter().for_each(|status| status.set(waiting()));
        let (none, later) = lost(40);
        later.await;
        assert_eq!(none, [""; 0]);
        // An attempt that has not read anything yet is no progress; one that runs is.
        statuses[0].set(State::Starting);
        statuses[1].set(State::Running);
        let (none, later) = lost(10);
        later.await;
        assert_eq!(none, [""; 0]);
        statuses.iter().for_each(|status| status.set(waiting()));
        let (none, later) = lost(11);
        later.await;
        assert_eq!(none, [""; 0]);
        let (stuck, later) = lost(1);
        later.await;
        assert_eq!(stuck, ["stuck"]);
        assert_eq!(lost(1).0, [""; 0]);
        assert!(patience.given_up["stuck"].contains("--resume goes on"));
    }
}
