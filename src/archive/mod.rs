//! One archive: from its topic into its file, for as long as the process lives.
//!
//! The order: [`task`] makes one [`attempt`] after the other, with a [`backoff`] between them. An attempt recovers
//! ([`recover`]) at the last checkpoint, reads ([`reading`], the loop) until something ends it, and stops ([`stop`]) so
//! that the next one has the files to itself. The loop only waits and hands over to its parts: the [`intake`], the
//! [`backpressure`], the partitions that are [`unreadable`], the [`topic_change`]s, and the [`checkpointing`]. Records
//! that were taken and are not certain yet are [`outstanding`]. Beside all attempts, sealed segments are handed over to
//! a command ([`handover`]), and how far the archive is behind its topic is looked at ([`lagging`]).

mod attempt;
mod backoff;
mod backpressure;
mod checkpointing;
mod definition;
mod disks;
mod handover;
mod intake;
mod lagging;
mod outstanding;
mod pending;
mod reading;
mod recover;
mod stop;
mod task;
mod topic_change;
mod topic_identity;
mod unreadable;
pub mod window;

pub use attempt::Remains;
pub use definition::{Archive, Environment};
pub use intake::BATCH_BYTES;
pub use recover::other_identity;
pub use task::End;
pub use window::Window;
