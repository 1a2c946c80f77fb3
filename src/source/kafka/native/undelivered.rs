//! What was sent and has not arrived: why, and the record itself where it may be sent once more.

use std::ffi::c_char;
use std::{ptr, slice};

use archiver_format::record::Partition;
use rdkafka_sys as rd;
use rdkafka_sys::RDKafkaRespErr as Code;

use super::convert::text;
use super::new_record::NewRecord;
use crate::source::cluster::KafkaError;
use crate::source::kafka::errors::error;

/// A record that has not arrived.
#[derive(Debug)]
pub struct Undelivered {
    /// What kind of reason that has.
    pub refusal: Refusal,
    /// Why not.
    pub error: KafkaError,
    /// The record, where others of its batch may be the reason.
    pub record: Option<Box<Returned>>,
}

/// Why a record was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Another one in its batch was refused.
    Company,
    /// The topic forbids its timestamp, or that of another one in its batch.
    Timestamp,
    /// The topic forbids it, or another one in its batch: it has no key, say, where records are compacted.
    Invalid,
    /// It, or its batch, is too large.
    TooLarge,
    /// Who sends may not write there.
    Denied,
    /// The topic doesn't exist.
    Gone,
    /// Anything else that is so for good.
    Other,
    /// Nobody has refused it: it was given up, or nobody has answered.
    Lost,
}

/// A record that came back.
#[derive(Debug)]
pub struct Returned {
    partition: Partition,
    timestamp_ms: Option<i64>,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

impl Returned {
    /// The same, to be sent once more.
    pub fn record(&self) -> NewRecord<'_> {
        NewRecord {
            partition: Some(self.partition),
            timestamp_ms: self.timestamp_ms,
            key: self.key.as_deref(),
            value: self.value.as_deref(),
            headers: &self.headers,
        }
    }
}

impl Refusal {
    /// The reason that stands for a code.
    pub(super) fn of(code: Code) -> Self {
        use Code::*;
        match code {
            RD_KAFKA_RESP_ERR__INVALID_DIFFERENT_RECORD => Self::Company,
            RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP => Self::Timestamp,
            RD_KAFKA_RESP_ERR_INVALID_RECORD => Self::Invalid,
            RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE | RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE => {
                Self::TooLarge
            }
            RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED
            | RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED => Self::Denied,
            RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART
            | RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_ID
            | RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC => Self::Gone,
            RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION
            | RD_KAFKA_RESP_ERR_INVALID_MSG
            | RD_KAFKA_RESP_ERR_POLICY_VIOLATION
            | RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT
            | RD_KAFKA_RESP_ERR_UNSUPPORTED_COMPRESSION_TYPE => Self::Other,
            _ => Self::Lost,
        }
    }

    /// May another record of the batch be the reason?
    pub fn is_of_a_batch(self) -> bool {
        matches!(
            self,
            Self::Company | Self::Timestamp | Self::Invalid | Self::TooLarge
        )
    }
}

/// What became of a record that was sent.
pub(super) struct Report {
    pub tag: u64,
    code: Code,
    refusal: Refusal,
    record: Option<Box<Returned>>,
}

impl Report {
    /// # Safety
    /// The message is alive, and one that was sent.
    pub(super) unsafe fn new(message: *const rd::rd_kafka_message_t) -> Self {
        // SAFETY: the message's own pointer is the tag and points nowhere.
        let (tag, code) = unsafe { ((*message)._private.addr() as u64, (*message).err) };
        let mut refusal = Refusal::of(code);
        // It was there when the record was handed over.
        if code == Code::RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION {
            refusal = Refusal::Gone;
        }
        if refusal == Refusal::Invalid {
            // SAFETY: as the caller says; the text, if there is one, lives as long as the message.
            let said = unsafe { rd::rd_kafka_message_produce_errstr(message) };
            // Since KIP-467 brokers say with the record what is wrong with it, and this of the whole batch.
            // SAFETY: it ends with a NUL.
            if !said.is_null() && unsafe { text(said) }.contains("imestamp") {
                refusal = Refusal::Timestamp;
            }
        }
        let returned = refusal.is_of_a_batch().then(|| {
            // SAFETY: as the caller says.
            Box::new(unsafe { returned(message) })
        });
        Self {
            tag,
            code,
            refusal,
            record: returned,
        }
    }

    /// Did it arrive?
    pub(super) fn has_arrived(&self) -> bool {
        self.code == Code::RD_KAFKA_RESP_ERR_NO_ERROR
    }

    pub(super) fn outcome(self) -> Result<(), Undelivered> {
        match self.has_arrived() {
            true => Ok(()),
            false => Err(Undelivered {
                refusal: self.refusal,
                error: error(self.code, ""),
                record: self.record,
            }),
        }
    }
}

/// # Safety
/// The message is alive.
unsafe fn returned(message: *const rd::rd_kafka_message_t) -> Returned {
    let mut kind = rd::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
    let (mut all, mut headers) = (ptr::null_mut(), Vec::new());
    // SAFETY: all that is read belongs to the message, and is copied.
    unsafe {
        // The client tells no timestamp of what has an error. The message is its own memory, and this thread alone has it
        // now, so the error can be away for a moment.
        let error = &raw mut (*message.cast_mut()).err;
        let code = error.replace(Code::RD_KAFKA_RESP_ERR_NO_ERROR);
        let timestamp = rd::rd_kafka_message_timestamp(message, &mut kind);
        error.write(code);
        let of = &*message;
        if rd::rd_kafka_message_headers(message, &mut all) == Code::RD_KAFKA_RESP_ERR_NO_ERROR {
            let (mut name, mut value, mut size): (*const c_char, _, _) =
                (ptr::null(), ptr::null(), 0);
            let mut number = 0;
            while rd::rd_kafka_header_get_all(all, number, &mut name, &mut value, &mut size)
                == Code::RD_KAFKA_RESP_ERR_NO_ERROR
            {
                headers.push((text(name).into_bytes(), copied(value.cast(), size)));
                number += 1;
            }
        }
        Returned {
            partition: of.partition,
            timestamp_ms: (timestamp != 0 && timestamp != -1).then_some(timestamp),
            key: copied(of.key.cast(), of.key_len),
            value: copied(of.payload.cast(), of.len),
            headers,
        }
    }
}

/// # Safety
/// There are so many bytes, or none.
unsafe fn copied(bytes: *const u8, size: usize) -> Option<Vec<u8>> {
    // SAFETY: as the caller says.
    (!bytes.is_null()).then(|| unsafe { slice::from_raw_parts(bytes, size) }.to_vec())
}
