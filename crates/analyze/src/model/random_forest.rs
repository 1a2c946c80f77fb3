//! Trees that vote on whether a row is anomalous, from rows of which somebody has said so (random forest).

use anyhow::{anyhow, bail};
use serde::{Deserialize, Serialize};
use smartcore::ensemble::random_forest_regressor::{
    RandomForestRegressor, RandomForestRegressorParameters,
};
use smartcore::linalg::basic::matrix::DenseMatrix;

use super::random::Random;
use super::tree::{Node, Tree};

/// So many trees.
const TREES: usize = 50;
/// So many rows of a group are learned from at most.
pub const ROWS_MOST: usize = 100_000;
/// So many rows are at a leaf at least: a tree that tells each row apart learns its mistakes, too.
const LEAF_ROWS: usize = 5;
/// More than this share of the trees is a majority.
pub const MAJORITY: f64 = 0.5;

/// Trees, at whose leaves stands which share of the rows there was anomalous.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RandomForest {
    /// How many of the rows were labelled anomalous.
    pub anomalous: u64,
    /// The trees.
    pub trees: Vec<Tree>,
}

impl RandomForest {
    /// Grows it from rows with so many features each, at least one row, and a label for each.
    ///
    /// # Errors
    ///
    /// If there are too many rows, or the library refuses.
    pub fn fit(
        rows: Vec<f64>,
        features: usize,
        labels: &[bool],
        random: &mut Random,
    ) -> anyhow::Result<Self> {
        let count = labels.len();
        if count > ROWS_MOST {
            bail!(
                "{count} rows are more than the {ROWS_MOST} from which a random forest learns in a reasonable time; take fewer with --filter or --since, or another method"
            );
        }
        let refused = |e: &dyn std::fmt::Display| anyhow!("growing a random forest: {e}");
        let votes = labels.iter().map(|label| f64::from(u8::from(*label)));
        let votes = votes.collect::<Vec<_>>();
        let rows = DenseMatrix::new(count, features, rows, false).map_err(|e| refused(&e))?;
        let parameters = RandomForestRegressorParameters::default()
            .with_n_trees(TREES)
            .with_min_samples_leaf(LEAF_ROWS)
            .with_seed(random.number());
        let grown = RandomForestRegressor::fit(&rows, &votes, parameters);
        let grown = grown.map_err(|e| refused(&e))?;
        Ok(Self {
            anomalous: labels.iter().filter(|label| **label).count() as u64,
            trees: trees(&grown)?,
        })
    }

    /// The share of the trees that call a row anomalous.
    pub fn judge(&self, features: &[f64]) -> f64 {
        Tree::mean(&self.trees, features)
    }

    /// Can all of it be asked, for rows with so many features?
    pub fn is_valid(&self, features: usize) -> bool {
        !self.trees.is_empty() && self.trees.iter().all(|tree| tree.is_valid(features))
    }
}

/// What the library has grown, as it writes it.
#[derive(Deserialize)]
struct Grown {
    forest_regressor: GrownTrees,
}

#[derive(Deserialize)]
struct GrownTrees {
    trees: Vec<GrownTree>,
}

#[derive(Deserialize)]
struct GrownTree {
    nodes: Vec<GrownNode>,
}

#[derive(Deserialize)]
struct GrownNode {
    output: f64,
    split_feature: usize,
    split_value: Option<f64>,
    true_child: Option<usize>,
    false_child: Option<usize>,
}

/// Its trees: it shows them to nobody, but it writes them.
fn trees(grown: &impl Serialize) -> anyhow::Result<Vec<Tree>> {
    let written = serde_json::to_vec(grown)?;
    let grown = serde_json::from_slice::<Grown>(&written)?;
    drop(written);
    let trees = grown.forest_regressor.trees.into_iter().map(|tree| {
        let nodes = tree.nodes.into_iter().map(|node| {
            match (node.split_value, node.true_child, node.false_child) {
                (Some(at), Some(low), Some(high)) => {
                    Node::Branch(node.split_feature, at, low, high)
                }
                _ => Node::Leaf(node.output),
            }
        });
        Tree(nodes.collect())
    });
    Ok(trees.collect())
}

#[cfg(test)]
mod tests {
    use smartcore::linalg::basic::arrays::Array;

    use super::*;

    /// Rows in a square; those beyond a line across it are anomalous.
    fn rows(count: usize) -> (Vec<f64>, Vec<bool>) {
        let mut random = Random::of(5, &[]);
        let rows = (0..count).map(|_| [random.unit(), random.unit()]);
        let rows = rows.collect::<Vec<_>>();
        let labels = rows.iter().map(|row| row[0] + row[1] > 1.5);
        let labels = labels.collect();
        (rows.concat(), labels)
    }

    #[test]
    fn what_was_called_anomalous_is_found_again() {
        let (features, labels) = rows(2_000);
        let mut random = Random::of(1, &[]);
        let forest = RandomForest::fit(features, 2, &labels, &mut random).expect("grows");
        assert!(forest.is_valid(2));
        for (row, expected) in [
            ([0.1, 0.1], false),
            ([0.95, 0.95], true),
            ([0.9, 0.3], false),
        ] {
            assert_eq!(forest.judge(&row) > MAJORITY, expected, "{row:?}");
        }
    }

    #[test]
    fn its_trees_say_what_the_library_s_own_say() {
        let (features, labels) = rows(300);
        let votes = labels.iter().map(|label| f64::from(u8::from(*label)));
        let votes = votes.collect::<Vec<_>>();
        let matrix = DenseMatrix::new(300, 2, features, false).expect("a matrix");
        let parameters = RandomForestRegressorParameters::default().with_n_trees(10);
        let grown = RandomForestRegressor::fit(&matrix, &votes, parameters).expect("grows");
        let said = grown.predict(&matrix).expect("is judged");
        let trees = trees(&grown).expect("are read");
        for (number, said) in said.iter().enumerate() {
            let row = [*matrix.get((number, 0)), *matrix.get((number, 1))];
            let mean = Tree::mean(&trees, &row);
            assert!((mean - said).abs() < 1e-12, "{number}: {mean} and {said}");
        }
    }

    #[test]
    fn more_rows_than_can_be_learned_from_are_refused() {
        let count = ROWS_MOST + 1;
        let mut random = Random::of(1, &[]);
        let refused = RandomForest::fit(vec![0.0; count], 1, &vec![false; count], &mut random);
        let refused = refused.expect_err("too many").to_string();
        assert!(refused.contains("--filter or --since"), "{refused}");
    }
}
