//! Definitions: what is measured of which records, by windows of time and groups, whatever engine does it.
//!
//! A [`Definition`](written::Definition) has the names that were typed, with flags or in a [`file`]. With the columns of a table,
//! [`resolve`] makes it an [`Analysis`]. That becomes the text of a query in the [`dialect`] of an engine: [`sql`] for windows,
//! [`points`] for values by time, [`scored`] for what is expected of them, [`following`] for what has come since the
//! last look, [`live`] for windows over what comes.

pub mod aggregate;
mod analysis;
pub mod anomaly;
pub mod dialect;
pub mod file;
pub mod fill;
pub mod following;
pub mod length;
pub mod live;
pub mod points;
pub mod resolve;
mod scored;
pub mod sql;
pub mod webhook;
pub mod window;
pub mod written;

pub use aggregate::Aggregate;
pub use analysis::{Analysis, Named, Time, Windows, Written};
pub use anomaly::Detection;
pub use dialect::Dialect;
pub use fill::Fill;
pub use window::Window;

#[cfg(test)]
mod tests;
