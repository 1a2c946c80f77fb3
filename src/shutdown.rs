//! The wish to stop, as a value that is passed in.

use tokio::sync::watch;

/// Asks for a stop; dropping it asks too.
pub struct Stopper(watch::Sender<bool>);

/// Knows whether a stop was asked for.
#[derive(Clone)]
pub struct Shutdown(watch::Receiver<bool>);

/// A stopper and what it stops.
pub fn channel() -> (Stopper, Shutdown) {
    let (sender, receiver) = watch::channel(false);
    (Stopper(sender), Shutdown(receiver))
}

impl Stopper {
    /// Asks for a stop.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Shutdown {
    /// Waits until a stop is asked for. May be dropped and called again.
    pub async fn requested(&mut self) {
        let _ = self.0.wait_for(|stop| *stop).await;
    }

    /// Was a stop asked for?
    pub fn is_requested(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }
}
