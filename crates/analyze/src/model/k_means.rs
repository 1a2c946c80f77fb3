//! Clusters by their centres, and how far a row is from the nearest (k-means).
//!
//! The steps are Lloyd's ("Least Squares Quantization in PCM", 1982), so that whoever begins with the same centres comes to the
//! same ones: each row goes to the nearest centre, of several that are as near to the first; each centre becomes the mean of
//! its rows. One that has lost all of its rows stays where it is.

use anyhow::{Context, anyhow};
use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_clustering::{KMeans as Linfa, KMeansInit};
use ndarray::{Array2, ArrayView1};
use serde::{Deserialize, Serialize};

use super::random::Random;
use super::scaling::Scaling;

/// Centres that move less than this, all together, stand still.
const TOLERANCE: f64 = 1e-9;
/// So many steps are enough.
const STEPS_MOST: u32 = 300;

/// Clusters. Centres are in the units of the scaling.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KMeans {
    /// How features are scaled.
    pub scaling: Vec<Scaling>,
    /// Where the centres began.
    pub initial: Vec<Vec<f64>>,
    /// Where they came to.
    pub centres: Vec<Vec<f64>>,
    /// How many rows each has.
    pub rows: Vec<u64>,
    /// How many steps that took.
    pub steps: u32,
}

impl KMeans {
    /// Finds so many clusters in rows with so many features each, at least one row; fewer, if there are fewer different
    /// rows. Returns beside them how far each row is from the nearest centre.
    ///
    /// # Errors
    ///
    /// If the library refuses.
    pub fn fit(
        mut rows: Vec<f64>,
        features: usize,
        clusters: usize,
        random: &mut Random,
    ) -> anyhow::Result<(Self, Vec<f64>)> {
        let scaling = Scaling::of(&rows, features);
        Scaling::scale_all(&scaling, &mut rows);
        let initial = plus_plus(&rows, features, clusters, random);
        let count = rows.len() / features.max(1);
        let rows = Array2::from_shape_vec((count, features), rows).context("laying out rows")?;
        let (centres, of_centres, steps, rows) = converge(rows, &initial)?;
        let distances = rows.rows().into_iter();
        let distances = distances.map(|row| nearest(&centres, row.iter().copied()).1);
        let distances = distances.collect();
        let fitted = Self {
            scaling,
            initial,
            centres,
            rows: of_centres,
            steps,
        };
        Ok((fitted, distances))
    }

    /// The nearest centre of a row, and how far it is.
    pub fn judge(&self, features: &[f64]) -> (usize, f64) {
        let scaled = features.iter().zip(&self.scaling);
        let scaled = scaled.map(|(value, scaling)| scaling.scaled(*value));
        nearest(&self.centres, scaled)
    }

    /// Does all of it have so many features?
    pub fn is_valid(&self, features: usize) -> bool {
        let fits = |centres: &[Vec<f64>]| {
            let mut centres = centres.iter();
            centres.all(|centre| {
                centre.len() == features && centre.iter().all(|value| value.is_finite())
            })
        };
        let is_scale = |of: &Scaling| of.mean.is_finite() && of.scale.is_finite() && of.scale > 0.0;
        self.scaling.len() == features
            && self.scaling.iter().all(is_scale)
            && !self.centres.is_empty()
            && fits(&self.centres)
            && fits(&self.initial)
    }
}

/// The number of the nearest centre, and how far it is.
fn nearest(centres: &[Vec<f64>], row: impl Iterator<Item = f64> + Clone) -> (usize, f64) {
    let mut best = (0, f64::INFINITY);
    for (number, centre) in centres.iter().enumerate() {
        let squares = squares(row.clone(), centre.iter().copied());
        if squares < best.1 {
            best = (number, squares);
        }
    }
    (best.0, best.1.sqrt())
}

/// The square of how far two places are from each other.
fn squares(one: impl Iterator<Item = f64>, other: impl Iterator<Item = f64>) -> f64 {
    one.zip(other)
        .map(|(one, other)| (one - other) * (one - other))
        .sum()
}

/// Where centres begin: at a row at random, and then each at a row that is as likely as the square of how far it is from the
/// nearest before it (Arthur and Vassilvitskii, "k-means++", 2007).
fn plus_plus(rows: &[f64], features: usize, clusters: usize, random: &mut Random) -> Vec<Vec<f64>> {
    let row = |number: usize| &rows[number * features..(number + 1) * features];
    let count = rows.len() / features.max(1);
    let mut far = vec![f64::INFINITY; count];
    let mut chosen = random.below(count);
    let mut centres: Vec<Vec<f64>> = Vec::new();
    while centres.len() < clusters && count > 0 {
        let centre = row(chosen).to_vec();
        for (number, far) in far.iter_mut().enumerate() {
            let squares = squares(row(number).iter().copied(), centre.iter().copied());
            *far = far.min(squares);
        }
        centres.push(centre);
        let all = far.iter().sum::<f64>();
        // Where all of it is 0, each row is at a centre.
        let Some(last) = far.iter().rposition(|far| *far > 0.0) else {
            break;
        };
        let mut left = random.unit() * all;
        chosen = last;
        for (number, far) in far.iter().enumerate().take(last) {
            if left < *far {
                chosen = number;
                break;
            }
            left -= far;
        }
    }
    centres
}

/// Centres, how many rows each has, the steps that it took, and the rows.
type Converged = (Vec<Vec<f64>>, Vec<u64>, u32, Array2<f64>);

/// Step by step, until the centres stand still.
fn converge(rows: Array2<f64>, initial: &[Vec<f64>]) -> anyhow::Result<Converged> {
    let (clusters, features) = (initial.len(), rows.ncols());
    let begun = Array2::from_shape_vec((clusters, features), initial.concat());
    let mut centres = begun.context("laying out centres")?;
    let dataset = DatasetBase::from(rows);
    let mut counts = vec![0; clusters];
    let mut steps = 0;
    while steps < STEPS_MOST {
        let step = Linfa::params(clusters)
            .n_runs(1)
            .max_n_iterations(1)
            .tolerance(TOLERANCE)
            .init_method(KMeansInit::Precomputed(centres.clone()));
        let step = step
            .fit(&dataset)
            .map_err(|e| anyhow!("looking for clusters: {e}"))?;
        let mut next = step.centroids().clone();
        for (number, count) in step.cluster_count().iter().enumerate() {
            counts[number] = *count as u64;
            // The library counts the centre itself as one more row. Without it, the step is the one that others take.
            if *count > 0.0 {
                let mean = (&next.row(number) * (count + 1.0) - centres.row(number)) / *count;
                next.row_mut(number).assign(&mean);
            }
        }
        steps += 1;
        let moved = squares(next.iter().copied(), centres.iter().copied()).sqrt();
        centres = next;
        if moved < TOLERANCE {
            break;
        }
    }
    let plain = |row: ArrayView1<'_, f64>| row.to_vec();
    let centres = centres.rows().into_iter().map(plain).collect();
    Ok((centres, counts, steps, dataset.records))
}

#[cfg(test)]
mod tests;
