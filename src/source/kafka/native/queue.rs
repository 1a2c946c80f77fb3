//! The queue that everything a client reads arrives on.

use std::collections::VecDeque;
use std::ffi::c_void;
use std::mem::ManuallyDrop;
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use archiver_format::position::{Position, Positions};
use archiver_format::record::Partition;
use rdkafka_sys as rd;
use tokio::sync::Notify;

use super::client::Client;
use super::convert::{cstring, millis};
use super::message::{Message, TopicKey};
use crate::source::cluster::{Fetched, KafkaError};
use crate::source::kafka::errors::error;

/// How many records one call takes at most.
const BATCH: usize = 500;

/// A queue that what a client reads arrives on, of all its topics.
pub(in crate::source::kafka) struct Queue {
    rkqu: *mut rd::rd_kafka_queue_t,
    client: Arc<Client>,
    // Kept until after the callback is switched off.
    _arrived: Arc<Notify>,
}

// SAFETY: librdkafka's handles are thread-safe.
unsafe impl Send for Queue {}
unsafe impl Sync for Queue {}

impl Queue {
    /// `arrived` is notified each time that something arrives on the empty queue.
    pub(in crate::source::kafka) fn new(client: Arc<Client>, arrived: Arc<Notify>) -> Arc<Self> {
        // SAFETY: `arrived` is kept by the queue, and Drop switches the callback off first;
        // librdkafka calls it and switches it off under the same lock.
        unsafe {
            let rkqu = rd::rd_kafka_queue_new(client.rk);
            rd::rd_kafka_queue_cb_event_enable(
                rkqu,
                Some(on_arrival),
                Arc::as_ptr(&arrived).cast_mut().cast(),
            );
            Arc::new(Self {
                rkqu,
                client,
                _arrived: arrived,
            })
        }
    }

    /// Takes some of what has arrived, in its order. Never waits.
    pub(in crate::source::kafka) fn take(self: &Arc<Self>) -> Vec<Run> {
        self.consume(Duration::ZERO, BATCH)
    }

    /// Takes the first that arrives within this time.
    pub(in crate::source::kafka) fn take_one(self: &Arc<Self>, wait: Duration) -> Vec<Run> {
        self.consume(wait, 1)
    }

    /// Waits until there are so many, but no longer than this.
    fn consume(self: &Arc<Self>, wait: Duration, most: usize) -> Vec<Run> {
        let mut taken = ManuallyDrop::new(Vec::<Message>::with_capacity(most));
        // SAFETY: a Message is a pointer and no more; librdkafka fills as many as it returns, and each is ours then.
        let taken = unsafe {
            let count = rd::rd_kafka_consume_batch_queue(
                self.rkqu,
                millis(wait),
                taken.as_mut_ptr().cast(),
                most,
            );
            taken.set_len(usize::try_from(count).unwrap_or(0));
            ManuallyDrop::into_inner(taken)
        };
        self.split(taken)
    }

    /// Splits where the topic changes.
    fn split(self: &Arc<Self>, messages: Vec<Message>) -> Vec<Run> {
        let mut runs = Vec::<Run>::new();
        for message in messages {
            let topic = message.topic();
            match runs.last_mut() {
                Some(run) if run.topic == topic => run.push(message),
                _ => {
                    let mut run = Run {
                        topic,
                        bytes: 0,
                        messages: VecDeque::new(),
                        _queue: Arc::clone(self),
                    };
                    run.push(message);
                    runs.push(run);
                }
            }
        }
        runs
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: topics keep the queue by Arc, so none feeds it any more; the callback goes before what it points to.
        unsafe {
            rd::rd_kafka_queue_cb_event_enable(self.rkqu, None, ptr::null_mut());
            rd::rd_kafka_queue_destroy(self.rkqu);
        }
    }
}

/// A topic that a client reads; while it lives, the client keeps its metadata fresh.
pub(in crate::source::kafka) struct Topic {
    rkt: *mut rd::rd_kafka_topic_t,
    reading: Vec<Partition>,
    queue: Arc<Queue>,
}

// SAFETY: librdkafka's handles are thread-safe.
unsafe impl Send for Topic {}

impl Topic {
    /// A topic whose records arrive on `queue`.
    pub(in crate::source::kafka) fn new(queue: Arc<Queue>, name: &str) -> Result<Self, KafkaError> {
        let name = cstring(name)?;
        // SAFETY: the client is alive and kept.
        unsafe {
            let rkt = rd::rd_kafka_topic_new(queue.client.rk, name.as_ptr(), ptr::null_mut());
            if rkt.is_null() {
                return Err(error(rd::rd_kafka_last_error(), ""));
            }
            Ok(Self {
                rkt,
                reading: Vec::new(),
                queue,
            })
        }
    }

    pub(in crate::source::kafka) fn key(&self) -> TopicKey {
        TopicKey::of(self.rkt)
    }

    /// Starts to read partitions that are not being read. Where it is known what the record before was written in, the
    /// log is compared with that before anything is read.
    pub(in crate::source::kafka) fn start(&mut self, from: &Positions) -> Result<(), KafkaError> {
        // While it is compared nothing may be fetched: that the offset isn't there would be said first.
        let compared = Compared::new(self, from);
        compared.pause();
        for (partition, position) in from.iter() {
            self.forward(partition);
            // SAFETY: topic and queue are alive.
            unsafe {
                let (rkqu, next) = (self.queue.rkqu, position.next.get());
                if rd::rd_kafka_consume_start_queue(self.rkt, partition, next, rkqu) != 0 {
                    return Err(error(rd::rd_kafka_last_error(), ""));
                }
            }
            self.reading.push(partition);
        }
        compared.seek();
        Ok(())
    }

