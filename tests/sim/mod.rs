//! Whole runs of the production code on a simulated disk, cluster and clock, crashed wherever a real one may crash.
//!
//! One seed is one run, and always the same one: [`chance::run`] draws a configuration, traffic, faults and crashes
//! from it. After each crash the archives start again on what the disk has kept, and [`check`] compares what they
//! have with everything that was ever in the cluster.
//!
//! What a power cut may do is in [`disk`]: names and contents that were not synced are lost independently of each
//! other, which is more than most file systems do.

pub mod chance;
pub mod check;
pub mod commands;
pub mod disk;
pub mod kafka;
pub mod platform;
pub mod process;
pub mod random;
mod reload;
mod restart;
pub mod scenes;
pub mod strike;
#[cfg(test)]
mod tests;
pub mod torture;
pub mod world;
