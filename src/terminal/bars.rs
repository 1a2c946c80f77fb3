//! Bars on standard error. What is logged meanwhile stands above them, and they move on below it.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget};

use super::bar_terminal::BarTerminal;
use super::patient::write_patiently;

/// The bars that are on the screen.
static SHOWN: Mutex<Option<MultiProgress>> = Mutex::new(None);

fn show(bars: Option<MultiProgress>) {
    *SHOWN.lock().unwrap_or_else(PoisonError::into_inner) = bars;
}

/// Bars that are on the screen until they are hidden, or this is dropped. A command shows one such group at a time.
#[derive(Debug)]
pub struct Bars {
    all: MultiProgress,
    bars: Vec<ProgressBar>,
}

impl Bars {
    /// Without one yet. They are drawn so many times a second, at most.
    pub fn new(hertz: u8) -> Self {
        let screen = Box::new(BarTerminal::default());
        let screen = ProgressDrawTarget::term_like_with_hz(screen, hertz);
        let all = MultiProgress::with_draw_target(screen);
        show(Some(all.clone()));
        Self {
            all,
            bars: Vec::new(),
        }
    }

    /// Adds one below the others.
    pub fn add(&mut self, bar: ProgressBar) -> ProgressBar {
        let bar = self.all.add(bar);
        self.bars.push(bar.clone());
        bar
    }

    /// Does something that writes to the terminal.
    pub fn hidden<T>(&self, work: impl FnOnce() -> T) -> T {
        self.all.suspend(work)
    }

    /// Takes them away. They don't come back, whoever draws them.
    pub fn hide(&self) {
        show(None);
        for bar in &self.bars {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        self.hide();
    }
}

/// Standard error, above the bars that are on the screen.
#[derive(Debug, Default)]
pub struct AboveBars {
    /// The beginning of a line: bars are drawn below whole ones.
    begun: Vec<u8>,
}

impl Write for AboveBars {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let shown = SHOWN.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match shown {
            None if self.begun.is_empty() => return io::stderr().write(piece),
            None => {
                self.begun.extend_from_slice(piece);
                write_patiently(&mut io::stderr(), &self.begun, || ());
            }
            Some(bars) => {
                self.begun.extend_from_slice(piece);
                if !piece.ends_with(b"\n") {
                    return Ok(piece.len());
                }
                bars.suspend(|| write_patiently(&mut io::stderr(), &self.begun, || ()));
            }
        }
        self.begun.clear();
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
