//! Definitions: what is measured of which records, by windows of time and groups, whatever engine does it.
//!
//! A [`Definition`](written::Definition) has the names that were typed, with flags or in a [`file`]. With the columns of a table,
//! [`resolve`] makes it an [`Analysis`]. That becomes the text of a query in the [`dialect`] of an engine: [`sql`] for windows,
//! [`points`] for values by time, [`methods`] for what is expected of them, [`closed_windows`] for what has come since the
//! last look, [`live`] for windows over what comes.

pub mod aggregate;
mod analysis;
pub mod closed_windows;
pub mod condition;
pub mod detection;
pub mod dialect;
pub mod file;
pub mod fill;
pub mod length;
pub mod live;
mod methods;
pub mod points;
pub mod resolve;
pub mod sql;
pub mod webhook;
pub mod window;
pub mod written;

pub use aggregate::Aggregate;
pub use analysis::{Analysis, Named, Time, Windows, Written};
pub use detection::Detection;
pub use dialect::Dialect;
pub use fill::Fill;
pub use window::Window;

#[cfg(test)]
mod tests;
