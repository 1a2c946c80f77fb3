//! What was asked of a file system and has not been answered yet: a call that hangs can't say so itself.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// What was asked and has not been answered yet; clones are the same one.
#[derive(Debug, Clone, Default)]
pub struct Unanswered(Arc<Mutex<Notes>>);

#[derive(Debug, Default)]
struct Notes {
    next: u64,
    /// In the order in which they were asked: since when, and of which file.
    asked: BTreeMap<u64, (Instant, Arc<Path>)>,
}

/// A question that is not answered until this is dropped.
#[must_use]
pub struct Question {
    of: Unanswered,
    number: u64,
}

impl Unanswered {
    /// Takes note that something is asked of this file.
    pub fn ask(&self, path: &Arc<Path>) -> Question {
        let mut notes = self.locked();
        let number = notes.next;
        notes.next += 1;
        let since = Instant::now();
        notes.asked.insert(number, (since, Arc::clone(path)));
        let of = self.clone();
        Question { of, number }
    }

    /// Since when the first of it has not been answered, and of which file that was asked.
    pub fn first(&self) -> Option<(Instant, Arc<Path>)> {
        let notes = self.locked();
        let (_, first) = notes.asked.first_key_value()?;
        Some(first.clone())
    }

    fn locked(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        self.of.locked().asked.remove(&self.number);
    }
}
