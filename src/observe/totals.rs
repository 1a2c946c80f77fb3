//! Totals: a line in the log every 30 seconds, and one at the end.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::observe::status::{Counts, State, Status, name_those};

const EVERY: Duration = Duration::from_secs(30);

/// How the totals are called in `RUST_LOG`.
const TARGET: &str = "archiver::totals";

/// When the line before was written, and its counts.
struct Last(Instant, Counts);

/// Writes the line again and again; `now` gives the archives and their counts at that time.
pub async fn report(now: impl Fn() -> (Vec<Arc<Status>>, Counts)) {
    let mut last = Last(Instant::now(), Counts::default());
    loop {
        tokio::time::sleep(EVERY).await;
        let (statuses, counts) = now();
        line(&statuses, counts, &mut last);
    }
}

fn line(statuses: &[Arc<Status>], counts: Counts, last: &mut Last) {
    let Counts { records, bytes } = counts;
    let now = Instant::now();
    let Last(then, before) = std::mem::replace(last, Last(now, counts));
    let seconds = now.duration_since(then).as_secs_f64().max(0.001);
    // The counts may be smaller than before, if an archive went back.
    let rate = records.saturating_sub(before.records) as f64 / seconds;
    let megabytes = bytes.saturating_sub(before.bytes) as f64 / 1e6 / seconds;
    let count = |wanted: fn(&State) -> bool| {
        let states = statuses.iter().map(|status| status.state());
        states.filter(wanted).count()
    };
    let stalled = match count(|state| matches!(state, State::Stalled(_))) {
        0 => String::new(),
        count => format!(", {count} stalled"),
    };
    tracing::info!(
        target: TARGET,
        "totals: {records} records, {:.1} MB written ({rate:.0} records/s, {megabytes:.1} MB/s); archives: {} \
         running, {} starting, {} waiting{stalled}, {} stopped",
        bytes as f64 / 1e6,
        count(|state| matches!(state, State::Running)),
        count(|state| matches!(state, State::Starting)),
        count(|state| matches!(state, State::Waiting(_))),
        count(|state| matches!(state, State::Stopped(_))),
    );
}

/// Writes the totals of the run at its end, and names the archives that left something undone or had stopped before.
pub fn last_line(statuses: &[Arc<Status>], Counts { records, bytes }: Counts) {
    tracing::info!(
        target: TARGET,
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
