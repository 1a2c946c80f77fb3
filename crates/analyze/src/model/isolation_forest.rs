//! How soon a row is alone when others are parted from it at random (isolation forest).
//!
//! Liu, Ting and Zhou, "Isolation Forest", 2008, with the numbers that they found to be enough. What is parted soon is unlike
//! the rest. A row beyond all that a tree was made of would be as deep as the outermost of them, so rows further from a value
//! than those there are from each other are alone at once, as the same authors have it in "On Detecting Clustered Anomalies
//! Using SCiForest", 2010. No library that is kept has this for a number of features that isn't known when it is compiled.

use serde::{Deserialize, Serialize};

use super::random::Random;
use super::tree::{Node, Tree};

/// So many trees.
const TREES: usize = 100;
/// So many rows make a tree.
const SAMPLE: usize = 256;

/// Trees, at whose leaves stands how deep a row is that comes there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IsolationForest {
    /// How many rows a tree was made of.
    pub sample: usize,
    /// The trees.
    pub trees: Vec<Tree>,
}

impl IsolationForest {
    /// Grows it from rows with so many features each, at least one row. Returns beside it how unlike the rest each row is.
    pub fn fit(rows: &[f64], features: usize, random: &mut Random) -> (Self, Vec<f64>) {
        let count = rows.len() / features.max(1);
        let sample = count.min(SAMPLE);
        let mut numbers = (0..count).collect::<Vec<_>>();
        let constants = constants(rows, features);
        let trees = (0..TREES).map(|_| {
            // The first ones of a shuffle that goes no further.
            for place in 0..sample {
                numbers.swap(place, place + random.below(count - place));
            }
            let mut growing = Growing {
                rows,
                features,
                random: &mut *random,
                depth_most: sample.max(1).ilog2() + u32::from(!sample.is_power_of_two()),
                nodes: constants.clone(),
            };
            growing.grow(&mut numbers[..sample].to_vec(), 0);
            Tree(growing.nodes)
        });
        let forest = Self {
            sample,
            trees: trees.collect(),
        };
        let unlike = rows.chunks_exact(features.max(1));
        let unlike = unlike.map(|row| forest.judge(row)).collect();
        (forest, unlike)
    }

    /// How unlike the rest a row is: near 1 if it is alone at once, 0.5 or less if it is deep.
    pub fn judge(&self, features: &[f64]) -> f64 {
        let usual = usual_depth(self.sample);
        let depth = Tree::mean(&self.trees, features);
        match usual > 0.0 {
            true => 2_f64.powf(-depth / usual),
            // Made of one row, it knows that one and no other.
            false if depth > 0.0 => 1.0,
            false => 0.5,
        }
    }

    /// Can all of it be asked, for rows with so many features?
    pub fn is_valid(&self, features: usize) -> bool {
        !self.trees.is_empty() && self.trees.iter().all(|tree| tree.is_valid(features))
    }
}

/// The first nodes of each tree: a feature in which all rows are alike parts none of them, but any other row is alone there.
/// How deep the others are isn't counted from these.
fn constants(rows: &[f64], features: usize) -> Vec<Node> {
    let first = rows.get(..features).unwrap_or_default();
    let is_constant = |feature: usize, value: f64| {
        let mut values = rows.iter().skip(feature).step_by(features.max(1));
        values.all(|other| *other == value)
    };
    let numbered = first.iter().copied().enumerate();
    let constant = numbered.filter(|(feature, value)| is_constant(*feature, *value));
    let nodes = constant.enumerate();
    nodes
        .map(|(place, (feature, value))| Node::Within(feature, value, 0.0, place + 1, place + 1))
        .collect()
}

/// A tree that grows.
struct Growing<'a> {
    rows: &'a [f64],
    features: usize,
    random: &'a mut Random,
    depth_most: u32,
    nodes: Vec<Node>,
}

impl Growing<'_> {
    /// Grows a node of these rows; returns its number.
    fn grow(&mut self, numbers: &mut [usize], depth: u32) -> usize {
        let place = self.nodes.len();
        let leaf = f64::from(depth) + usual_depth(numbers.len());
        self.nodes.push(Node::Leaf(leaf));
        if depth >= self.depth_most || numbers.len() < 2 {
            return place;
        }
        let Some((feature, at, reach)) = self.part(numbers) else {
            return place;
        };
        let (rows, features) = (self.rows, self.features);
        numbers.sort_by_key(|number| rows[number * features + feature] > at);
        let low = numbers.partition_point(|number| rows[number * features + feature] <= at);
        let (low, high) = numbers.split_at_mut(low);
        let low = self.grow(low, depth + 1);
        let high = self.grow(high, depth + 1);
        self.nodes[place] = Node::Within(feature, at, reach, low, high);
        place
    }

    /// A feature at random among those in which these rows differ, a value at random between the least and the greatest, and
    /// how far these are from each other; nothing if the rows are all alike.
    fn part(&mut self, numbers: &[usize]) -> Option<(usize, f64, f64)> {
        let (rows, features) = (self.rows, self.features);
        let ranges = (0..features).filter_map(|feature| {
            let values = numbers
                .iter()
                .map(|number| rows[number * features + feature]);
            let (least, greatest) = values
                .fold((f64::INFINITY, f64::NEG_INFINITY), |range, value| {
                    (range.0.min(value), range.1.max(value))
                });
            (least < greatest).then_some((feature, least, greatest))
        });
        let ranges = ranges.collect::<Vec<_>>();
        let (feature, least, greatest) = *ranges.get(self.random.below(ranges.len()))?;
        let reach = greatest - least;
        let at = least + self.random.unit() * reach;
        // Rounding may reach the end, and then nothing would be parted.
        Some((feature, if at < greatest { at } else { least }, reach))
    }
}

