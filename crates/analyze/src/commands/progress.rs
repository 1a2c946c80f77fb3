//! How far a query has come: a bar on standard error, if that is a terminal.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use archiver::terminal::{Bars, is_watched};
use indicatif::{ProgressBar, ProgressStyle};

use crate::table::progress::Progress;

/// How often the bar moves.
const MOVE: Duration = Duration::from_millis(200);
const STYLE: &str = "{bar:30} {human_pos} of {human_len} records, {per_sec}";

/// Shows it while something is done, which must not write to the terminal.
pub(super) async fn watched<T>(progress: &Progress, work: impl Future<Output = T>) -> T {
    if !is_watched() {
        return work.await;
    }
    let mut bars = Bars::new(20);
    let bar = bars.add(ProgressBar::new(0));
    if let Ok(style) = ProgressStyle::with_template(STYLE) {
        bar.set_style(style);
    }
    let mut work = pin!(work);
    let mut moves = tokio::time::interval(MOVE);
    // What is done at once needs no bar.
    moves.tick().await;
    loop {
        tokio::select! {
            done = &mut work => return done,
            _ = moves.tick() => {
                let (read, of) = progress.now();
                bar.set_length(of.max(read));
                bar.set_position(read);
            }
        }
    }
}
