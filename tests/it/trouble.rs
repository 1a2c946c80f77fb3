//! What goes wrong stays with its archive, is said, and heals.

mod broker;
mod disk;
mod files;
mod gaps;
mod topics;
