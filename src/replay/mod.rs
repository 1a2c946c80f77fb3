//! Replay: the way back into Kafka.
//!
//! Inputs give records, each in its own order ([`Input`]). They are merged by time (`merge`), a thread reads them ahead
//! (`reader`, `buffer`), and another one, the player, hands each to a sink once the one clock of all says that it is due
//! (`schedule`, `player`). The sink is a producer (`kafka_sink`), which keeps how far all has arrived (`place`): in a file,
//! or in the transactions that the records are in. Shares with archives the format crate, the clusters' properties and the
//! reading of times, and nothing of their tasks.

mod buffer;
pub mod clock;
pub mod control;
mod due;
pub mod input;
pub mod kafka_sink;
pub mod keeping;
mod lateness;
mod merge;
pub mod place;
pub mod player;
mod reader;
mod record;
mod refusal;
pub mod schedule;
pub mod sending;
mod sent_again;
mod settled;
mod sink;
pub mod speed;
pub mod target;
mod topic_map;
pub mod transactions;

pub use buffer::{Buffer, Read, Taken};
pub use lateness::{Figures, Lateness};
pub use reader::{Open, Reader, Wanted};
pub use record::{Input, InputError, Outgoing, shown};
pub use sink::{Failure, NotResumable};
pub use topic_map::{TopicMap, mapped};
