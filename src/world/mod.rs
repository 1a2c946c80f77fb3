//! Everything from the machine around the program that is passed in.

pub mod clock;
pub mod coalesce;
pub mod disk;
pub mod fs;
pub mod memory;
pub mod shutdown;
