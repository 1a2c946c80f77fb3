//! A tree of questions: is this feature at most so much? What stands at its leaves is a number.

use serde::{Deserialize, Serialize};

/// A node. In a file, a leaf is its number, and a branch a list.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Node {
    /// What the tree says.
    Leaf(f64),
    /// Feature, value, and the numbers of the nodes where it goes on: first if the feature is at most the value, and else.
    Branch(usize, f64, usize, usize),
    /// The same, behind the value how far from it rows may be. One that is further away is alone here, and goes no further: the
    /// tree says how many questions it was asked.
    Within(usize, f64, f64, usize, usize),
}

/// A tree, by its nodes; the first is its root. A node's children stand behind it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tree(pub Vec<Node>);

impl Tree {
    /// What it says of these features; nothing if it isn't [valid](Self::is_valid).
    pub fn value(&self, features: &[f64]) -> Option<f64> {
        let (mut number, mut asked) = (0, 0);
        loop {
            let (feature, at, reach, low, high) = match *self.0.get(number)? {
                Node::Leaf(value) => return Some(value),
                Node::Branch(feature, at, low, high) => (feature, at, f64::INFINITY, low, high),
                Node::Within(feature, at, reach, low, high) => (feature, at, reach, low, high),
            };
            asked += 1;
            let value = *features.get(feature)?;
            if (value - at).abs() > reach {
                return Some(f64::from(asked));
            }
            let next = if value <= at { low } else { high };
            // Never backwards: it would go round in a circle.
            number = (next > number).then_some(next)?;
        }
    }

    /// Has it an answer for all rows with so many features?
    pub fn is_valid(&self, features: usize) -> bool {
        let mut numbered = self.0.iter().enumerate();
        let is_valid = |(number, node): (usize, &Node)| {
            let is_branch = |feature: usize, at: f64, low: usize, high: usize| {
                feature < features
                    && at.is_finite()
                    && low.min(high) > number
                    && low.max(high) < self.0.len()
            };
            match *node {
                Node::Leaf(value) => value.is_finite(),
                Node::Branch(feature, at, low, high) => is_branch(feature, at, low, high),
                Node::Within(feature, at, reach, low, high) => {
                    reach >= 0.0 && is_branch(feature, at, low, high)
                }
            }
        };
        !self.0.is_empty() && numbered.all(is_valid)
    }

    /// The mean of what trees say.
    pub fn mean(trees: &[Self], features: &[f64]) -> f64 {
        let values = trees.iter().filter_map(|tree| tree.value(features));
        values.sum::<f64>() / trees.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_goes_down_to_a_leaf_and_stands_in_a_file_as_it_is() {
        let text = "[[1,2.5,1,2],0.25,[0,-1.0,4.0,3,4],0.5,1.0]";
        let tree = serde_json::from_str::<Tree>(text).expect("a tree");
        assert!(tree.is_valid(2));
        for (features, expected) in [([0.0, 2.5], 0.25), ([-1.0, 2.6], 0.5), ([0.0, 2.6], 1.0)] {
            assert_eq!(tree.value(&features), Some(expected), "{features:?}");
        }
        assert_eq!(serde_json::to_string(&tree).expect("is written"), text);
        assert_eq!(Tree::mean(&[tree.clone(), tree], &[0.0, 0.0]), 0.25);
    }

    #[test]
    fn a_tree_that_could_go_round_in_a_circle_or_nowhere_is_not_valid() {
        for text in [
            "[]",
            "[[0,1.0,0,1],0.5]",
            "[[0,1.0,1,2],0.5]",
            "[[2,1.0,1,2],0.5,0.5]",
            "[[0,1.0,1,2],[0,1.0,1,2],0.5]",
            "[[0,1.0,-1.0,1,2],0.5,0.5]",
            "[[0,1.0,1.0,0,2],0.5,0.5]",
        ] {
            let tree = serde_json::from_str::<Tree>(text).expect("a tree");
            assert!(!tree.is_valid(2), "{text}");
        }
        let circle = serde_json::from_str::<Tree>("[[0,1.0,0,1],0.5]").expect("a tree");
        assert_eq!(circle.value(&[0.0]), None);
    }
}
