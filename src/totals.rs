//! One line of totals, every 30 seconds.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::status::{State, Status, name_those};

const EVERY: Duration = Duration::from_secs(30);

/// What the line before said.
struct Last((Instant, u64, u64));

/// Writes the line for ever.
pub async fn report(statuses: Vec<Arc<Status>>) {
    let mut last = Last((Instant::now(), 0, 0));
    loop {
        tokio::time::sleep(EVERY).await;
        line(&statuses, &mut last);
    }
}

fn line(statuses: &[Arc<Status>], last: &mut Last) {
    let (records, bytes) = counts(statuses);
    let now = Instant::now();
    let (then, records_then, bytes_then) = last.0;
    let seconds = now.duration_since(then).as_secs_f64().max(0.001);
    // Fewer, if an archive went back.
    let rate = records.saturating_sub(records_then) as f64 / seconds;
    let megabytes = bytes.saturating_sub(bytes_then) as f64 / 1e6 / seconds;
    last.0 = (now, records, bytes);
    let count = |wanted: fn(&State) -> bool| {
        let states = statuses.iter().map(|status| status.state());
        states.filter(wanted).count()
    };
    tracing::info!(
        "totals: {records} records, {:.1} MB written ({rate:.0} records/s, {megabytes:.1} MB/s); archives: {} \
         running, {} starting, {} waiting, {} stopped",
        bytes as f64 / 1e6,
        count(|state| matches!(state, State::Running)),
        count(|state| matches!(state, State::Starting)),
        count(|state| matches!(state, State::Waiting(_))),
        count(|state| matches!(state, State::Stopped(_))),
    );
}

/// Writes what this run has done, at its end, which archives have left something undone, and which it went on without.
pub fn last_line(statuses: &[Arc<Status>]) {
    let (records, bytes) = counts(statuses);
    tracing::info!(
        "totals: {records} records, {:.1} MB written",
        bytes as f64 / 1e6
    );
    let (unfinished, names) = name_those(statuses, |state| matches!(state, State::Unfinished));
    if unfinished > 0 {
        tracing::error!(
            "{unfinished} of {} archives had taken records that are not in their files: {names}; they will be read \
             again at the next start",
            statuses.len(),
        );
    }
    let (stopped, names) = name_those(statuses, |state| matches!(state, State::Stopped(_)));
    if stopped > 0 {
        tracing::error!(
            "{stopped} of {} archives had stopped before: {names}; the log says above why",
            statuses.len(),
        );
    }
}

/// Records and bytes that are in the files.
fn counts(statuses: &[Arc<Status>]) -> (u64, u64) {
    let sum = |of: fn(&Status) -> &AtomicU64| {
        statuses
            .iter()
            .map(|status| of(status).load(Ordering::Relaxed))
            .sum()
    };
    (
        sum(|status| &status.records),
        sum(|status| &status.bytes_written),
    )
}
