//! What was learned of one group, by whichever method, and what it says of a row.

use archiver::cli::{UsageError, usage};
use serde::{Deserialize, Serialize};

use super::isolation_forest::IsolationForest;
use super::k_means::KMeans;
use super::random::Random;
use super::random_forest::{MAJORITY, RandomForest};
use super::rows::{Key, Rows};
use super::threshold::{Verdict, usual};

/// How is learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Clusters, and how far a row is from the nearest
    #[value(name = "kmeans")]
    #[serde(rename = "kmeans")]
    KMeans,
    /// How soon a row is alone when rows are parted at random
    IsolationForest,
    /// Trees that vote, from rows with a label
    RandomForest,
}

impl Method {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::KMeans => "kmeans",
            Self::IsolationForest => "isolation-forest",
            Self::RandomForest => "random-forest",
        }
    }

    /// Refuses to learn from labels where they say nothing, and without them where nothing else does.
    ///
    /// # Errors
    ///
    /// As said.
    pub fn check_label(self, label: Option<&str>) -> Result<(), UsageError> {
        match (self, label) {
            (Self::RandomForest, None) => Err(usage(
                "a random forest learns from rows that somebody has called anomalous or not: name that field with --label. Without one, it could only learn a rule that is known already, such as the filter; kmeans and isolation-forest need no labels",
            )),
            (Self::KMeans | Self::IsolationForest, Some(_)) => Err(usage(&format!(
                "{} learns without labels: leave out --label, or say --method random-forest",
                self.name()
            ))),
            _ => Ok(()),
        }
    }
}

/// What was learned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Learned {
    /// Clusters.
    #[serde(rename = "kmeans")]
    KMeans(KMeans),
    /// Trees that part rows at random.
    #[serde(rename = "isolation-forest")]
    IsolationForest(IsolationForest),
    /// Trees that vote.
    #[serde(rename = "random-forest")]
    RandomForest(RandomForest),
}

/// What was learned of a group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// The values of the fields by which rows are told apart.
    pub by: Key,
    /// From how many rows.
    pub rows: u64,
    /// How many were left out, as a feature or the label was missing or no number.
    pub left_out: u64,
    /// The distance at which the score is 1.
    pub threshold: f64,
    /// What was learned.
    pub learned: Learned,
}

impl Group {
    /// Learns from the rows of a group, at least one that was not left out.
    ///
    /// # Errors
    ///
    /// If there are too many for the method, or a library refuses.
    pub fn learn(
        rows: Rows,
        features: usize,
        method: Method,
        clusters: usize,
        seed: u64,
    ) -> anyhow::Result<Self> {
        let mut random = Random::of(seed, &rows.key);
        let count = rows.features.len() / features.max(1);
        let (learned, threshold) = match method {
            Method::KMeans => {
                let (fitted, distances) =
                    KMeans::fit(rows.features, features, clusters, &mut random)?;
                (Learned::KMeans(fitted), usual(distances))
            }
            Method::IsolationForest => {
                let (grown, distances) =
                    IsolationForest::fit(&rows.features, features, &mut random);
                (Learned::IsolationForest(grown), usual(distances))
            }
            Method::RandomForest => {
                let grown = RandomForest::fit(rows.features, features, &rows.labels, &mut random)?;
                (Learned::RandomForest(grown), MAJORITY)
            }
        };
        Ok(Self {
            by: rows.key,
            rows: count as u64,
            left_out: rows.left_out,
            threshold,
            learned,
        })
    }

    /// What it says of a row.
    pub fn judge(&self, features: &[f64]) -> Verdict {
        let (cluster, distance) = match &self.learned {
            Learned::KMeans(fitted) => {
                let (cluster, distance) = fitted.judge(features);
                (Some(cluster), distance)
            }
            Learned::IsolationForest(grown) => (None, grown.judge(features)),
            Learned::RandomForest(grown) => (None, grown.judge(features)),
        };
        Verdict {
            cluster,
            distance,
            score: distance / self.threshold,
        }
    }

    /// Can it judge rows with so many features, told apart by so many fields?
    pub fn is_valid(&self, features: usize, by: usize) -> bool {
        let is_learned = match &self.learned {
            Learned::KMeans(fitted) => fitted.is_valid(features),
            Learned::IsolationForest(grown) => grown.is_valid(features),
            Learned::RandomForest(grown) => grown.is_valid(features),
        };
        is_learned && self.by.len() == by && self.threshold > 0.0 && self.threshold.is_finite()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::threshold::THRESHOLD_LEAST;

    fn rows(features: Vec<f64>) -> Rows {
        Rows {
            features,
            ..Rows::default()
        }
    }

    #[test]
    fn one_row_in_a_thousand_of_those_that_were_learned_from_is_anomalous() {
        let mut random = Random::of(1, &[]);
        let values = (0..20_000).map(|_| random.unit()).collect::<Vec<_>>();
        for method in [Method::KMeans, Method::IsolationForest] {
            let group = Group::learn(rows(values.clone()), 1, method, 3, 1).unwrap();
            let anomalous = values
                .iter()
                .filter(|value| group.judge(&[**value]).is_anomaly());
            let count = anomalous.count();
            assert!((1..=20).contains(&count), "{method:?}: {count}");
            assert!(group.judge(&[10.0]).is_anomaly(), "{method:?}");
        }
    }

    #[test]
    fn rows_at_the_centres_are_usual_and_all_others_are_not() {
        let group =
            Group::learn(rows([1.0, 2.0, 3.0].repeat(100)), 1, Method::KMeans, 3, 1).unwrap();
        assert_eq!(group.threshold, THRESHOLD_LEAST);
        assert!(!group.judge(&[2.0]).is_anomaly());
        let other = group.judge(&[2.001]);
        assert!(other.is_anomaly() && other.score.is_finite(), "{other:?}");
    }

    #[test]
    fn labels_are_for_the_method_that_learns_from_them() {
        assert!(Method::RandomForest.check_label(None).is_err());
        assert!(Method::KMeans.check_label(Some("odd")).is_err());
        assert!(Method::RandomForest.check_label(Some("odd")).is_ok());
        assert!(Method::IsolationForest.check_label(None).is_ok());
    }
}
