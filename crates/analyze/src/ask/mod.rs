//! What is asked of a definition and the engine that has its source, whoever shows the answer.
//!
//! [`asked`] has the queries and their answers, [`series`] makes of points what can be drawn.

pub mod asked;
pub mod series;
