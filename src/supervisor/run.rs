//! A run of the process: until a stop is asked for, or until no archive can go on.

use tokio::time::Instant;

use super::Supervisor;
use super::ended::Ended;
use crate::observe::hung;
use crate::observe::pace;
use crate::observe::status::{State, name_those};
use crate::observe::totals;
use crate::world::clock;

impl Supervisor {
    /// Runs until the process is asked to stop, or until there are archives and none of them can ever go on. Without
    /// any archive it waits, as one may be started yet.
    pub async fn run(self) -> Ended {
        let (counted, watched, paced) = (self.clone(), self.clone(), self.clone());
        let reporting = tokio::spawn(totals::report(move || {
            (counted.statuses(), counted.counts())
        }));
        let watching = tokio::spawn(hung::watch(move || watched.listed().watched()));
        let pace = tokio::spawn(pace::watch(move || paced.statuses()));
        let spaces = tokio::spawn(self.0.environment.devices.clone().watch_spaces());
        let clock = tokio::spawn(clock::watch());
        let mut shutdown = self.0.shutdown.clone();
        loop {
            let changed = self.0.changed.notified();
            if self.listed().is_hopeless() {
                break;
            }
            tokio::select! {
                biased;
                () = shutdown.requested() => break,
                () = changed => {}
            }
        }
        reporting.abort();
        let ended = match shutdown.is_requested() {
            true => self.stopped().await,
            false => {
                tracing::error!(
                    "nothing left to do: none of the {} archives can go on",
                    self.statuses().len()
                );
                Ended::Hopeless
            }
        };
        watching.abort();
        pace.abort();
        spaces.abort();
        clock.abort();
        ended
    }

    /// Waits until all archives have stopped, or until the deadline; then logs the totals.
    async fn stopped(&self) -> Ended {
        let deadline = Instant::now() + self.0.timeout;
        let ended = tokio::time::timeout_at(deadline, self.all_ended()).await;
        let is_late = ended.is_err();
        if is_late {
            self.name_the_late();
        }
        let at_end = self.listed().watched_at_end();
        let is_held = hung::name_unanswered(&at_end, deadline).await;
        let (statuses, counts) = (self.statuses(), self.counts());
        totals::last_line(&statuses, counts);
        match is_late || is_held || self.listed().is_unfinished() {
            true => Ended::Unfinished,
            false => Ended::Clean,
        }
    }

    /// Waits until nothing runs, and no pattern can start anything.
    pub(crate) async fn all_ended(&self) {
        loop {
            let changed = self.0.changed.notified();
            if self.listed().is_idle() {
                break;
            }
            changed.await;
        }
    }

    /// Logs which archives have not stopped in time.
    fn name_the_late(&self) {
        let is_late = |state: &State| !state.is_end();
        let (_, late) = name_those(&self.statuses(), is_late);
        tracing::error!(
            "not stopped within {} s: {late}; what is not in their files will be read again at the next start",
            self.0.timeout.as_secs(),
        );
    }
}
