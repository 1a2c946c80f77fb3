//! Advice for users whose archive can't be taken up.

/// What to do about state that can't be used.
pub const REMEDY: &str =
    "put back what was there, or move the state directory and the data file away to begin anew";
/// Where to read more about it.
pub const PAGE: &str = "\"When a start is refused\" in docs/operating.md";
