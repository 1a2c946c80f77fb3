//! What the service manager is told of a run of the process: when it is ready, what it does, that it is alive, and that
//! it stops.
//!
//! Ready is who has every archive assigned, or knows what it waits for: a missing topic or a broker that is down doesn't
//! hold up the start. Alive is who has no archive that stands still; a stop has a deadline of its own.

use std::time::{Duration, Instant};

use super::Supervisor;
use super::ended::Ended;
use crate::observe::standstill::Standstill;
use crate::observe::status::{State, name_those};
use crate::service_manager::{Notice, ServiceManager};

/// How often it is looked at what there is to tell, at least.
const LOOK: Duration = Duration::from_secs(1);
/// The same until it is ready.
const LOOK_AT_START: Duration = Duration::from_millis(50);
/// By how much a start or a stop is extended, at each look. The end of a process, with its log, takes no longer.
const EXTENSION: Duration = Duration::from_secs(20);

/// What was told so far.
struct Told {
    manager: ServiceManager,
    is_ready: bool,
    is_stopping: bool,
    status: String,
    standstill: Option<Standstill>,
}

impl Supervisor {
    /// Runs, see [`Supervisor::run`], and tells the service manager about it, if there is one.
    pub async fn serve(self, manager: Option<ServiceManager>) -> Ended {
        let Some(manager) = manager else {
            return self.run().await;
        };
        let telling = tokio::spawn(self.clone().tell(manager.clone()));
        let ended = self.run().await;
        telling.abort();
        // It may be gone, and nothing follows from that.
        let _ = manager.tell(&[Notice::Stopping, Notice::Extend(EXTENSION)]);
        ended
    }

    /// Tells again and again what there is to tell.
    async fn tell(self, manager: ServiceManager) {
        let beat = manager.watchdog().map_or(LOOK, |wait| LOOK.min(wait / 3));
        let mut told = Told {
            manager,
            is_ready: false,
            is_stopping: false,
            status: String::new(),
            standstill: None,
        };
        let mut shutdown = self.0.shutdown.clone();
        loop {
            let is_stopping = shutdown.is_requested();
            told.look(&self, is_stopping);
            let pause = match told.is_ready || is_stopping {
                true => beat,
                false => LOOK_AT_START.min(beat),
            };
            tokio::select! {
                biased;
                () = shutdown.requested(), if !is_stopping => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }
}

impl Told {
    /// Looks once, and tells what is new.
    fn look(&mut self, supervisor: &Supervisor, is_stopping: bool) {
        let mut notices = Vec::new();
        let status = match is_stopping {
            true => stopping_status(supervisor),
            false => status(supervisor),
        };
        if is_stopping {
            if !self.is_stopping {
                notices.push(Notice::Stopping);
            }
            notices.extend([Notice::Extend(EXTENSION), Notice::Alive]);
        } else if self.moves(supervisor) {
            notices.push(Notice::Alive);
            if !self.is_ready {
                notices.push(match supervisor.listed().is_settled() {
                    true => Notice::Ready,
                    false => Notice::Extend(EXTENSION),
                });
            }
        }
        if status != self.status {
            notices.push(Notice::Status(&status));
        }
        // What it doesn't take is told again.
        if notices.is_empty() || self.manager.tell(&notices).is_err() {
            return;
        }
        self.is_ready |= notices.contains(&Notice::Ready);
        self.is_stopping |= notices.contains(&Notice::Stopping);
        self.status = status;
    }

    /// Does no archive stand still? That one does is logged once.
    fn moves(&mut self, supervisor: &Supervisor) -> bool {
        let archives = supervisor.listed().watched();
        let standstill = Standstill::look(&archives, Instant::now());
        if standstill != self.standstill {
            match (&standstill, self.manager.watchdog()) {
                (Some(still), Some(_)) => tracing::error!(
                    "standing still, by a fault in the program: {still}; the service manager's watchdog will end this \
                     process and start it again; please report it"
                ),
                (Some(still), None) => tracing::error!(
                    "standing still, by a fault in the program: {still}; start archiver again, and please report it"
                ),
                (None, _) => tracing::info!("no archive stands still any more"),
            }
        }
        self.standstill = standstill;
        self.standstill.is_none()
    }
}

/// What the archives do: how many run, have stalled, wait and have stopped, and which of them need a look.
fn status(supervisor: &Supervisor) -> String {
    let statuses = supervisor.statuses();
    let (running, _) = name_those(&statuses, |state| matches!(state, State::Running));
    let (starting, _) = name_those(&statuses, |state| matches!(state, State::Starting));
    let mut said = format!("archives: {running} running");
    if starting > 0 {
        said += &format!(", {starting} starting");
    }
    let (stalled, names) = name_those(&statuses, |state| matches!(state, State::Stalled(_)));
    if stalled > 0 {
        said += &format!(", {stalled} stalled ({names})");
    }
    let waiting: fn(&State) -> bool = |state| matches!(state, State::Waiting(_));
    let stopped: fn(&State) -> bool = |state| matches!(state, State::Stopped(_));
    for (words, wanted) in [("waiting", waiting), ("stopped", stopped)] {
        let (count, names) = name_those(&statuses, wanted);
        match count {
            0 => said += &format!(", 0 {words}"),
            _ => said += &format!(", {count} {words} ({names})"),
        }
    }
    said
}

/// How many archives have not ended yet.
fn stopping_status(supervisor: &Supervisor) -> String {
    let statuses = supervisor.statuses();
    let (left, _) = name_those(&statuses, |state| !state.is_end());
    format!("stopping: {left} of {} archives left", statuses.len())
}
