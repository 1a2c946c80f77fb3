//! Where an archive stands, stored so that a crash at any point leaves the old checkpoint or the new one.
//!
//! The order write → fsync → checkpoint → commit is held by types: a [`Written`] becomes [`Durable`] only by
//! being synced, only a [`Durable`] can be stored, only storing makes a [`Checkpointed`], and only that is
//! committed.
//!
//! [`Written`]: crate::segment::writer::Written
//! [`Durable`]: crate::segment::writer::Durable

#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod fuzz;
mod store;

use serde::{Deserialize, Serialize};

use crate::config::Compression;
use crate::segment::writer::Progress;

pub use store::{LoadError, PAGE, REMEDY, Store, owner};

/// The version of the format that this program writes.
pub const FORMAT: u32 = 1;

/// A checkpoint as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// What the archive is; another one must not be taken up by this checkpoint.
    pub identity: Identity,
    /// How far it has come.
    pub progress: Progress,
    /// How far it had come when the brokers last said that the topic is still the same one. `None` if that is
    /// `progress`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified: Option<Progress>,
}

/// What a checkpoint belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The archive's name.
    pub archive: String,
    /// The file as configured when this was stored.
    pub file: String,
    /// `none`, `gzip` or `zstd`.
    pub compression: String,
    /// The topic's name.
    pub topic: String,
    /// The topic's id; `None` while the topic doesn't exist, or when the brokers don't tell.
    pub topic_id: Option<String>,
    /// The cluster's id, if the brokers tell.
    pub cluster_id: Option<String>,
}

/// A checkpoint that is stored durably: what may be told to Kafka.
#[derive(Debug, Clone)]
pub struct Checkpointed(Checkpoint);

impl Checkpointed {
    /// The checkpoint.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.0
    }

    /// Has no broker said so far that all of it was read from the topic that it names?
    pub fn is_unverified(&self) -> bool {
        self.0.verified.is_some()
    }
}

/// The name that checkpoints give to a compression; its level may change freely.
pub fn compression_name(compression: Compression) -> &'static str {
    match compression {
        Compression::None => "none",
        Compression::Gzip(_) => "gzip",
        Compression::Zstd(_) => "zstd",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compressions_have_the_names_that_older_checkpoints_have() {
        assert_eq!(compression_name(Compression::None), "none");
        assert_eq!(compression_name(Compression::Gzip(9)), "gzip");
        assert_eq!(compression_name(Compression::Zstd(-3)), "zstd");
    }
}
