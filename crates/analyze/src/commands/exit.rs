//! What the process ends with.

/// It could not go on.
pub(super) const FAILED: u8 = 1;
/// What was typed makes no sense.
pub(super) const USAGE: u8 = 2;
