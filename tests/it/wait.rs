//! Waiting for what must become true; nothing sleeps for a fixed time instead.

use std::thread;
use std::time::{Duration, Instant};

/// Long enough for anything on a slow and busy machine.
pub const LONG: Duration = Duration::from_secs(90);

const PAUSE: Duration = Duration::from_millis(20);

/// Whether the condition came true in time.
pub fn within(timeout: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    loop {
        if condition() {
            return true;
        }
        if start.elapsed() > timeout {
            return false;
        }
        thread::sleep(PAUSE);
    }
}

/// Waits until the condition is true, and fails the test when it isn't in time.
#[track_caller]
pub fn eventually(timeout: Duration, what: &str, condition: impl FnMut() -> bool) {
    assert!(within(timeout, condition), "not within {timeout:?}: {what}");
}

/// Does something at the end of a scope, also when the test fails there.
pub struct OnDrop<F: Fn()>(pub F);

impl<F: Fn()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        self.0();
    }
}
