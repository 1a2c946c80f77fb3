//! How much may have arrived and wait to be taken, in the whole process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::sync::Notify;

/// Counts what waits in all the inboxes.
#[derive(Debug, Clone)]
pub struct Window(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limit: u64,
    inbox_most: u64,
    waiting: AtomicU64,
    /// Inboxes that hold more than one may.
    overfull: AtomicUsize,
    freed: Notify,
}

/// One inbox's part of it.
#[derive(Debug)]
pub(super) struct Share {
    bytes: u64,
    of: Window,
}

impl Window {
    /// For so many bytes in all, and so many in one inbox.
    pub fn new(limit: u64, inbox_most: u64) -> Self {
        Self(Arc::new(Shared {
            limit,
            inbox_most,
            waiting: AtomicU64::new(0),
            overfull: AtomicUsize::new(0),
            freed: Notify::new(),
        }))
    }

    /// Must nothing more come in?
    pub(super) fn is_full(&self) -> bool {
        self.0.overfull.load(Ordering::Relaxed) > 0
            || self.0.waiting.load(Ordering::Relaxed) >= self.0.limit
    }

    /// Waits until more may come in.
    pub(super) async fn room(&self) {
        loop {
            let mut freed = std::pin::pin!(self.0.freed.notified());
            freed.as_mut().enable();
            if !self.is_full() {
                return;
            }
            freed.await;
        }
    }

    /// A part that holds nothing yet.
    pub(super) fn share(&self) -> Share {
        Share {
            bytes: 0,
            of: self.clone(),
        }
    }
}

impl Share {
    /// Holds so many bytes from now on.
    pub(super) fn set(&mut self, bytes: u64) {
        let shared = &*self.of.0;
        let was_full = self.of.is_full();
        let over = |bytes| bytes > shared.inbox_most;
        match (over(self.bytes), over(bytes)) {
            (false, true) => drop(shared.overfull.fetch_add(1, Ordering::Relaxed)),
            (true, false) => drop(shared.overfull.fetch_sub(1, Ordering::Relaxed)),
            _ => {}
        }
        if bytes >= self.bytes {
            let more = bytes - self.bytes;
            shared.waiting.fetch_add(more, Ordering::Relaxed);
        } else {
            let less = self.bytes - bytes;
            shared.waiting.fetch_sub(less, Ordering::Relaxed);
        }
        self.bytes = bytes;
        if was_full && !self.of.is_full() {
            shared.freed.notify_waiters();
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0);
    }
}