    /// Blocks until the client's thread has let go of the partition; what had arrived of it is not delivered.
    pub(in crate::source::kafka) fn stop(&mut self, partition: Partition) {
        if let Some(at) = self.reading.iter().position(|&p| p == partition) {
            self.reading.swap_remove(at);
            self.end(partition);
        }
    }

    /// How much the client keeps of a partition for itself, and for all if it is forwarded to the queue.
    #[cfg(test)]
    pub(in crate::source::kafka) fn kept(&self, partition: Partition) -> usize {
        // SAFETY: as in `end`.
        unsafe {
            let name = rd::rd_kafka_topic_name(self.rkt);
            let own = rd::rd_kafka_queue_get_partition(self.queue.client.rk, name, partition);
            let length = rd::rd_kafka_queue_length(own);
            rd::rd_kafka_queue_destroy(own);
            length
        }
    }

    /// A response that is on its way while its partition is stopped would be kept until that is started again, all of
    /// it. Forwarded, what comes is outdated, and dropped by `take`, as is what is still queued.
    fn end(&self, partition: Partition) {
        // SAFETY: the topic is alive.
        unsafe { rd::rd_kafka_consume_stop(self.rkt, partition) };
        self.forward(partition);
    }

    /// Leads what the client has of a partition to this queue. Once that was done, a start doesn't do it any more.
    fn forward(&self, partition: Partition) {
        // SAFETY: topic, client and queue are alive; the partition's queue is given back.
        unsafe {
            let name = rd::rd_kafka_topic_name(self.rkt);
            let own = rd::rd_kafka_queue_get_partition(self.queue.client.rk, name, partition);
            if !own.is_null() {
                rd::rd_kafka_queue_forward(own, self.queue.rkqu);
                rd::rd_kafka_queue_destroy(own);
            }
        }
    }
}

impl Drop for Topic {
    fn drop(&mut self) {
        for partition in std::mem::take(&mut self.reading) {
            self.end(partition);
        }
        // SAFETY: made by rd_kafka_topic_new, destroyed once.
        unsafe { rd::rd_kafka_topic_destroy(self.rkt) }
    }
}

/// Partitions of which it is known what the last record was written in.
struct Compared {
    client: Arc<Client>,
    list: *mut rd::rd_kafka_topic_partition_list_t,
}

impl Compared {
    fn new(topic: &Topic, from: &Positions) -> Self {
        // SAFETY: the list is ours until Drop; the name belongs to the topic and is copied.
        unsafe {
            let list = rd::rd_kafka_topic_partition_list_new(0);
            let name = rd::rd_kafka_topic_name(topic.rkt);
            for (partition, position) in from.iter() {
                if let Some(epoch) = position.epoch {
                    let entry = rd::rd_kafka_topic_partition_list_add(list, name, partition);
                    (*entry).offset = position.next.get();
                    rd::rd_kafka_topic_partition_set_leader_epoch(entry, epoch);
                }
            }
            Self {
                client: Arc::clone(&topic.queue.client),
                list,
            }
        }
    }

    fn is_empty(&self) -> bool {
        // SAFETY: the list is alive.
        unsafe { (*self.list).cnt == 0 }
    }

    /// Waits for the client's thread, as does going on when this is dropped.
    fn pause(&self) {
        if !self.is_empty() {
            // SAFETY: client and list are alive. What fails is a partition that can't be read either.
            unsafe { rd::rd_kafka_pause_partitions(self.client.rk, self.list) };
        }
    }

    /// Has the client compare the log with what was read before it fetches anything.
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
}

impl Drop for Compared {
    fn drop(&mut self) {
        // SAFETY: as in `pause`; the list was made by `new` and is destroyed once.
        unsafe {
            if !self.is_empty() {
                rd::rd_kafka_resume_partitions(self.client.rk, self.list);
            }
            rd::rd_kafka_topic_partition_list_destroy(self.list);
        }
    }
}

/// What has arrived of one topic in a row.
pub(in crate::source::kafka) struct Run {
    topic: TopicKey,
    bytes: usize,
    messages: VecDeque<Message>,
    // A message must not outlive its client.
    _queue: Arc<Queue>,
}

impl Run {
    fn push(&mut self, message: Message) {
        self.bytes += message.bytes();
        self.messages.push_back(message);
    }

    /// Which topic it is of.
    pub(in crate::source::kafka) fn topic(&self) -> TopicKey {
        self.topic
    }

    /// How many there are.
    pub(in crate::source::kafka) fn len(&self) -> usize {
        self.messages.len()
    }

    /// The memory that they hold, in bytes.
    pub(in crate::source::kafka) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Hands the first one to `each`; its partition and the position behind it, if it is a record.
    pub(in crate::source::kafka) fn take(
        &mut self,
        each: &mut dyn FnMut(Fetched<'_>),
    ) -> Option<(Partition, Position)> {
        let message = self.messages.pop_front()?;
        self.bytes -= message.bytes();
        let fetched = message.fetched();
        let behind = match &fetched {
            Fetched::Record(record) => Some((record.partition, Position::after(record))),
            Fetched::Failed(..) | Fetched::End(..) => None,
        };
        each(fetched);
        behind
    }

    /// Drops those of these partitions.
    pub(in crate::source::kafka) fn remove(&mut self, partitions: &[Partition]) {
        self.messages
            .retain(|message| !partitions.contains(&message.partition()));
        self.bytes = self.messages.iter().map(Message::bytes).sum();
    }
}

unsafe extern "C" fn on_arrival(_: *mut rd::rd_kafka_t, arrived: *mut c_void) {
    // SAFETY: the Queue that set it keeps the Notify until after it has switched this off.
    unsafe { &*arrived.cast::<Notify>() }.notify_one();
}
