//! The state of archives, as users see it: the log, totals, the exit code.
//!
//! Archives report to their [`status`], with a [`reason`] where they wait or have stopped; [`totals`] and [`hung`] read
//! it and watch it. Nothing here acts on an archive.

pub mod hung;
pub mod metrics;
pub mod reason;
pub mod recent;
pub mod snapshot;
pub mod status;
pub mod totals;
