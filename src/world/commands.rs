//! Commands of the user's: passed in as a trait, so that a test can have them fail and hang, and at most a few at once.

mod output;
pub mod real;

use std::ffi::OsString;
use std::io;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many commands run at once in the whole process.
const MOST: usize = 4;

/// A command that is to be run.
#[derive(Debug, Clone)]
pub struct Command {
    /// What its lines begin with in the log.
    pub label: String,
    /// The program and its arguments.
    pub words: Vec<String>,
    /// Variables that it has beside those of this process; those without a value it doesn't have.
    pub variables: Vec<(&'static str, Option<OsString>)>,
}

/// Why a command didn't succeed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// There is no thread for it.
    #[error("can't be started: {0}; raise the limit of processes (ulimit -u)")]
    NoThread(io::Error),
    /// The system refuses to start it.
    #[error("can't be started: {0}")]
    Start(io::Error),
    /// It ended, but not with 0.
    #[error("{}", how(*status, last_line))]
    Failed {
        /// How it ended.
        status: ExitStatus,
        /// The last line of its standard error, if it wrote any.
        last_line: String,
    },
    /// The system doesn't tell how it ended.
    #[error("can't be awaited: {0}")]
    Lost(io::Error),
}

fn how(status: ExitStatus, last_line: &str) -> String {
    let how = match status.code() {
        Some(code) => format!("ended with exit code {code}"),
        // "signal: 9 (SIGKILL)"
        None => format!("was ended by a {status}"),
    };
    match last_line {
        "" => how,
        line => format!("{how}: {line}"),
    }
}

/// Runs commands.
pub trait Programs: Send + Sync {
    /// Runs a command until it has ended by itself, or is to end by its leash; then it ends with all that it has
    /// started. The turn is given up when nothing of it runs any more.
    fn run(
        &self,
        command: Command,
        leash: Leash,
        turn: Turn,
    ) -> BoxFuture<'static, Result<(), CommandError>>;
}

/// The right to run one command.
pub struct Turn {
    _permit: Option<OwnedSemaphorePermit>,
}

/// By which a command is ended before it has ended by itself; clones are the same one.
#[derive(Debug, Clone, Default)]
pub struct Leash(Arc<Mutex<Option<Duration>>>);

impl Leash {
    /// Ends the command: it is asked to (SIGTERM), and so long after that it must (SIGKILL).
    pub fn end(&self, grace: Duration) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(grace);
    }

    /// Is the command to end, and how much time has it for that?
    pub fn ended(&self) -> Option<Duration> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The commands of a process; clones are the same ones.
#[derive(Clone)]
pub struct Commands {
    turns: Arc<Semaphore>,
    programs: Arc<dyn Programs>,
}

impl Commands {
    /// Commands that are run by this.
    pub fn new(programs: Arc<dyn Programs>) -> Self {
        Self {
            turns: Arc::new(Semaphore::new(MOST)),
            programs,
        }
    }

    /// Waits until one more command may run.
    pub async fn turn(&self) -> Turn {
        let permit = Arc::clone(&self.turns).acquire_owned().await;
        Turn {
            // The semaphore is never closed.
            _permit: permit.ok(),
        }
    }

    /// Runs a command; see [`Programs::run`].
    pub fn run(
        &self,
        turn: Turn,
        command: Command,
        leash: &Leash,
    ) -> BoxFuture<'static, Result<(), CommandError>> {
        self.programs.run(command, leash.clone(), turn)
    }
}
