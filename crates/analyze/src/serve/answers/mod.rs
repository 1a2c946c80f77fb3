//! What is answered to each question: structures that become JSON.

pub mod anomalies;
pub mod archives;
pub mod models;
pub mod points;
pub mod predict;
pub mod results;
pub mod rows;
pub mod schema;
pub mod scores;
pub mod sql;
pub mod windows;
