//! Transactions of a producer: what was sent in one arrives whole, or not at all.

use std::time::Duration;

use rdkafka_sys as rd;

use super::convert::{cstring, millis, text};
use super::group_offsets::{GroupOffset, Offsets};
use super::producer::Producer;
use crate::source::cluster::KafkaError;
use crate::source::kafka::errors::error;

/// What can be done about a transaction that went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// The same call, again: what it had begun goes on.
    Again,
    /// [`Producer::abort`], and all of the transaction again.
    Abort,
    /// Another producer: this one sends nothing any more. Another one with its id may have taken its place.
    Restart,
    /// None: it was called at the wrong time, isn't allowed, or the cluster can't.
    None,
}

/// Why a step of a transaction was not made.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{error}")]
pub struct TransactionError {
    /// What can be done.
    pub remedy: Remedy,
    /// What went wrong.
    pub error: KafkaError,
}

impl From<KafkaError> for TransactionError {
    fn from(error: KafkaError) -> Self {
        let remedy = Remedy::None;
        Self { remedy, error }
    }
}

/// The answer of a step.
type Done = Result<(), TransactionError>;

impl Producer {
    /// Ends what another producer with this one's transactional id has left open: it sends nothing any more. Before all
    /// others, once. Blocks up to `timeout`.
    pub(in crate::source::kafka) fn init_transactions(&self, timeout: Duration) -> Done {
        // SAFETY: the handle is alive.
        done(unsafe { rd::rd_kafka_init_transactions(self.client.rk, millis(timeout)) })
    }

    /// Begins a transaction. Never waits.
    pub(in crate::source::kafka) fn begin(&self) -> Done {
        // SAFETY: the handle is alive.
        done(unsafe { rd::rd_kafka_begin_transaction(self.client.rk) })
    }

    /// Commits these offsets for a group, which has no members, with the transaction. Blocks up to `timeout`.
    pub(in crate::source::kafka) fn send_offsets(
        &self,
        group: &str,
        offsets: &[GroupOffset],
        timeout: Duration,
    ) -> Done {
        let (group, offsets) = (cstring(group)?, Offsets::of(offsets)?);
        // SAFETY: the handle is alive; group and offsets are copied by the call, and destroyed after it.
        done(unsafe {
            let group = rd::rd_kafka_consumer_group_metadata_new(group.as_ptr());
            let (rk, wait) = (self.client.rk, millis(timeout));
            let failed = rd::rd_kafka_send_offsets_to_transaction(rk, offsets.0, group, wait);
            rd::rd_kafka_consumer_group_metadata_destroy(group);
            failed
        })
    }

    /// Waits until all was delivered, and ends the transaction: what was sent in it can be read from then on. Blocks up
    /// to `timeout`.
    pub(in crate::source::kafka) fn commit(&self, timeout: Duration) -> Done {
        // SAFETY: the handle is alive; the callbacks that this calls only touch `Shared`.
        done(unsafe { rd::rd_kafka_commit_transaction(self.client.rk, millis(timeout)) })
    }

    /// Takes back the transaction: nothing that was sent in it can be read, and its offsets are not committed. What was
    /// not delivered is reported as purged. Blocks up to `timeout`.
    pub(in crate::source::kafka) fn abort(&self, timeout: Duration) -> Done {
        // SAFETY: as in `commit`.
        done(unsafe { rd::rd_kafka_abort_transaction(self.client.rk, millis(timeout)) })
    }
}

/// What librdkafka answered: nothing, or an error that is ours now.
fn done(failed: *mut rd::rd_kafka_error_t) -> Done {
    if failed.is_null() {
        return Ok(());
    }
    // SAFETY: it is ours, and not used any more once it is destroyed.
    unsafe {
        let is = |flag| flag != 0;
        let remedy = if is(rd::rd_kafka_error_is_fatal(failed)) {
            Remedy::Restart
        } else if is(rd::rd_kafka_error_txn_requires_abort(failed)) {
            Remedy::Abort
        } else if is(rd::rd_kafka_error_is_retriable(failed)) {
            Remedy::Again
        } else {
            Remedy::None
        };
        let code = rd::rd_kafka_error_code(failed);
        let error = error(code, &text(rd::rd_kafka_error_string(failed)));
        rd::rd_kafka_error_destroy(failed);
        Err(TransactionError { remedy, error })
    }
}
