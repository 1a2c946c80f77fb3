//! The wish to stop, as a value that is passed in: the process's, and below it one for each archive.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::Notify;

/// Asks for a stop; dropping it asks too.
pub struct Stopper(Arc<Shared>);

/// Knows whether a stop was asked for.
#[derive(Clone)]
pub struct Shutdown(Arc<Shared>);

// Not a `watch`, which wakes those who wait in an order of its own: a simulated run must be repeatable. Children are
// asked in the order in which they were made.
#[derive(Default)]
struct Shared {
    asked: AtomicBool,
    changed: Notify,
    children: Mutex<Vec<Weak<Shared>>>,
}

/// A stopper and what it stops.
pub fn channel() -> (Stopper, Shutdown) {
    let shared = Arc::<Shared>::default();
    (Stopper(Arc::clone(&shared)), Shutdown(shared))
}

impl Shared {
    fn ask(&self) {
        // Locked, so that a child that is being made either sees it or is asked.
        let children = self.children.lock().unwrap_or_else(PoisonError::into_inner);
        self.asked.store(true, Ordering::SeqCst);
        self.changed.notify_waiters();
        for child in children.iter().filter_map(Weak::upgrade) {
            child.ask();
        }
    }
}

impl Stopper {
    /// Asks for a stop.
    pub fn stop(&self) {
        self.0.ask();
    }
}

impl Drop for Stopper {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shutdown {
    /// A wish of its own below this one: a stop is asked for by the stopper, and when one is asked for here.
    pub fn child(&self) -> (Stopper, Self) {
        let (stopper, child) = channel();
        let mut children = self
            .0
            .children
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // Before the list grows, those that are gone make room.
        if children.len() == children.capacity() {
            children.retain(|child| child.strong_count() > 0);
        }
        children.push(Arc::downgrade(&child.0));
        child.0.asked.store(self.is_requested(), Ordering::SeqCst);
        drop(children);
        (stopper, child)
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_child_is_asked_with_its_parent_and_without_it() {
        let (stopper, parent) = channel();
        let (first_stopper, mut first) = parent.child();
        let (_second_stopper, mut second) = parent.child();
        first_stopper.stop();
        first.requested().await;
        assert!(!second.is_requested() && !parent.is_requested());
        stopper.stop();
        second.requested().await;
        let (_stopper, mut born_asked) = parent.child();
        born_asked.requested().await;
    }

    #[test]
    fn children_that_are_gone_are_forgotten() {
        let (_stopper, parent) = channel();
        let kept = parent.child();
        for _ in 0..1_000 {
            drop(parent.child());
        }
        let children = parent.0.children.lock().expect("no panic");
        assert!(children.len() < 10, "{} are left", children.len());
        assert!(!kept.1.is_requested());
    }
}
