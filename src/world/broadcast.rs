//! Something that happens again and again and that many listen to: the ticks of a timer, a SIGUSR1.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

/// Tells everybody who listens that it has happened. Clones are the same.
#[derive(Clone, Default)]
pub struct Broadcast(Arc<Shared>);

/// Waits until it happens.
pub struct Listener {
    shared: Arc<Shared>,
    seen: u64,
}

// Not a `watch`, which wakes those who wait in an order of its own: a simulated run must be repeatable.
#[derive(Default)]
struct Shared {
    count: AtomicU64,
    sent: Notify,
}

impl Broadcast {
    /// Tells each that listens, once.
    pub fn send(&self) {
        self.0.count.fetch_add(1, Ordering::SeqCst);
        self.0.sent.notify_waiters();
    }

    /// Listens to what happens from now on.
    pub fn listen(&self) -> Listener {
        Listener {
            seen: self.0.count.load(Ordering::SeqCst),
            shared: Arc::clone(&self.0),
        }
    }
}

impl Listener {
    /// Waits until it happens again. May be dropped and called again.
    pub async fn next(&mut self) {
        loop {
            // Made before looking, so that nothing is missed in between.
            let sent = self.shared.sent.notified();
            let count = self.shared.count.load(Ordering::SeqCst);
            if count != self.seen {
                self.seen = count;
                return;
            }
            sent.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn what_is_sent_is_heard_once_by_each_that_listens_and_not_by_who_comes_later() {
        let broadcast = Broadcast::default();
        let mut listeners = [broadcast.listen(), broadcast.listen()];
        broadcast.send();
        let mut late = broadcast.listen();
        for listener in &mut listeners {
            assert!(listener.next().now_or_never().is_some());
            assert!(listener.next().now_or_never().is_none());
        }
        assert!(late.next().now_or_never().is_none());
    }
}
