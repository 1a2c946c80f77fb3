//! The terminal on which bars are drawn: standard error, with room at the end of each line.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use indicatif::TermLike;
use rustix::termios::{Winsize, tcgetwinsize};
use unicode_width::UnicodeWidthChar;

/// So much of a line stays free. The cursor rests at the end of the last line: where there were no room, the `^C` that a
/// terminal shows would move it to the next one, and the first bar would stay where it is for ever.
const FREE: u16 = 4;

/// Standard error, as a terminal that is a little narrower.
#[derive(Debug, Default)]
pub struct BarTerminal {
    kept: Mutex<Kept>,
}

/// What is written at once, so that nothing flickers.
#[derive(Debug, Default)]
struct Kept {
    text: String,
    /// How many columns of the cursor's line are taken.
    column: usize,
}

impl Kept {
    /// Adds text, which goes on in the next line where a line is full: whoever draws bars leaves that to the terminal, which
    /// is wider than it says.
    fn add(&mut self, text: &str, width: usize) {
        let mut is_escape = false;
        for c in text.chars() {
            is_escape |= c == '\x1b';
            let columns = match (c, is_escape) {
                ('\r' | '\n', _) => {
                    self.column = 0;
                    0
                }
                (_, true) => 0,
                (c, false) => c.width().unwrap_or(0),
            };
            if self.column + columns > width {
                self.text.push_str("\r\n");
                self.column = 0;
            }
            self.column += columns;
            self.text.push(c);
            is_escape &= !c.is_ascii_alphabetic();
        }
    }
}

impl BarTerminal {
    fn keep(&self, text: &str) -> io::Result<()> {
        let width = usize::from(self.width());
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.add(text, width);
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
        let text = std::mem::take(&mut kept.text);
        drop(kept);
        // A terminal that is gone shows nothing, and is no reason to end: indicatif panics at an error.
        let _ = io::stderr().write_all(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_full_goes_on_in_the_next_one() {
        let mut kept = Kept::default();
        for text in [
            "\r\x1b[2K",
            "first ",
            "  ",
            "\x1b[32msecond\x1b[0m",
            "  ",
            "äöü😀",
        ] {
            kept.add(text, 8);
        }
        assert_eq!(
            kept.text,
            "\r\x1b[2Kfirst   \x1b[32m\r\nsecond\x1b[0m  \r\näöü😀"
        );
        assert_eq!(kept.column, 5);
    }
}
