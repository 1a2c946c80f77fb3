//! The terminal on which bars are drawn: standard error, with room at the end of each line.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use indicatif::TermLike;
use rustix::termios::{Winsize, tcgetwinsize};

/// So much of a line stays free. The cursor rests at the end of the last line: where there were no room, the `^C` that a
/// terminal shows would move it to the next one, and the first bar would stay where it is for ever.
const FREE: u16 = 4;

/// Standard error, as a terminal that is a little narrower.
#[derive(Debug, Default)]
pub struct BarTerminal {
    /// Written at once, so that nothing flickers.
    kept: Mutex<String>,
}

impl BarTerminal {
    fn keep(&self, text: &str) -> io::Result<()> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_str(text);
        Ok(())
    }

    /// Moves the cursor so far, in the direction of this letter.
    fn cursor(&self, count: usize, letter: char) -> io::Result<()> {
        match count {
            0 => Ok(()),
            count => self.keep(&format!("\x1b[{count}{letter}")),
        }
    }

    fn size() -> Option<Winsize> {
        let size = tcgetwinsize(io::stderr()).ok();
        size.filter(|size| size.ws_col > 0)
    }
}

impl TermLike for BarTerminal {
    fn width(&self) -> u16 {
        let columns = Self::size().map_or(80, |size| size.ws_col);
        columns.saturating_sub(FREE).max(1)
    }

    fn height(&self) -> u16 {
        Self::size().map_or(24, |size| size.ws_row)
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.cursor(n, 'A')
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.cursor(n, 'B')
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.cursor(n, 'C')
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.cursor(n, 'D')
    }

    fn write_line(&self, s: &str) -> io::Result<()> {
        self.keep(s)?;
        self.keep("\n")
    }

    fn write_str(&self, s: &str) -> io::Result<()> {
        self.keep(s)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.keep("\r\x1b[2K")
    }

    fn flush(&self) -> io::Result<()> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let text = std::mem::take(&mut *kept);
        io::stderr().write_all(text.as_bytes())
    }
}
