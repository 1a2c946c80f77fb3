//! Queues that records arrive on.

use std::ffi::c_void;
use std::ptr;
use std::slice;
use std::sync::Arc;
use std::time::Duration;

use rdkafka_sys as rd;
use rdkafka_sys::RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR as OK;
use tokio::sync::Notify;

use super::client::Client;
use super::{cstring, millis, text};
use crate::cluster::{Fetched, KafkaError};
use crate::kafka::errors::{error, reading};
use crate::record::{Partition, Places, Record};

/// A topic that a client knows of; while it lives, the client keeps its metadata fresh.
pub(in crate::kafka) struct Topic {
    rkt: *mut rd::rd_kafka_topic_t,
    client: Arc<Client>,
}

// SAFETY: librdkafka's handles are thread-safe.
unsafe impl Send for Topic {}

impl Topic {
    pub(in crate::kafka) fn new(client: Arc<Client>, name: &str) -> Result<Self, KafkaError> {
        let name = cstring(name)?;
        // SAFETY: the client is alive and kept.
        unsafe {
            let rkt = rd::rd_kafka_topic_new(client.rk, name.as_ptr(), ptr::null_mut());
            if rkt.is_null() {
                return Err(error(rd::rd_kafka_last_error(), ""));
            }
            Ok(Self { rkt, client })
        }
    }
}

impl Drop for Topic {
    fn drop(&mut self) {
        // SAFETY: made by rd_kafka_topic_new, destroyed once.
        unsafe { rd::rd_kafka_topic_destroy(self.rkt) }
    }
}

/// How many records one call takes at most.
const BATCH: usize = 500;

/// A queue that the records of one topic's partitions, as far as this client reads them, arrive on.
pub(in crate::kafka) struct Queue {
    rkqu: *mut rd::rd_kafka_queue_t,
    reading: Vec<Partition>,
    topic: Topic,
    // Kept until after the callback is switched off.
    _arrived: Arc<Notify>,
}

// SAFETY: librdkafka's handles are thread-safe.
unsafe impl Send for Queue {}

impl Queue {
    /// `arrived` is notified each time that records arrive on the empty queue.
    pub(in crate::kafka) fn new(topic: Topic, arrived: Arc<Notify>) -> Self {
        // SAFETY: `arrived` is kept by the queue, and Drop switches the callback off first;
        // librdkafka calls it and switches it off under the same lock.
        unsafe {
            let rkqu = rd::rd_kafka_queue_new(topic.client.rk);
            rd::rd_kafka_queue_cb_event_enable(
                rkqu,
                Some(on_arrival),
                Arc::as_ptr(&arrived).cast_mut().cast(),
            );
            Self {
                rkqu,
                reading: Vec::new(),
                topic,
                _arrived: arrived,
            }
        }
    }

    /// Where it is known what the record before was written in, the log is compared with that before anything is read.
    pub(in crate::kafka) fn start(&mut self, from: &Places) -> Result<(), KafkaError> {
        // While it is compared nothing may be fetched: that the offset isn't there would be said first.
        let compared = Compared::new(&self.topic, from);
        compared.pause();
        for (&partition, place) in from {
            // SAFETY: topic and queue are alive.
            unsafe {
                let (rkt, next) = (self.topic.rkt, place.next);
                if rd::rd_kafka_consume_start_queue(rkt, partition, next, self.rkqu) != 0 {
                    return Err(error(rd::rd_kafka_last_error(), ""));
                }
            }
            self.reading.push(partition);
        }
        compared.seek();
        compared.resume();
        Ok(())
    }

    /// Blocks until the client's thread has let go of the partition.
    pub(in crate::kafka) fn stop(&mut self, partition: Partition) {
        if let Some(at) = self.reading.iter().position(|&p| p == partition) {
            self.reading.swap_remove(at);
            // SAFETY: the topic is alive; librdkafka drops what is still queued of the partition.
            unsafe { rd::rd_kafka_consume_stop(self.topic.rkt, partition) };
        }
    }

