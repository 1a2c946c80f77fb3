//! Segments that are damaged, where they are left out.

use std::fmt::Display;
use std::sync::{Mutex, MutexGuard, PoisonError};

use archiver_format::read::ReadError;

/// Segments that were left out, as they are damaged, and lines of others.
#[derive(Debug, Default)]
pub struct Damaged {
    segments: Mutex<Vec<String>>,
    lines: Mutex<Vec<String>>,
}

impl Damaged {
    /// Notes a segment, once.
    pub fn note(&self, path: impl Display, error: &ReadError) {
        let mut noted = locked(&self.segments);
        let said = format!("{path}: {error}");
        if !noted.contains(&said) {
            noted.push(said);
        }
    }

    /// Notes that lines of a segment are no records, with the first of them.
    pub fn note_line(&self, path: impl Display, why: impl Display) {
        let mut noted = locked(&self.lines);
        let of = format!("{path} has lines that are no records: ");
        if !noted.iter().any(|said| said.starts_with(&of)) {
            noted.push(format!("{of}{why}"));
        }
    }

    /// What was noted of segments.
    pub fn segments(&self) -> Vec<String> {
        locked(&self.segments).clone()
    }

    /// What was noted of lines.
    pub fn lines(&self) -> Vec<String> {
        locked(&self.lines).clone()
    }
}

fn locked(noted: &Mutex<Vec<String>>) -> MutexGuard<'_, Vec<String>> {
    noted.lock().unwrap_or_else(PoisonError::into_inner)
}
