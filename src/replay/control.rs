//! What people ask of a replay while it runs, and what they see of it.

use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Mutex, PoisonError};

use super::lateness::Figures;
use super::speed::Pace;
use crate::world::shutdown::Shutdown;

/// What was asked for.
pub struct Control {
    shutdown: Shutdown,
    is_held: AtomicBool,
    /// So many times twice as fast, or half as fast.
    steps: AtomicI32,
    seen: Mutex<Seen>,
}

/// A replay at one moment.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seen {
    /// So many records were handed over, in this run.
    pub sent: u64,
    /// So many bytes of values.
    pub bytes: u64,
    /// Where the schedule is, by the records' times, in nanoseconds since 1970.
    pub at_ns: Option<i128>,
    /// How fast it goes.
    pub pace: Option<Pace>,
    /// It stands still.
    pub is_held: bool,
    /// How late records were, of all topics.
    pub lateness: Figures,
}

impl Control {
    /// One that ends with this shutdown.
    pub fn new(shutdown: Shutdown) -> Self {
        Self {
            shutdown,
            is_held: AtomicBool::default(),
            steps: AtomicI32::default(),
            seen: Mutex::default(),
        }
    }

    /// Stands still, or goes on.
    pub fn hold_or_go_on(&self) {
        self.is_held.fetch_xor(true, Ordering::Relaxed);
    }

    /// Twice as fast.
    pub fn faster(&self) {
        self.steps.fetch_add(1, Ordering::Relaxed);
    }

    /// Half as fast.
    pub fn slower(&self) {
        self.steps.fetch_sub(1, Ordering::Relaxed);
    }

    /// Is it to end?
    pub fn is_stopped(&self) -> bool {
        self.shutdown.is_requested()
    }

    /// Is it to stand still?
    pub fn is_held(&self) -> bool {
        self.is_held.load(Ordering::Relaxed)
    }

    /// The steps that were asked for since this was asked last.
    pub(super) fn steps(&self) -> i32 {
        match self.steps.load(Ordering::Relaxed) {
            0 => 0,
            _ => self.steps.swap(0, Ordering::Relaxed),
        }
    }

    /// Shows where it is.
    pub(super) fn show(&self, seen: Seen) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
    }

    /// Where it is.
    pub fn seen(&self) -> Seen {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