/// How deep a row is on average in a search tree of so many, when nothing is found: what depths are measured by.
fn usual_depth(count: usize) -> f64 {
    match count {
        0 | 1 => 0.0,
        2 => 1.0,
        count => {
            let count = count as f64;
            2.0 * ((count - 1.0).ln() + EULER) - 2.0 * (count - 1.0) / count
        }
    }
}

/// Euler's constant, by which the harmonic numbers differ from the logarithm.
const EULER: f64 = 0.577_215_664_901_532_9;

#[cfg(test)]
mod tests {
    use super::*;

    fn cloud(count: usize, random: &mut Random) -> Vec<f64> {
        let rows = (0..count).flat_map(|_| {
            // Sums of many are spread as a bell is.
            let normal = |random: &mut Random| (0..12).map(|_| random.unit()).sum::<f64>() - 6.0;
            [normal(random), 100.0 + 10.0 * normal(random)]
        });
        rows.collect()
    }

    #[test]
    fn depths_are_measured_by_what_is_usual_for_so_many_rows() {
        assert_eq!(usual_depth(1), 0.0);
        assert_eq!(usual_depth(2), 1.0);
        // As in the paper: 2 H(255) - 2 * 255 / 256.
        assert!((usual_depth(256) - 10.244).abs() < 0.001);
    }

    #[test]
    fn rows_far_from_the_others_are_alone_soon() {
        let mut random = Random::of(1, &[]);
        let mut rows = cloud(2_000, &mut random);
        rows.extend([9.0, 100.0, 0.0, 190.0, -9.0, 10.0]);
        let (forest, unlike) = IsolationForest::fit(&rows, 2, &mut random);
        assert!(forest.is_valid(2) && !forest.is_valid(1));
        assert_eq!((forest.trees.len(), forest.sample), (100, 256));
        let (usual, odd) = unlike.split_at(2_000);
        let above = |limit: f64| usual.iter().filter(|unlike| **unlike > limit).count();
        let least = odd.iter().copied().fold(f64::INFINITY, f64::min);
        assert!(
            above(least) < 20,
            "{} of 2000 are as unlike: {odd:?}",
            above(least)
        );
        assert!(forest.judge(&[0.0, 100.0]) < 0.5);
        // The further beyond all others, the sooner.
        let further = [[5.0, 100.0], [20.0, 100.0], [500.0, 100.0]].map(|row| forest.judge(&row));
        assert!(further.is_sorted() && further[2] > 0.6, "{further:?}");
    }

    #[test]
    fn a_sample_that_is_no_power_of_two_has_room_for_all_of_it() {
        let mut random = Random::of(1, &[]);
        let rows = (0..200).map(f64::from).collect::<Vec<_>>();
        let (forest, _) = IsolationForest::fit(&rows, 1, &mut random);
        assert_eq!(forest.sample, 200);
        let deepest = forest.trees.iter().flat_map(|tree| &tree.0);
        let deepest = deepest.filter_map(|node| match node {
            Node::Leaf(depth) => Some(*depth),
            Node::Branch(..) | Node::Within(..) => None,
        });
        assert!(deepest.fold(0.0, f64::max) > 8.0);
    }

    #[test]
    fn rows_that_are_all_alike_are_usual_and_any_other_is_alone_at_once() {
        let mut random = Random::of(1, &[]);
        for rows in [vec![3.0; 500], vec![3.0]] {
            let (forest, unlike) = IsolationForest::fit(&rows, 1, &mut random);
            assert!(forest.is_valid(1));
            let is_half = |unlike: f64| (unlike - 0.5).abs() < 1e-12;
            assert!(unlike.iter().copied().all(is_half), "{unlike:?}");
            assert!(forest.judge(&[3.5]) > 0.9);
        }
    }

    #[test]
    fn a_feature_that_never_changes_is_noticed_when_it_does() {
        let mut random = Random::of(1, &[]);
        let rows = cloud(1_000, &mut random);
        let rows = rows.chunks_exact(2).flat_map(|row| [row[0], 7.0, row[1]]);
        let rows = rows.collect::<Vec<_>>();
        let (forest, unlike) = IsolationForest::fit(&rows, 3, &mut random);
        assert!(forest.is_valid(3));
        let most = unlike.iter().copied().fold(0.0, f64::max);
        assert!(
            most < 0.8 && forest.judge(&[0.0, 8.0, 100.0]) > 0.9,
            "{most}"
        );
    }
}
