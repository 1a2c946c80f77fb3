//! The pauses between attempts.

use std::time::Duration;

/// The first pause.
const FIRST: Duration = Duration::from_millis(500);
/// The longest pause.
pub(super) const MOST: Duration = Duration::from_secs(8);
/// An attempt that lasted longer than this starts the pauses anew.
const FORGET: Duration = Duration::from_secs(60);

/// Doubling pauses, so that a trouble that lasts doesn't keep brokers and disks busy.
pub(super) struct Backoff {
    next: Duration,
}

impl Backoff {
    pub fn new() -> Self {
        Self { next: FIRST }
    }

    /// The pause after an attempt that lasted this long.
    pub fn after(&mut self, lasted: Duration) -> Duration {
        if lasted > FORGET {
            self.next = FIRST;
        }
        let pause = self.next;
        self.next = (pause * 2).min(MOST);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_until_an_attempt_lasts() {
        let mut backoff = Backoff::new();
        let mut after = |seconds| backoff.after(Duration::from_secs(seconds)).as_millis();
        let pauses = [0, 60, 1, 0, 0, 0].map(&mut after);
        assert_eq!(pauses, [500, 1000, 2000, 4000, 8000, 8000]);
        assert_eq!([61, 0].map(&mut after), [500, 1000]);
    }
}
