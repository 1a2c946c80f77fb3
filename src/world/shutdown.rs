//! The wish to stop, as a value that is passed in.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Asks for a stop; dropping it asks too.
pub struct Stopper(Arc<Shared>);

/// Knows whether a stop was asked for.
#[derive(Clone)]
pub struct Shutdown(Arc<Shared>);

// Not a `watch`, which wakes those who wait in an order of its own: a simulated run must be repeatable.
#[derive(Default)]
struct Shared {
    asked: AtomicBool,
    changed: Notify,
}

/// A stopper and what it stops.
pub fn channel() -> (Stopper, Shutdown) {
    let shared = Arc::<Shared>::default();
    (Stopper(Arc::clone(&shared)), Shutdown(shared))
}

impl Stopper {
    /// Asks for a stop.
    pub fn stop(&self) {
        self.0.asked.store(true, Ordering::SeqCst);
        self.0.changed.notify_waiters();
    }
}

impl Drop for Stopper {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shutdown {
    /// Waits until a stop is asked for. May be dropped and called again.
    pub async fn requested(&mut self) {
        // Made before looking, so that nothing is missed in between.
        let changed = self.0.changed.notified();
        if !self.is_requested() {
            changed.await;
        }
    }

    /// Was a stop asked for?
    pub fn is_requested(&self) -> bool {
        self.0.asked.load(Ordering::SeqCst)
    }
}
