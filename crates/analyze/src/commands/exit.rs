//! What the process ends with.

/// It could not go on.
pub(super) const FAILED: u8 = 1;
/// What was typed makes no sense.
pub(super) const USAGE: u8 = 2;
/// See [`Interrupted`].
pub(super) const INTERRUPTED: u8 = 130;

/// A signal came before it was done.
#[derive(Debug, thiserror::Error)]
#[error("interrupted; {0}")]
pub(super) struct Interrupted(pub &'static str);
