//! What is said on standard error.

/// Says something beside the answer, or why there is none.
pub(super) fn complain(text: &str) {
    eprintln!("archiver-analyze: {text}");
}
