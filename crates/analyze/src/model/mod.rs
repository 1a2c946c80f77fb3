//! Models: what is learned from the rows of a source, and verdicts on other rows by it.
//!
//! The rows are those of a [`question`]. [`train`] goes through them group by group ([`rows`]) and makes a [`learned`] of each:
//! [`k_means`] with its [`scaling`], an [`isolation_forest`], or a [`random_forest`], both made of [`tree`]s. How far usual
//! rows are is a [`threshold`]. A [`file`] holds a model. [`verdicts`] are rows with what a model says of them, which a [`judge`] adds batch by batch.

pub mod file;
pub mod isolation_forest;
pub mod judge;
pub mod k_means;
pub mod learned;
pub mod question;
mod random;
pub mod random_forest;
pub mod rows;
pub mod scaling;
pub mod threshold;
pub mod train;
pub mod tree;
pub mod verdicts;
