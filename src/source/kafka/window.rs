//! How much may have arrived and wait to be taken, in the whole process and in one inbox.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::world::memory::{Held, Memory};

/// Counts what waits in all the inboxes.
#[derive(Debug, Clone)]
pub(super) struct Window {
    memory: Memory,
    inbox_most: u64,
    /// Inboxes that hold more than one may.
    overfull: Arc<AtomicUsize>,
}

/// One inbox's part of it.
#[derive(Debug)]
pub(super) struct Share {
    held: Held,
    of: Window,
}

impl Window {
    /// For so many bytes in all, and so many in one inbox.
    pub fn new(limit: u64, inbox_most: u64) -> Self {
        Self {
            memory: Memory::new(limit),
            inbox_most,
            overfull: Arc::default(),
        }
    }

    /// Must nothing more come in?
    pub(super) fn is_full(&self) -> bool {
        self.overfull.load(Ordering::Relaxed) > 0 || self.memory.is_spent()
    }

    /// Waits until more may come in.
    pub(super) async fn room(&self) {
        self.memory.until(|| !self.is_full()).await;
    }

    /// A part that holds nothing yet.
    pub(super) fn share(&self) -> Share {
        Share {
            held: self.memory.hold(),
            of: self.clone(),
        }
    }
}

impl Share {
    /// Holds so many bytes from now on.
    pub(super) fn set(&mut self, bytes: u64) {
        let over = |bytes| bytes > self.of.inbox_most;
        let (was_over, is_over) = (over(self.held.bytes()), over(bytes));
        self.held.set(bytes);
        let overfull = &self.of.overfull;
        match (was_over, is_over) {
            (false, true) => drop(overfull.fetch_add(1, Ordering::Relaxed)),
            (true, false) if overfull.fetch_sub(1, Ordering::Relaxed) == 1 => self.of.memory.wake(),
            _ => {}
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn nothing_comes_in_while_one_inbox_holds_too_much_or_all_of_them_do() {
        let window = Window::new(100, 40);
        let (mut one, mut other) = (window.share(), window.share());
        for (holds, others) in [(41, 0), (40, 60), (41, 60), (41, 41)] {
            one.set(holds);
            other.set(others);
            assert!(window.is_full(), "{holds} and {others}");
            let mut room = std::pin::pin!(window.room());
            assert!(room.as_mut().now_or_never().is_none());
            other.set(40);
            one.set(40);
            assert!(room.as_mut().now_or_never().is_some());
        }
        one.set(41);
        drop(one);
        assert!(!window.is_full());
    }
}
