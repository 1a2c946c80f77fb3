//! From how far a row is to whether it is anomalous: by how far usual rows are, of those that were learned from.

use crate::percentile::percentile;

/// What is said of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdict {
    /// The number of its cluster, if there are any.
    pub cluster: Option<usize>,
    /// How far it is from what was learned: from the nearest centre, in deviations; how unlike the rest; or which share of
    /// the trees is against it.
    pub distance: f64,
    /// The distance, measured by the threshold.
    pub score: f64,
}

impl Verdict {
    /// Above 1 it is.
    pub fn is_anomaly(&self) -> bool {
        self.score > 1.0
    }
}

/// Of the rows that were learned from, this share is not anomalous.
const USUAL: f64 = 0.999;
/// The least threshold: what is nearer than this differs by rounding alone. It counts where nearly all rows are at a centre.
pub(super) const THRESHOLD_LEAST: f64 = 1e-9;

/// How far usual rows are at most.
pub(super) fn usual(mut distances: Vec<f64>) -> f64 {
    percentile(&mut distances, USUAL).map_or(THRESHOLD_LEAST, |usual| usual.max(THRESHOLD_LEAST))
}
