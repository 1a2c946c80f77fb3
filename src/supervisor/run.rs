//! A run of the process: until it is asked to stop, or until nothing can go on.

use tokio::time::Instant;

use super::Supervisor;
use crate::observe::hung;
use crate::observe::status::{State, name_those};
use crate::observe::totals;
use crate::world::clock;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It was asked to stop, and everything is in the files and durable.
    Clean,
    /// It was asked to stop, and something is not in the files yet, which the next run reads again; or a disk that
    /// hangs keeps the process from vanishing.
    Unfinished,
    /// No archive can ever go on.
    Hopeless,
}

impl Supervisor {
    /// Runs until the process is asked to stop, or until there are archives and none of them can ever go on. Where
    /// there is none, one may be started yet.
    pub async fn run(self) -> Ended {
        let (counted, watched) = (self.clone(), self.clone());
        let reporting = tokio::spawn(totals::report(move || {
            (counted.statuses(), counted.counts())
        }));
        let watching = tokio::spawn(hung::watch(move || watched.listed().watched()));
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
        clock.abort();
        ended
    }

    /// Waits until all have stopped, or until the deadline of that.
    async fn stopped(&self) -> Ended {
        let deadline = Instant::now() + self.0.timeout;
        let all_ended = async {
            loop {
                let changed = self.0.changed.notified();
                if self.listed().running() == 0 {
                    break;
                }
                changed.await;
            }
        };
        let is_late = tokio::time::timeout_at(deadline, all_ended).await.is_err();
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

    fn name_the_late(&self) {
        let is_late = |state: &State| !state.is_end();
        let (_, late) = name_those(&self.statuses(), is_late);
        tracing::error!(
            "not stopped within {} s: {late}; what is not in their files will be read again at the next start",
            self.0.timeout.as_secs(),
        );
    }
}
