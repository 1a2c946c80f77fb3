//! Following: an archive is looked at again and again, and each look emits the rows and alerts of the windows that it closes.
//!
//! What has been emitted stands in a [`checkpoint`], which is replaced as a whole at the end of each look. A look only reads
//! until its rows are added to files; then:
//!
//! 1. Rows are added to files ([`Appended`](crate::output::appended::Appended)), and synced.
//! 2. The closed windows that later looks need are written to a new file beside the checkpoint ([`state`]), and synced.
//! 3. The checkpoint is replaced: how long the files are, how far archives were looked at, and which alerts wait.
//! 4. Alerts are delivered one after the other ([`outbox`]), each noted once its receiver has taken it.
//!
//! A crash before 3 leaves rows that don't count: they are cut off at the next start, and the look is done again. A crash
//! between a delivery and its note has the alert delivered again, with the same id.
//!
//! The watermark ([`partitions`]) is the time behind which no record is expected any more: the least of the latest times in
//! partitions, less the lateness.

mod alert;
mod begun;
pub mod checkpoint;
mod closing;
pub mod follower;
mod look;
mod meaning;
mod outbox;
mod outputs;
pub mod partitions;
mod receiver;
mod source;
pub mod state;
mod waiting;
mod webhook;

pub use follower::{Follower, Plan};
