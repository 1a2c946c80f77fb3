//! The memory that batches on their way to a device may hold. Each device to which there are any has the same share;
//! while that is spent, whoever wants more stands in line.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;

use super::memory::{Held, Memory};

/// The memory of one device's batches; clones are the same one.
#[derive(Debug, Clone)]
pub struct Budget {
    memory: Memory,
    /// Whoever wants a turn stands in line here.
    line: Arc<Semaphore>,
}

impl Budget {
    fn new(limit: u64) -> Self {
        Self {
            memory: Memory::new(limit),
            line: Arc::new(Semaphore::new(1)),
        }
    }

    /// Nothing held yet.
    pub fn hold(&self) -> Held {
        self.memory.hold()
    }

    /// Is more held than should be? Then archives write what they have, and take more when it is their turn.
    pub fn is_spent(&self) -> bool {
        self.memory.is_spent()
    }

    /// Waits in line until something is free, and holds so many bytes then.
    pub async fn turn(self, bytes: u64) -> Held {
        // Nobody closes it.
        let _first = self.line.acquire().await;
        self.memory.until(|| !self.is_spent()).await;
        let mut held = self.hold();
        held.set(bytes);
        held
    }
}

/// The budgets of all devices, out of one amount of memory.
pub(super) struct Budgets {
    bytes: u64,
    of: Mutex<HashMap<u64, Budget>>,
}

impl Budgets {
    /// Out of so many bytes.
    pub fn new(bytes: u64) -> Self {
        Self {
            bytes,
            of: Mutex::default(),
        }
    }

    /// The budget of this device; all others become smaller by it if it is new.
    pub fn of(&self, device: u64) -> Budget {
        let mut budgets = self.locked();
        if let Some(known) = budgets.get(&device) {
            return known.clone();
        }
        let new = Budget::new(0);
        budgets.insert(device, new.clone());
        let share = self.bytes / budgets.len() as u64;
        budgets.values().for_each(|each| each.memory.limit(share));
        new
    }

    /// Does nobody else have any of it?
    pub fn is_only(&self) -> bool {
        self.locked().len() == 1
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<u64, Budget>> {
        self.of.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

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

    #[test]
    fn each_device_has_the_same_share() {
        let budgets = Budgets::new(100);
        let first = budgets.of(1);
        let mut held = first.hold();
        held.set(60);
        assert!(!first.is_spent() && budgets.is_only());
        let second = budgets.of(2);
        assert!(first.is_spent() && !second.is_spent() && !budgets.is_only());
        held.set(49);
        assert!(!budgets.of(1).is_spent());
    }
}
