//! The memory that chunks on their way to one device may hold.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{Notify, Semaphore};

/// Counts the bytes that chunks hold.
#[derive(Debug, Clone)]
pub struct Budget(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limit: AtomicU64,
    used: AtomicU64,
    freed: Notify,
    /// Whoever wants a turn stands in line here.
    line: Semaphore,
}

/// Bytes that are counted until this is dropped.
#[derive(Debug, Default)]
pub struct Held {
    bytes: u64,
    of: Option<Arc<Shared>>,
}

impl Budget {
    /// A budget of so many bytes.
    pub fn new(limit: u64) -> Self {
        Self(Arc::new(Shared {
            limit: AtomicU64::new(limit),
            used: AtomicU64::new(0),
            freed: Notify::new(),
            line: Semaphore::new(1),
        }))
    }

    /// Allows so many bytes from now on.
    pub fn limit(&self, bytes: u64) {
        self.0.limit.store(bytes, Ordering::Relaxed);
        self.0.freed.notify_waiters();
    }

    /// Nothing held yet.
    pub fn hold(&self) -> Held {
        Held {
            bytes: 0,
            of: Some(Arc::clone(&self.0)),
        }
    }

    /// Is more held than should be? Then archives write what they have, and take more when it is their turn.
    pub fn is_spent(&self) -> bool {
        self.0.used.load(Ordering::Relaxed) >= self.0.limit.load(Ordering::Relaxed)
    }

    /// Waits in line until something is free, and holds so many bytes then.
    pub async fn turn(self, bytes: u64) -> Held {
        let _first = self.0.line.acquire().await;
        loop {
            let mut freed = std::pin::pin!(self.0.freed.notified());
            freed.as_mut().enable();
            if !self.is_spent() {
                let mut held = self.hold();
                held.set(bytes);
                return held;
            }
            freed.await;
        }
    }
}

impl Held {
    /// Holds this many bytes from now on.
    pub fn set(&mut self, bytes: u64) {
        let Some(of) = &self.of else { return };
        if bytes >= self.bytes {
            of.used.fetch_add(bytes - self.bytes, Ordering::Relaxed);
        } else {
            of.used.fetch_sub(self.bytes - bytes, Ordering::Relaxed);
            of.freed.notify_waiters();
        }
        self.bytes = bytes;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn what_is_dropped_can_be_held_again() {
        let budget = Budget::new(100);
        let mut held = budget.hold();
        held.set(60);
        assert!(!budget.is_spent());
        let mut more = budget.hold();
        more.set(60);
        assert!(budget.is_spent());
        drop(held);
        assert!(!budget.is_spent());
    }

    #[test]
    fn who_waits_longest_has_the_first_turn() {
        let budget = Budget::new(100);
        let mut held = budget.hold();
        held.set(100);
        let mut first = std::pin::pin!(budget.clone().turn(100));
        let mut second = std::pin::pin!(budget.clone().turn(100));
        assert!(first.as_mut().now_or_never().is_none());
        assert!(second.as_mut().now_or_never().is_none());
        drop(held);
        assert!(second.as_mut().now_or_never().is_none());
        let taken = first.as_mut().now_or_never();
        assert!(taken.is_some());
        assert!(second.as_mut().now_or_never().is_none());
        drop(taken);
        assert!(second.as_mut().now_or_never().is_some());
    }
}
