//! Everything from the machine around the program that is passed in: the file system and its [`devices`], the cores,
//! the memory, the clock, the [`commands`] of the user's, and the wish to stop.
//!
//! Its order: [`devices::Devices`] finds out which device a path is on, and only then there is a [`disk::Disk`], which
//! alone can run, sync and replace. What is asked of a device waits for no other one: it has its own threads
//! ([`executor`]), its own line of syncs, and its own share of the [`memory`] ([`budget`]). Work that needs no device
//! is done on the cores. Nothing in here knows of Kafka or of archives.

mod atomic_replace;
pub mod broadcast;
pub(crate) mod budget;
pub mod clock;
pub(crate) mod coalesced_requests;
pub mod commands;
mod device_finder;
mod device_table;
pub mod devices;
pub(crate) mod disk;
pub mod executor;
pub mod fs;
mod grouped_syncs;
pub(crate) mod idle;
pub(crate) mod memory;
pub(crate) mod open_files;
pub mod shutdown;
pub mod space;
pub mod timings;
