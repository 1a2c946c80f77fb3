//! Queues that records arrive on.

use std::ffi::c_void;
use std::ptr;
use std::slice;
use std::sync::Arc;

use rdkafka_sys as rd;
use rdkafka_sys::RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR as OK;
use tokio::sync::Notify;

use super::client::Client;
use super::{cstring, text};
use crate::cluster::{Fetched, KafkaError};
use crate::kafka::errors::error;
use crate::record::{Partition, Positions, Record};

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

    pub(in crate::kafka) fn start(&mut self, from: &Positions) -> Result<(), KafkaError> {
        for (&partition, &next) in from {
            // SAFETY: topic and queue are alive.
            unsafe {
                if rd::rd_kafka_consume_start_queue(self.topic.rkt, partition, next, self.rkqu) != 0
                {
                    return Err(error(rd::rd_kafka_last_error(), ""));
                }
            }
            self.reading.push(partition);
        }
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

    pub(in crate::kafka) fn take(
        &mut self,
        most: usize,
        each: &mut dyn FnMut(Fetched<'_>),
    ) -> usize {
        let mut messages = [ptr::null_mut::<rd::rd_kafka_message_t>(); BATCH];
        // SAFETY: librdkafka fills as many pointers as it returns; each message is ours until
        // `Messages` destroys it, after the borrows that `each` was given have ended.
        unsafe {
            let taken = rd::rd_kafka_consume_batch_queue(
                self.rkqu,
                0,
                messages.as_mut_ptr(),
                most.min(BATCH),
            );
            let messages = Messages(&messages[..usize::try_from(taken).unwrap_or(0)]);
            for &message in messages.0 {
                let m = &*message;
                if m.err == OK {
                    let value = (!m.payload.is_null())
                        .then(|| slice::from_raw_parts(m.payload.cast::<u8>(), m.len));
                    each(Fetched::Record(Record {
                        partition: m.partition,
                        offset: m.offset,
                        value,
                    }));
                } else {
                    let said = text(rd::rd_kafka_message_errstr(message));
                    each(Fetched::Failed(m.partition, error(m.err, &said)));
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
