//! The state of archives, as users see it: the log, totals, the exit code.
//!
//! Archives report to their [`status`], with a [`reason`] where they wait or have stopped; [`totals`] and [`hung`] read
//! it and watch it. The loop of an archive has a [`pulse`], by which it is seen to be at a [`standstill`]. Nothing here
//! acts on an archive.

pub mod hung;
pub mod pulse;
pub mod reason;
pub mod standstill;
pub mod status;
pub mod totals;
