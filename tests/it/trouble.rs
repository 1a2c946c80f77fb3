//! What goes wrong stays with its archive, is said, and heals.

mod broker;
mod corrupt;
mod disk;
mod files;
mod gaps;
mod hung;
mod limits;
mod ports;
mod race;
mod stalled;
mod topics;
