//! Tells when nobody uses an archive's disks any more, and nothing is under way that was begun there.
//!
//! What nobody waits for any more is done all the same: whoever comes next must not have it done to its files.

use std::convert::Infallible;

use tokio::sync::mpsc::{self, Receiver, Sender};

/// Kept by whoever uses the disks, and by all work that was begun there.
#[derive(Clone)]
pub(super) struct User {
    _tells: Sender<Infallible>,
}

/// Tells when the last user has gone.
pub struct Idle(Receiver<Infallible>);

impl User {
    /// The first user, and who is told of the last one.
    pub fn new() -> (Self, Idle) {
        let (sender, receiver) = mpsc::channel(1);
        (Self { _tells: sender }, Idle(receiver))
    }
}

impl Idle {
    /// Waits until it is so. May be dropped and called again.
    pub async fn wait(&mut self) {
        // Nothing is ever sent: it ends with the last of them.
        let _ = self.0.recv().await;
    }
}
