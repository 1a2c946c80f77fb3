//! Colour: only where somebody sees it, and has not said otherwise (<https://no-color.org>).

use std::io::{self, IsTerminal};

/// How a text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// As it is.
    Plain,
    /// A heading.
    Bold,
    /// Less important.
    Dim,
    /// As it should be.
    Good,
    /// Worth a look.
    Bad,
    /// A name in data.
    Name,
    /// A text in data.
    Text,
}

/// Does somebody see what is written to standard error at once, on a terminal whose cursor moves?
pub fn is_watched() -> bool {
    io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Whether texts are given a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Styles(bool);

impl Styles {
    /// On standard output.
    pub fn of_output() -> Self {
        Self::of(&io::stdout())
    }

    /// On standard error.
    pub fn of_errors() -> Self {
        Self::of(&io::stderr())
    }

    fn of(stream: &impl IsTerminal) -> Self {
        let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self(stream.is_terminal() && !is_set("NO_COLOR") && !is_dumb)
    }

    /// None at all.
    pub const fn none() -> Self {
        Self(false)
    }

    /// The text with its look.
    pub fn paint(self, style: Style, text: &str) -> String {
        let code = match style {
            Style::Plain => return text.to_owned(),
            Style::Bold => "1",
            Style::Dim => "2",
            Style::Good | Style::Text => "32",
            Style::Bad => "33",
            Style::Name => "36",
        };
        match self.0 && !text.is_empty() {
            true => format!("\x1b[{code}m{text}\x1b[0m"),
            false => text.to_owned(),
        }
    }
}
