//! What many ask for, made once a second at most: a flood of requests costs no more than one each second.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// For how long it is given again.
const FRESH: Duration = Duration::from_millis(900);

/// Something that is shared by whoever asks for it, and when it was made.
pub(super) struct Cached<T>(Mutex<Option<(Instant, T)>>);

impl<T> Default for Cached<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Cached<T> {
    /// What was made a moment ago, or else is made now.
    pub fn get(&self, make: impl FnOnce() -> T) -> T {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((made, value)) = &*kept
            && made.elapsed() < FRESH
        {
            return value.clone();
        }
        let value = make();
        *kept = Some((Instant::now(), value.clone()));
        value
    }
}

#[cfg(test)]
mod tests {
    use hyper::body::Bytes;

    use super::*;

    #[test]
    fn an_answer_is_given_again_for_a_while() {
        let cached = Cached::default();
        let first = cached.get(|| Bytes::from("one".to_owned()));
        let second = cached.get(|| Bytes::from("two".to_owned()));
        assert_eq!((&first[..], &second[..]), (&b"one"[..], &b"one"[..]));
        assert_eq!(first.as_ptr(), second.as_ptr());
    }
}
