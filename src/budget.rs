//! The memory that chunks may hold in the whole process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

/// Counts the bytes that chunks hold.
#[derive(Debug, Clone)]
pub struct Budget(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limit: u64,
    used: AtomicU64,
    freed: Notify,
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
            limit,
            used: AtomicU64::new(0),
            freed: Notify::new(),
        }))
    }

    /// Nothing held yet.
    pub fn hold(&self) -> Held {
        Held {
            bytes: 0,
            of: Some(Arc::clone(&self.0)),
        }
    }

    /// Is more held than should be? Then archives write what they have and take nothing more.
    pub fn is_spent(&self) -> bool {
        self.0.used.load(Ordering::Relaxed) >= self.0.limit
    }

    /// Waits until something is freed.
    pub async fn freed(&self) {
        self.0.freed.notified().await;
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
}
