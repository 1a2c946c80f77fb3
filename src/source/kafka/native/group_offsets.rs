//! What a group has committed: offsets, each with a text of whoever committed it.

use std::ffi::c_int;
use std::slice;
use std::time::Duration;

use archiver_format::record::{NextOffset, Partition};
use rdkafka_sys as rd;
use rdkafka_sys::RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR as OK;

use super::admin::Set;
use super::client::Client;
use super::convert::{array, cstring, text};
use crate::source::cluster::KafkaError;
use crate::source::kafka::errors::error;

/// An offset that a group commits for a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupOffset {
    /// The topic; it must exist.
    pub topic: String,
    /// One of its partitions.
    pub partition: Partition,
    /// The offset.
    pub offset: NextOffset,
    /// Any text; brokers take 4096 bytes unless configured otherwise.
    pub metadata: String,
}

/// Partitions with offsets, as librdkafka has them.
pub(super) struct Offsets(pub(super) *mut rd::rd_kafka_topic_partition_list_t);

impl Offsets {
    pub(super) fn empty(capacity: usize) -> Self {
        let capacity = c_int::try_from(capacity).unwrap_or(c_int::MAX);
        // SAFETY: it is ours until Drop.
        Self(unsafe { rd::rd_kafka_topic_partition_list_new(capacity) })
    }

    pub(super) fn of(offsets: &[GroupOffset]) -> Result<Self, KafkaError> {
        let list = Self::empty(offsets.len());
        for of in offsets {
            let topic = cstring(&of.topic)?;
            let metadata = of.metadata.as_bytes();
            // SAFETY: the name is copied. The list frees the metadata by C's `free`, so they are C's, too: as many bytes
            // as are copied there.
            unsafe {
                let entry =
                    rd::rd_kafka_topic_partition_list_add(list.0, topic.as_ptr(), of.partition);
                (*entry).offset = of.offset.get();
                let copy = libc::malloc(metadata.len().max(1));
                if !copy.is_null() {
                    metadata
                        .as_ptr()
                        .copy_to_nonoverlapping(copy.cast(), metadata.len());
                    (*entry).metadata = copy;
                    (*entry).metadata_size = metadata.len();
                }
            }
        }
        Ok(list)
    }
}

impl Drop for Offsets {
    fn drop(&mut self) {
        // SAFETY: made by `empty`, destroyed once.
        unsafe { rd::rd_kafka_topic_partition_list_destroy(self.0) };
    }
}

/// The question, as librdkafka has it.
struct Asked(*mut rd::rd_kafka_ListConsumerGroupOffsets_t);

impl Drop for Asked {
    fn drop(&mut self) {
        // SAFETY: made in `committed`, destroyed once.
        unsafe { rd::rd_kafka_ListConsumerGroupOffsets_destroy(self.0) };
    }
}

impl Client {
    /// What a group has committed for these partitions, where it has; once no transaction is open that commits for it.
    /// Blocks up to `timeout`.
    pub(in crate::source::kafka) fn committed(
        &self,
        group: &str,
        partitions: &[(String, Partition)],
        timeout: Duration,
    ) -> Result<Vec<GroupOffset>, KafkaError> {
        let group = cstring(group)?;
        let list = Offsets::empty(partitions.len());
        for (topic, partition) in partitions {
            let topic = cstring(topic)?;
            // SAFETY: the list is alive; the name is copied.
            unsafe { rd::rd_kafka_topic_partition_list_add(list.0, topic.as_ptr(), *partition) };
        }
        // SAFETY: group and list are copied.
        let mut asked =
            Asked(unsafe { rd::rd_kafka_ListConsumerGroupOffsets_new(group.as_ptr(), list.0) });
        let call = |options: *mut _, queue: *mut _| {
            // SAFETY: the question is ours, and copied by the call.
            unsafe {
                rd::rd_kafka_ListConsumerGroupOffsets(self.rk, &mut asked.0, 1, options, queue);
            }
        };
        let read = |event| {
            let mut offsets = Vec::new();
            // SAFETY: everything read belongs to `event`, which the caller destroys after this.
            unsafe {
                let result = rd::rd_kafka_event_ListConsumerGroupOffsets_result(event);
                let mut count = 0;
                if result.is_null() {
                    return Ok(offsets);
                }
                let found = rd::rd_kafka_ListConsumerGroupOffsets_result_groups(result, &mut count);
                for &group in array(found, count) {
                    let failed = rd::rd_kafka_group_result_error(group);
                    if !failed.is_null() {
                        let code = rd::rd_kafka_error_code(failed);
                        return Err(error(code, &text(rd::rd_kafka_error_string(failed))));
                    }
                    let list = &*rd::rd_kafka_group_result_partitions(group);
                    for entry in array(list.elems, usize::try_from(list.cnt).unwrap_or(0)) {
                        if entry.err != OK {
                            return Err(error(entry.err, ""));
                        }
                        if entry.offset >= 0 {
                            offsets.push(offset(entry));
                        }
                    }
                }
            }
            Ok(offsets)
        };
        let operation = rd::RDKafkaAdminOp::RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS;
        self.ask(operation, timeout, Set::Settled, call, read)?
    }
}

/// # Safety
/// The entry is alive.
unsafe fn offset(entry: &rd::rd_kafka_topic_partition_t) -> GroupOffset {
    // SAFETY: name and metadata belong to the entry; the metadata have their length.
    let (topic, metadata) = unsafe {
        let metadata = match entry.metadata.is_null() {
            true => &[],
            false => slice::from_raw_parts(entry.metadata.cast::<u8>(), entry.metadata_size),
        };
        (text(entry.topic), String::from_utf8_lossy(metadata))
    };
    GroupOffset {
        topic,
        partition: entry.partition,
        offset: NextOffset::new(entry.offset),
        metadata: metadata.into_owned(),
    }
}
