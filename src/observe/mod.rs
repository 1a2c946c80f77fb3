//! The state of archives, as users see it: the log, totals, the exit code.
//!
//! Archives report to their [`status`]: their state, with a [`reason`] where they wait or have stopped, their
//! [`activity`], and how far they are behind ([`lag`], with the [`race`] against retention). [`totals`], [`hung`] and
//! [`pace`] read it and watch it. The loop of an archive has a [`pulse`], by which it is seen to be at a [`standstill`]. A [`snapshot`] is what all of it is at a moment, and [`metrics`] the same in the words
//! of Prometheus. Nothing here acts on an archive.

pub mod activity;
pub mod hung;
pub mod lag;
pub mod metrics;
pub mod pace;
pub mod pulse;
pub mod rates;
pub mod reason;
pub mod recent;
pub mod retention_race;
pub mod snapshot;
pub mod standstill;
pub mod status;
pub mod totals;
