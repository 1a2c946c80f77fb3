//! Time: the wall clock, for what people read, and ticks that many archives share.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
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
pub struct Ticks(Arc<Mutex<HashMap<Duration, Arc<Timer>>>>);

/// Waits for the ticks of one interval.
pub struct Tick {
    timer: Arc<Timer>,
    seen: u64,
}

// Not a `watch`, which wakes those who wait in an order of its own: a simulated run must be repeatable.
#[derive(Default)]
struct Timer {
    count: AtomicU64,
    ticked: Notify,
}

impl Ticks {
    /// The ticks of this interval. Must be called within a tokio runtime.
    pub fn every(&self, interval: Duration) -> Tick {
        let mut intervals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let timer = intervals.entry(interval).or_insert_with(|| {
            let timer = Arc::<Timer>::default();
            tokio::spawn(run(Arc::clone(&timer), interval));
            timer
        });
        Tick {
            seen: timer.count.load(Ordering::SeqCst),
            timer: Arc::clone(timer),
        }
    }
}

async fn run(timer: Arc<Timer>, interval: Duration) {
    let mut ticks = interval_at(tokio::time::Instant::now() + interval, interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        timer.count.fetch_add(1, Ordering::SeqCst);
        timer.ticked.notify_waiters();
    }
}

impl Tick {
    /// Waits for the next tick. May be dropped and called again.
    pub async fn next(&mut self) {
        loop {
            // Made before looking, so that nothing is missed in between.
            let ticked = self.timer.ticked.notified();
            let count = self.timer.count.load(Ordering::SeqCst);
            if count != self.seen {
                self.seen = count;
                return;
            }
            ticked.await;
        }
    }
}
