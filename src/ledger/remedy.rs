//! What a user can do whose state can't be used.

/// What can be done about state that can't be used.
pub const REMEDY: &str =
    "put back what was there, or move the state directory and the data file away to begin anew";
/// Where more is said about it.
pub const PAGE: &str = "\"When a start is refused\" in docs/operating.md";
