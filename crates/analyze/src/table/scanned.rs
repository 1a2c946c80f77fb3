//! What a scan reads: which records of which segments, and which columns of them.

use std::sync::Arc;

use archiver_format::archive::Segment;
use archiver_format::read::Selection;

use super::damaged::Damaged;
use super::progress::Progress;
use super::rows::{Misfits, Wanted};

/// What is scanned.
#[derive(Debug, Clone)]
pub struct Scanned {
    /// The archive's name, for messages.
    pub name: String,
    /// Its topic.
    pub topic: Arc<str>,
    /// All of its segments.
    pub segments: Arc<[Segment]>,
    /// Which of their records.
    pub selection: Selection,
    /// Which columns.
    pub columns: Arc<[Wanted]>,
    /// So many rows make a batch.
    pub batch_rows: usize,
    /// So many rows are enough.
    pub limit: Option<usize>,
    /// What didn't fit is counted here.
    pub misfits: Arc<Misfits>,
    /// Records that were gone through are counted here.
    pub progress: Arc<Progress>,
    /// Segments that are damaged are left out, and counted here.
    pub damaged: Option<Arc<Damaged>>,
}
