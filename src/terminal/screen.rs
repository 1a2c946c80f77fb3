//! A screen that is drawn again and again.

use std::io::{self, IsTerminal};

use rustix::termios::tcgetwinsize;

use super::output::Output;
use super::style::{Style, Styles};

/// The rows of a terminal that doesn't say how many it has.
const ROWS: usize = 24;

/// Standard output, as a screen of its own if it is a terminal; else one picture after the other.
pub struct Screen {
    is_terminal: bool,
    styles: Styles,
}

impl Screen {
    /// Begins a screen of its own; what was there comes back at the end.
    pub fn begin() -> Self {
        Self {
            is_terminal: io::stdout().is_terminal(),
            styles: Styles::of_output(),
        }
    }

    /// How texts look on it.
    pub const fn styles(&self) -> Styles {
        self.styles
    }

    /// Draws lines over those that were there, as many as there is room for.
    ///
    /// # Errors
    ///
    /// As [`Output::write`].
    pub fn draw(&self, output: &mut Output, lines: &[String]) -> anyhow::Result<()> {
        if !self.is_terminal {
            for line in lines {
                output.line(line)?;
            }
            return output.line("");
        }
        let size = tcgetwinsize(io::stdout()).ok();
        let rows = size.map(|size| usize::from(size.ws_row));
        let rows = rows.filter(|rows| *rows > 1).unwrap_or(ROWS);
        // Another screen, from its top; it is the same one when it is there already.
        output.write(b"\x1b[?1049h\x1b[?25l\x1b[H")?;
        let fitting = match lines.len() <= rows {
            true => lines.len(),
            false => rows - 1,
        };
        let mut shown = lines[..fitting].to_vec();
        if fitting < lines.len() {
            let more = format!("and {} lines more", lines.len() - fitting);
            shown.push(self.styles.paint(Style::Dim, &more));
        }
        output.write(shown.join("\x1b[K\r\n").as_bytes())?;
        output.write(b"\x1b[K\x1b[J")
    }

    /// Gives the terminal back.
    ///
    /// # Errors
    ///
    /// As [`Output::write`].
    pub fn end(self, output: &mut Output) -> anyhow::Result<()> {
        if self.is_terminal {
            output.write(b"\x1b[?25h\x1b[?1049l")?;
        }
        output.flush()
    }
}