    /// Hands up to `most` of what has arrived to `each`, and says how many those were; waits for the first of it.
    pub(in crate::kafka) fn take(
        &mut self,
        wait: Duration,
        most: usize,
        each: &mut dyn FnMut(Fetched<'_>),
    ) -> usize {
        let mut messages = [ptr::null_mut::<rd::rd_kafka_message_t>(); BATCH];
        // SAFETY: librdkafka fills as many pointers as it returns; each message is ours until
        // `Messages` destroys it, after the borrows that `each` was given have ended.
        unsafe {
            let taken = rd::rd_kafka_consume_batch_queue(
                self.rkqu,
                millis(wait),
                messages.as_mut_ptr(),
                most.min(BATCH),
            );
            let messages = Messages(&messages[..usize::try_from(taken).unwrap_or(0)]);
            for &message in messages.0 {
                let m = &*message;
                if m.err == OK {
                    let value = (!m.payload.is_null())
                        .then(|| slice::from_raw_parts(m.payload.cast::<u8>(), m.len));
                    let epoch = rd::rd_kafka_message_leader_epoch(message);
                    each(Fetched::Record(Record {
                        partition: m.partition,
                        offset: m.offset,
                        value,
                        epoch: (epoch >= 0).then_some(epoch),
                    }));
                } else {
                    let said = text(rd::rd_kafka_message_errstr(message));
                    each(Fetched::Failed(
                        m.partition,
                        reading(m.err, &said, m.offset),
                    ));
                }
            }
            messages.0.len()
        }
    }

    pub(in crate::kafka) fn len(&self) -> usize {
        // SAFETY: the queue is alive.
        unsafe { rd::rd_kafka_queue_length(self.rkqu) }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        for partition in std::mem::take(&mut self.reading) {
            // SAFETY: as in `stop`.
            unsafe { rd::rd_kafka_consume_stop(self.topic.rkt, partition) };
        }
        // SAFETY: no partition feeds the queue any more; the callback goes before what it points to.
        unsafe {
            rd::rd_kafka_queue_cb_event_enable(self.rkqu, None, ptr::null_mut());
            rd::rd_kafka_queue_destroy(self.rkqu);
        }
    }
}

/// Partitions of which it is known what the last record was written in.
struct Compared<'a> {
    client: &'a Client,
    list: *mut rd::rd_kafka_topic_partition_list_t,
}

impl<'a> Compared<'a> {
    fn new(topic: &'a Topic, from: &Places) -> Self {
        // SAFETY: the list is ours until Drop; the name belongs to the topic and is copied.
        unsafe {
            let list = rd::rd_kafka_topic_partition_list_new(0);
            let name = rd::rd_kafka_topic_name(topic.rkt);
            for (&partition, place) in from {
                if let Some(epoch) = place.epoch {
                    let entry = rd::rd_kafka_topic_partition_list_add(list, name, partition);
                    (*entry).offset = place.next;
                    rd::rd_kafka_topic_partition_set_leader_epoch(entry, epoch);
                }
            }
            Self {
                client: &topic.client,
                list,
            }
        }
    }

    fn is_empty(&self) -> bool {
        // SAFETY: the list is alive.
        unsafe { (*self.list).cnt == 0 }
    }

    /// Waits for the client's thread, as does [`Compared::resume`].
    fn pause(&self) {
        if !self.is_empty() {
            // SAFETY: client and list are alive. What fails is a partition that can't be read either.
            unsafe { rd::rd_kafka_pause_partitions(self.client.rk, self.list) };
        }
    }

    fn seek(&self) {
        if !self.is_empty() {
            // SAFETY: client and list are alive. Without a timeout it waits for nothing, and has nothing to say.
            unsafe {
                let refused = rd::rd_kafka_seek_partitions(self.client.rk, self.list, 0);
                if !refused.is_null() {
                    rd::rd_kafka_error_destroy(refused);
                }
            }
        }
    }

    fn resume(&self) {
        if !self.is_empty() {
            // SAFETY: as in `pause`.
            unsafe { rd::rd_kafka_resume_partitions(self.client.rk, self.list) };
        }
    }
}

impl Drop for Compared<'_> {
    fn drop(&mut self) {
        // SAFETY: made by `new`, destroyed once.
        unsafe { rd::rd_kafka_topic_partition_list_destroy(self.list) };
    }
}

/// Messages that are destroyed also when the code that reads them unwinds.
struct Messages<'a>(&'a [*mut rd::rd_kafka_message_t]);

impl Drop for Messages<'_> {
    fn drop(&mut self) {
        for &message in self.0 {
            // SAFETY: each came from consume_batch_queue and is destroyed once.
            unsafe { rd::rd_kafka_message_destroy(message) };
        }
    }
}

unsafe extern "C" fn on_arrival(_: *mut rd::rd_kafka_t, arrived: *mut c_void) {
    // SAFETY: the Queue that set it keeps the Notify until after it has switched this off.
    unsafe { &*arrived.cast::<Notify>() }.notify_one();
}
