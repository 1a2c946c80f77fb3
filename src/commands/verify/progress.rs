//! How far a long work has come: a bar on standard error if that is a terminal, else a line now and then.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::logging;
use crate::terminal::{Bars, bytes, is_watched};

/// How often the bar moves, and how often something is said where there is none.
const MOVE: Duration = Duration::from_millis(100);
const SAY: Duration = Duration::from_secs(10);

/// Watches how many bytes were read.
pub struct Progress<'a> {
    bar: Option<(Bars, ProgressBar)>,
    bytes: u64,
    read: &'a AtomicU64,
}

impl<'a> Progress<'a> {
    /// So many bytes are to be read.
    pub fn new(bytes: u64, read: &'a AtomicU64) -> Self {
        let bar = is_watched().then(|| {
            let mut bars = Bars::new(20);
            let bar = bars.add(ProgressBar::new(bytes));
            let style = "{bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
            if let Ok(style) = ProgressStyle::with_template(style) {
                bar.set_style(style);
            }
            (bars, bar)
        });
        Self { bar, bytes, read }
    }

    /// Shows it while something is done.
    pub fn during(&self, work: impl FnOnce(&Self)) {
        let (done, changed) = (Mutex::new(false), Condvar::new());
        thread::scope(|scope| {
            scope.spawn(|| self.show(&done, &changed));
            work(self);
            *done.lock().unwrap_or_else(PoisonError::into_inner) = true;
            changed.notify_all();
        });
        if let Some((bars, _)) = &self.bar {
            bars.hide();
        }
    }

    /// Does something that writes to the terminal.
    pub fn hidden<T>(&self, work: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some((bars, _)) => bars.hidden(work),
            None => work(),
        }
    }

    fn show(&self, done: &Mutex<bool>, changed: &Condvar) {
        let begin = Instant::now();
        let mut said = begin;
        let mut is_done = done.lock().unwrap_or_else(PoisonError::into_inner);
        while !*is_done {
            let waited = changed.wait_timeout(is_done, MOVE);
            (is_done, _) = waited.unwrap_or_else(PoisonError::into_inner);
            let read = self.read.load(Ordering::Relaxed);
            match &self.bar {
                Some((_, bar)) => bar.set_position(read),
                None if said.elapsed() >= SAY && !*is_done => {
                    said = Instant::now();
                    let (read, all) = (bytes(read), bytes(self.bytes));
                    logging::complain(&format!("verifying: {read} of {all}"));
                }
                None => {}
            }
        }
    }
}
