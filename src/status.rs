//! What each archive is doing, for the log and whoever else wants to know.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What an archive is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It finds out where to go on.
    Starting,
    /// It takes records.
    Running,
    /// It can't go on for the moment and tries again by itself.
    Waiting(String),
    /// It can't go on until somebody does something and starts archiver again.
    Stopped(String),
    /// It has stopped because archiver was asked to.
    Done,
}

/// How many archives one line of the log names, at most.
const NAMED_MOST: usize = 10;

/// How many archives are in a state that is wanted, and the names of the first of them.
pub fn name_those(statuses: &[Arc<Status>], wanted: fn(&State) -> bool) -> (usize, String) {
    let found = statuses.iter().filter(|status| wanted(&status.state()));
    let found = found.map(|status| status.name()).collect::<Vec<_>>();
    let mut names = found[..found.len().min(NAMED_MOST)].join(", ");
    if found.len() > NAMED_MOST {
        names += &format!(" and {} others", found.len() - NAMED_MOST);
    }
    (found.len(), names)
}

/// An archive's state and counts.
#[derive(Debug)]
pub struct Status {
    name: String,
    state: Mutex<State>,
    /// Records taken from Kafka.
    pub records: AtomicU64,
    /// Bytes written to the file, after compression.
    pub bytes_written: AtomicU64,
}

impl Status {
    /// An archive that is starting.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            state: Mutex::new(State::Starting),
            records: AtomicU64::new(0),
            bytes_written: AtomicU64::new(0),
        }
    }

    /// The archive's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is doing.
    pub fn state(&self) -> State {
        self.lock().clone()
    }

    /// Takes note of what it is doing, and says so in the log if that is new.
    pub fn set(&self, state: State) {
        let mut current = self.lock();
        if *current == state {
            return;
        }
        let archive = &self.name;
        match &state {
            State::Starting => tracing::debug!("archive {archive}: starting"),
            State::Running => tracing::info!("archive {archive}: running"),
            State::Waiting(why) => tracing::warn!("archive {archive}: waiting: {why}"),
            State::Stopped(why) => tracing::error!("archive {archive}: stopped: {why}"),
            State::Done => tracing::debug!("archive {archive}: done"),
        }
        *current = state;
    }

    /// Counts what was taken.
    pub fn took(&self, records: u64) {
        self.records.fetch_add(records, Ordering::Relaxed);
    }

    /// Counts what was written.
    pub fn wrote(&self, bytes: u64) {
        self.bytes_written.fetch_add(bytes, Ordering::Relaxed);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
