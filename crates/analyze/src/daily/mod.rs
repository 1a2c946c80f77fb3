//! What is done each day, for the days by a zone's calendar that are over: yesterday, and those before it that were missed.
//!
//! A [`file`] says what. [`days`] says which days are due; the database of the table keeps up to which day a task has come,
//! in [`done`], so that a machine that was off for a week catches up.

pub mod days;
pub mod done;
pub mod file;
