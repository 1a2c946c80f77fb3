//! How far a query has come: a bar on standard error, if that is a terminal.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use archiver::terminal::{BarTerminal, is_watched};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::table::progress::Progress;

/// How often the bar moves.
const MOVE: Duration = Duration::from_millis(200);
const STYLE: &str = "{bar:30} {human_pos} of {human_len} records, {per_sec}";

/// Shows it while something is done, which must not write to the terminal.
pub(super) async fn watched<T>(progress: &Progress, work: impl Future<Output = T>) -> T {
    if !is_watched() {
        return work.await;
    }
    let target = ProgressDrawTarget::term_like(Box::new(BarTerminal::default()));
    let bar = ProgressBar::with_draw_target(Some(0), target);
    if let Ok(style) = ProgressStyle::with_template(STYLE) {
        bar.set_style(style);
    }
    let mut work = pin!(work);
    let mut moves = tokio::time::interval(MOVE);
    // What is done at once needs no bar.
    moves.tick().await;
    let done = loop {
        tokio::select! {
            done = &mut work => break done,
            _ = moves.tick() => {
                let (read, of) = progress.now();
                bar.set_length(of.max(read));
                bar.set_position(read);
            }
        }
    };
    bar.finish_and_clear();
    done
}
