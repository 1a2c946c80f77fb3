//! Whether what archives moves: its runtime is asked again and again to do nothing.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

/// How often it is asked.
const EVERY: Duration = Duration::from_secs(1);
/// Silent for so long, it stands still.
const SILENT_MOST: Duration = Duration::from_secs(10);

/// When the runtime was last seen to move.
#[derive(Clone)]
pub(super) struct Pulse(Arc<Mutex<Instant>>);

impl Default for Pulse {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }
}

impl Pulse {
    /// Asks for ever, one question at a time.
    pub async fn feel(self, engine: Handle) {
        loop {
            let answer = engine.spawn(async {}).await;
            if answer.is_err() {
                // The runtime has ended, and so will the process.
                return;
            }
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
            tokio::time::sleep(EVERY).await;
        }
    }

    /// For how long it has stood still, if it does.
    pub fn still(&self) -> Option<Duration> {
        let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let silent = last.elapsed();
        (silent > SILENT_MOST).then_some(silent)
    }
}
