//! What is asked of a definition and the engine that has its source, whoever shows the answer.
//!
//! [`asked`] has the queries and their answers, [`series`] makes of points what can be drawn, [`scores`] of what a model says.

pub mod asked;
pub mod scores;
pub mod series;
