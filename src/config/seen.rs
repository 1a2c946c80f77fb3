//! What the archives that were checked so far have taken.

use std::collections::HashMap;

use archiver_format::template::Paths;

use super::problem::Span;
use super::same_file::{Fault, Files};

/// What the archives so far have taken.
#[derive(Default)]
pub(super) struct Seen {
    pub names: HashMap<String, Span>,
    /// Bootstrap list, group and topic of those that commit.
    pub commits: HashMap<(String, String, String), Span>,
    pub files: Files,
    /// Where each file was typed, by the index that `files` knows.
    pub spans: Vec<Span>,
    /// The paths that the archives may give to segments, each with its index.
    pub paths: Vec<(usize, Paths)>,
    /// Archives whose state directory can't be made, and why, in their order.
    pub bad_states: Vec<(usize, Fault)>,
}
