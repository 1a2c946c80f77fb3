//! The one source of chance in a run: what it draws depends on the seed only.

use std::sync::{Arc, Mutex, PoisonError};

/// Draws numbers; clones draw from the same sequence.
#[derive(Debug, Clone)]
pub struct Random(Arc<Mutex<u64>>);

impl Random {
    /// A sequence of its own.
    pub fn new(seed: u64) -> Self {
        // Seeds that differ in little must not give sequences that do.
        Self(Arc::new(Mutex::new(mix(
            seed.wrapping_add(0x5851_f42d_4c95_7f2d)
        ))))
    }

    /// Any number (SplitMix64).
    pub fn number(&self) -> u64 {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(*state)
    }

    /// A number below `bound`, or 0.
    pub fn below(&self, bound: usize) -> usize {
        (self.number() % (bound as u64).max(1)) as usize
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }

    /// Once in so many times; never when that is 0.
    pub fn once_in(&self, times: usize) -> bool {
        let drawn = self.number();
        times > 0 && drawn.is_multiple_of(times as u64)
    }

    /// One of these.
    pub fn pick<T: Copy>(&self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

fn mix(state: u64) -> u64 {
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}
