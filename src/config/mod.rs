//! The configuration: a table of keys, by which a TOML file is read, checked as a whole, then built into types.
//!
//! The way of a file: [`load`] parses it; [`table`] holds what stands in it against the rows of [`keys`], each
//! value read by its kind ([`key`], [`scalar`], [`duration`], [`size`], [`timezone`], [`command`], [`properties`]); [`check`] holds archives
//! against clusters and against each other, and builds what is in [`built`]. Everything wrong on that way is
//! collected ([`walk`], [`problem`]) and shown at once ([`report`]), without what may be a secret ([`mask`]).

mod broker;
mod built;
mod check;
mod clusters;
mod command;
mod compression;
mod did_you_mean;
mod duration;
mod files;
mod format;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod fuzz;
mod key_kind;
mod keys;
mod load;
mod mask;
mod name;
mod position;
mod problem;
mod properties;
mod read;
pub mod reference;
mod report;
mod scalar;
mod schema;
mod segments;
mod size;
mod substitute;
mod table;
mod timezone;
mod walk;

#[cfg(test)]
mod tests;

pub use built::{Archive, Checked, Cluster, Config, Corrupt, Existing, OnSeal, Rotation, Start};
pub use load::load;
pub use read::source_name;
pub use report::LoadError;
