//! Where records are sent to, as the player sees it.

use std::time::Duration;

use super::due::Due;

/// Takes records in the order in which they are due.
pub trait Sink {
    /// Hands a record over. Never waits.
    ///
    /// # Errors
    ///
    /// If there is no room yet, or nothing can be sent any more.
    fn send(&mut self, due: &Due) -> Result<(), NotSent>;

    /// Notes what has arrived; waits so long for an answer, if none is there.
    ///
    /// # Errors
    ///
    /// If nothing can be sent any more.
    fn serve(&mut self, patience: Duration) -> Result<(), Failure>;
}

/// Why a record wasn't handed over.
#[derive(Debug)]
pub enum NotSent {
    /// There is no room until something else has arrived.
    Full,
    /// Nothing can be sent any more.
    Failed(Failure),
}

/// Why nothing can be sent any more.
#[derive(Debug)]
pub enum Failure {
    /// What was sent since the last committed place was taken back. It is sent again from there.
    TakenBack(String),
    /// It can't go on.
    Final(anyhow::Error),
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Final(error)
    }
}

/// Why it can't go on, where `--resume` would make it worse.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotResumable(pub String);
