//! What is known of a sealed segment until it is deleted.

use archiver_format::manifest::Sealed;
use archiver_format::segment::SegmentFile;
use jiff::Timestamp;

/// A sealed segment that may be deleted one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its file.
    pub file: SegmentFile,
    /// The file's length.
    pub bytes: u64,
    /// The timestamp of its newest record, or when it was sealed if none has one; in milliseconds since 1970.
    pub newest: i64,
}

impl Kept {
    /// What is to be known of it; `None` if it is kept for ever, as archiver did not write all of its bytes.
    pub fn of(sealed: &Sealed) -> Option<Self> {
        if sealed.contents.uncounted_bytes > 0 {
            return None;
        }
        let newest = sealed.contents.latest();
        let when = || sealed.sealed.parse::<Timestamp>().ok();
        let newest = newest.or_else(|| when().map(Timestamp::as_millisecond));
        Some(Self {
            file: sealed.file.clone(),
            bytes: sealed.bytes,
            // What can't be told is not old.
            newest: newest.unwrap_or(i64::MAX),
        })
    }
}
