//! Pictures of what was measured, and a page with all of them.
//!
//! The data's way: points as they come → [`collector`]: a [`series`] for each group, so few points that a picture can show
//! them ([`columns`]) → [`svg`], drawn between a [`number`] axis and a [`time`] axis → [`png`], or a file of its own for many
//! ([`report`], whose charts are those of [`chart`]). [`file_name`] says how the files are called.

pub mod chart;
pub mod collector;
pub mod columns;
pub mod file_name;
pub mod number;
pub mod png;
pub mod report;
pub mod series;
pub mod svg;
pub mod time;

#[cfg(test)]
mod tests;
