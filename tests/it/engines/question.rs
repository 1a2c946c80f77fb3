//! What is asked of all engines.

/// Flags of `archiver-analyze windows`, and of which archive.
pub struct Question {
    /// `raw`, `json` or `edges`.
    pub archive: &'static str,
    /// The flags behind it.
    pub flags: Vec<String>,
    /// The columns that say which window and group a row is of.
    pub keys: Vec<String>,
}
