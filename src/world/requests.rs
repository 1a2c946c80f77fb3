//! Requests that many archives listen to, as SIGUSR1 makes one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

/// Makes requests, and lets others listen. Clones are the same.
#[derive(Clone, Default)]
pub struct Requests(Arc<Shared>);

/// Waits for the next request.
pub struct Listener {
    shared: Arc<Shared>,
    seen: u64,
}

// Not a `watch`, which wakes those who wait in an order of its own: a simulated run must be repeatable.
#[derive(Default)]
struct Shared {
    count: AtomicU64,
    made: Notify,
}

impl Requests {
    /// Makes a request, which each that listens hears once.
    pub fn make(&self) {
        self.0.count.fetch_add(1, Ordering::SeqCst);
        self.0.made.notify_waiters();
    }

    /// Listens to what is requested from now on.
    pub fn listen(&self) -> Listener {
        Listener {
            seen: self.0.count.load(Ordering::SeqCst),
            shared: Arc::clone(&self.0),
        }
    }
}

impl Listener {
    /// Waits for the next request. May be dropped and called again.
    pub async fn next(&mut self) {
        loop {
            // Made before looking, so that nothing is missed in between.
            let made = self.shared.made.notified();
            let count = self.shared.count.load(Ordering::SeqCst);
            if count != self.seen {
                self.seen = count;
                return;
            }
            made.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn a_request_is_heard_once_by_each_that_listens_and_not_by_who_comes_later() {
        let requests = Requests::default();
        let mut listeners = [requests.listen(), requests.listen()];
        requests.make();
        let mut late = requests.listen();
        for listener in &mut listeners {
            assert!(listener.next().now_or_never().is_some());
            assert!(listener.next().now_or_never().is_none());
        }
        assert!(late.next().now_or_never().is_none());
    }
}
