//! What arrives: a record, or what came instead of one.

use std::ffi::CStr;
use std::ptr::{self, NonNull};
use std::slice;

use archiver_format::record::{
    EachHeader, Headers, HeadersProblem, NextOffset, Partition, Record, Timestamp, TimestampKind,
};
use rdkafka_sys as rd;
use rdkafka_sys::RDKafkaRespErr::RD_KAFKA_RESP_ERR__NOENT as NONE;
use rdkafka_sys::RDKafkaRespErr::RD_KAFKA_RESP_ERR__PARTITION_EOF as END;
use rdkafka_sys::RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR as OK;
use rdkafka_sys::rd_kafka_timestamp_type_t as TimestampType;

use super::convert::text;
use crate::source::cluster::Fetched;
use crate::source::kafka::errors::reading;
use crate::source::kafka::limits::RECORD_OVERHEAD;

/// Tells topics of one client apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::source::kafka) struct TopicKey(usize);

impl TopicKey {
    /// The key of librdkafka's handle of the topic.
    pub(super) fn of(topic: *mut rd::rd_kafka_topic_t) -> Self {
        Self(topic.addr())
    }
}

/// A record, or what came instead of one.
#[derive(Debug)]
#[repr(transparent)]
pub(super) struct Message(NonNull<rd::rd_kafka_message_t>);

// SAFETY: a message is its owner's alone, and may be destroyed from any thread.
unsafe impl Send for Message {}

impl Message {
    fn get(&self) -> &rd::rd_kafka_message_t {
        // SAFETY: it came from consume_batch_queue and lives until it is dropped.
        unsafe { self.0.as_ref() }
    }

    pub(super) fn topic(&self) -> TopicKey {
        TopicKey::of(self.get().rkt)
    }

    pub(super) fn partition(&self) -> Partition {
        self.get().partition
    }

    /// What it holds in memory: its key, its value, librdkafka's own about 300 bytes, and its share of the
    /// response that it came in.
    pub(super) fn bytes(&self) -> usize {
        self.get().len + self.get().key_len + RECORD_OVERHEAD
    }

    #[inline]
    pub(super) fn fetched(&self) -> Fetched<'_> {
        let m = self.get();
        // SAFETY: librdkafka's pointers and lengths, valid as long as the message.
        unsafe {
            if m.err == END {
                return Fetched::End(m.partition, NextOffset::new(m.offset));
            }
            if m.err != OK {
                let said = text(rd::rd_kafka_message_errstr(m));
                return Fetched::Failed(m.partition, reading(m.err, &said, m.offset));
            }
            let value = (!m.payload.is_null())
                .then(|| slice::from_raw_parts(m.payload.cast::<u8>(), m.len));
            let key =
                (!m.key.is_null()).then(|| slice::from_raw_parts(m.key.cast::<u8>(), m.key_len));
            let epoch = rd::rd_kafka_message_leader_epoch(m);
            Fetched::Record(Record {
                partition: m.partition,
                offset: m.offset,
                value,
                epoch: (epoch >= 0).then_some(epoch),
                timestamp: self.timestamp(),
                key,
                headers: Some(self),
            })
        }
    }

    #[inline]
    fn timestamp(&self) -> Option<Timestamp> {
        let mut kind = TimestampType::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the message is alive, and `kind` is written in this call.
        let ms = unsafe { rd::rd_kafka_message_timestamp(self.0.as_ptr(), &raw mut kind) };
        let kind = match kind {
            TimestampType::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE => return None,
            TimestampType::RD_KAFKA_TIMESTAMP_CREATE_TIME => TimestampKind::Create,
            TimestampType::RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME => TimestampKind::Append,
        };
        // What Kafka itself has for none.
        (ms != -1).then_some(Timestamp { ms, kind })
    }
}

impl Headers for Message {
    /// Unpacked in the message, with some allocations for each. librdkafka tells no length of a name, so that one with a
    /// zero byte in it ends there.
    fn visit(&self, each: &mut EachHeader<'_>) -> Result<(), HeadersProblem> {
        // SAFETY: the message is alive and nobody else's; what it has unpacked stays with it until it is destroyed. Names
        // end with a NUL, values have their length.
        unsafe {
            let mut headers = ptr::null_mut();
            match rd::rd_kafka_message_headers(self.0.as_ptr(), &raw mut headers) {
                OK => {}
                NONE => return Ok(()),
                err => return Err(HeadersProblem(text(rd::rd_kafka_err2str(err)).into())),
            }
            let (mut name, mut value, mut size) = (ptr::null(), ptr::null(), 0);
            for index in 0.. {
                let (name, value) = (&raw mut name, &raw mut value);
                if rd::rd_kafka_header_get_all(headers, index, name, value, &raw mut size) != OK {
                    break;
                }
                let value = (!(*value).is_null())
                    .then(|| slice::from_raw_parts((*value).cast::<u8>(), size));
                each(CStr::from_ptr(*name).to_bytes(), value);
            }
        }
        Ok(())
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        // SAFETY: it is destroyed once.
        unsafe { rd::rd_kafka_message_destroy(self.0.as_ptr()) };
    }
}
