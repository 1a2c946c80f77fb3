//! The pace of archives: their counts are looked at once a second, for the rates.

use std::sync::Arc;

use tokio::time::{Instant, MissedTickBehavior, interval};

use super::rates::LOOK;
use super::status::Status;

/// Looks again and again; `now` gives the archives.
pub async fn watch(now: impl Fn() -> Vec<Arc<Status>>) {
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        let at = Instant::now();
        for status in now() {
            let mut activity = status.activity();
            let written = activity.written;
            activity.rates.note(at, written);
        }
    }
}
