//! Time: the wall clock, for what people read, and ticks that many archives share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval_at};

/// The wall clock.
pub trait Clock: Send + Sync {
    /// Now, RFC 3339 in UTC.
    fn now(&self) -> String;
}

/// The operating system's.
pub struct RealClock;

impl Clock for RealClock {
    fn now(&self) -> String {
        jiff::Timestamp::now().to_string()
    }
}

/// One timer for each interval, however many archives wait for it.
#[derive(Clone, Default)]
pub struct Ticks(Arc<Mutex<HashMap<Duration, watch::Receiver<u64>>>>);

/// Waits for the ticks of one interval.
pub struct Tick(watch::Receiver<u64>);

impl Ticks {
    /// The ticks of this interval. Must be called within a tokio runtime.
    pub fn every(&self, interval: Duration) -> Tick {
        let mut intervals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let receiver = intervals.entry(interval).or_insert_with(|| {
            let (sender, receiver) = watch::channel(0);
            tokio::spawn(async move {
                let mut timer = interval_at(tokio::time::Instant::now() + interval, interval);
                timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
                loop {
                    timer.tick().await;
                    sender.send_modify(|count| *count += 1);
                }
            });
            receiver
        });
        Tick(receiver.clone())
    }
}

impl Tick {
    /// Waits for the next tick. May be dropped and called again.
    pub async fn next(&mut self) {
        if self.0.changed().await.is_err() {
            // The timer's task is gone with the runtime.
            std::future::pending().await
        }
    }
}
