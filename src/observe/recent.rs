//! What was logged lately of archives: the last lines, for their pages.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// So many lines are kept, of all archives together.
const LINES_MOST: usize = 4096;
/// So long each; the rest is left out.
const LINE_BYTES_MOST: usize = 500;
/// So many are told of one archive.
const TOLD_MOST: usize = 50;

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When, by the wall clock, in milliseconds since 1970.
    pub at_ms: i64,
    /// `INFO`, `WARN` and so on.
    pub level: &'static str,
    /// What, without the archive's name before it.
    pub text: Box<str>,
}

/// The latest lines, each with its archive's name. There is one log in a process.
static LINES: Mutex<VecDeque<(Box<str>, Line)>> = Mutex::new(VecDeque::new());

/// Keeps a line of the log, if it is of an archive: `archive NAME: …`.
pub fn keep(at_ms: i64, level: &'static str, message: &str) {
    let Some((name, text)) = message
        .strip_prefix("archive ")
        .and_then(|rest| rest.split_once(": "))
    else {
        return;
    };
    let end = text.floor_char_boundary(LINE_BYTES_MOST);
    let line = Line {
        at_ms,
        level,
        text: text[..end].into(),
    };
    let mut lines = lock();
    if lines.len() == LINES_MOST {
        lines.pop_front();
    }
    lines.push_back((name.into(), line));
}

/// The last lines of an archive, oldest first.
pub fn of(archive: &str) -> Vec<Line> {
    let lines = lock();
    let own = lines.iter().rev().filter(|(name, _)| **name == *archive);
    let mut own = own
        .take(TOLD_MOST)
        .map(|(_, line)| line.clone())
        .collect::<Vec<_>>();
    own.reverse();
    own
}

fn lock() -> MutexGuard<'static, VecDeque<(Box<str>, Line)>> {
    LINES.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_of_an_archive_are_told() {
        for number in 0..60 {
            keep(number, "INFO", &format!("archive recent-a: {number}"));
            keep(number, "WARN", "archive recent-b: waiting: no such topic");
            keep(number, "INFO", "totals: 0 records");
        }
        let lines = of("recent-a");
        assert_eq!(lines.len(), TOLD_MOST);
        assert_eq!(&*lines[0].text, "10");
        assert_eq!(&*lines[49].text, "59");
        assert_eq!(&*of("recent-b")[0].text, "waiting: no such topic");
        let long = format!("archive recent-c: {}", "ä".repeat(400));
        keep(0, "INFO", &long);
        assert_eq!(of("recent-c")[0].text.len(), 500);
    }
}
