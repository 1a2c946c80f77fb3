//! One line of totals, every 30 seconds.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use crate::status::{State, Status};

const EVERY: Duration = Duration::from_secs(30);

/// What the line before said.
#[derive(Debug, Default)]
pub struct Last(Option<(Instant, u64, u64)>);

/// Writes the line for ever.
pub async fn report(statuses: Vec<Arc<Status>>) {
    let mut last = Last(Some((Instant::now(), 0, 0)));
    loop {
        tokio::time::sleep(EVERY).await;
        line(&statuses, &mut last);
    }
}

/// Writes the line: what the archives are doing, and how much since the line before.
pub fn line(statuses: &[Arc<Status>], last: &mut Last) {
    let (mut running, mut waiting, mut stopped) = (0, 0, 0);
    let (mut records, mut bytes) = (0, 0);
    for status in statuses {
        match status.state() {
            State::Running | State::Done => running += 1,
            State::Starting | State::Waiting(_) => waiting += 1,
            State::Stopped(_) => stopped += 1,
        }
        records += status.records.load(Ordering::Relaxed);
        bytes += status.bytes_written.load(Ordering::Relaxed);
    }
    let now = Instant::now();
    let rates = match last.0 {
        Some((then, records_then, bytes_then)) => {
            let seconds = now.duration_since(then).as_secs_f64().max(0.001);
            let rate = (records - records_then) as f64 / seconds;
            let megabytes = (bytes - bytes_then) as f64 / 1e6 / seconds;
            format!(" ({rate:.0} records/s, {megabytes:.1} MB/s)")
        }
        None => String::new(),
    };
    last.0 = Some((now, records, bytes));
    tracing::info!(
        "totals: {records} records, {:.1} MB written{rates}; {running} archives running, {waiting} waiting, \
         {stopped} stopped",
        bytes as f64 / 1e6,
    );
}
