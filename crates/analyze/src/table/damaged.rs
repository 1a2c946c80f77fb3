//! Segments that are damaged, where they are left out.

use std::fmt::Display;
use std::sync::{Mutex, PoisonError};

use archiver_format::read::ReadError;

/// Segments that were left out, as they are damaged.
#[derive(Debug, Default)]
pub struct Damaged(Mutex<Vec<String>>);

impl Damaged {
    /// Notes a segment, once.
    pub fn note(&self, path: impl Display, error: &ReadError) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let said = format!("{path}: {error}");
        if !noted.contains(&said) {
            noted.push(said);
        }
    }

    /// Notes that lines of a segment are no records, with the first of them.
    pub fn note_line(&self, path: impl Display, why: impl Display) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of = format!("{path} has lines that are no records: ");
        if !noted.iter().any(|said| said.starts_with(&of)) {
            noted.push(format!("{of}{why}"));
        }
    }

    /// What was noted.
    pub fn said(&self) -> Vec<String> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
