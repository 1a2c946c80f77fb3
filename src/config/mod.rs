//! The configuration: a table of keys, by which a TOML file is read, checked as a whole, then built into types.
//!
//! The way of a file: [`load`] parses it; [`table`] holds what stands in it against the rows of [`keys`], each
//! value read by its kind ([`key_kind`], [`scalar`], [`duration`], [`size`], [`start`], [`timezone`], [`topic_pattern`],
//! [`command`], [`listen`], [`properties`]); [`check`] and [`check_pattern`] hold archives and patterns against clusters and against
//! each other, and build what is in [`configuration`], [`built`] and [`pattern_topics`]. Everything wrong on that way is
//! collected ([`walk`], [`problem`]) and shown at once ([`report`]), without what may be a secret ([`mask`]).

mod broker;
mod built;
mod check;
mod check_pattern;
mod clusters;
mod command;
mod compression;
mod configuration;
mod duration;
mod for_capture;
mod format;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod fuzz;
mod http;
mod key_kind;
mod keys;
mod listen;
mod load;
mod mask;
mod name;
mod named_files;
mod pattern_topics;
mod problem;
mod properties;
mod read;
pub mod reference;
mod report;
mod same_file;
mod scalar;
mod schema;
mod seen;
mod segments;
mod settings;
mod size;
mod start;
mod substitute;
mod table;
mod table_name;
mod timezone;
mod topic_pattern;
mod walk;

#[cfg(test)]
mod tests;

pub use built::{Archive, Checked, Cluster, Corrupt, Existing, OnSeal, Retention, Rotation, Start};
pub use configuration::Config;
pub use for_capture::{NOT_WRITTEN, Typed, TypedError, for_capture};
pub use http::{Http, Token};
pub use listen::Listen;
pub use load::{load, load_http};
pub use pattern_topics::{Found, Pattern, States, Unfit};
pub use read::{full_name, source_name};
pub use report::LoadError;
pub use size::parse as parse_size;
pub use topic_pattern::matching;
