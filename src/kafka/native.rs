//! The safe face of librdkafka: the only module of the crate with `unsafe` in it.
//!
//! What holds here: a [`Client`] outlives its [`Topic`]s and [`Queue`]s (they keep it by `Arc`); a
//! pointer that librdkafka hands out for reading is read before the object it belongs to is destroyed,
//! in the same function; librdkafka's handles may be used from any thread (its own documentation).
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr;
use std::slice;
use std::sync::Arc;
use std::time::Duration;

use rdkafka_sys as rd;
use rdkafka_sys::RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR as OK;
use tokio::sync::Notify;

use super::errors::error;
use crate::cluster::{Fetched, KafkaError, Topic as Described, Trouble};
use crate::record::{NextOffset, Partition, Positions, Record};

/// Ends the process at once. Not `std::process::exit`: its handlers take down what the clients' threads, which
/// are still running, use (OpenSSL's, say).
pub fn exit(code: u8) -> ! {
    // SAFETY: _exit touches nothing of this process's memory.
    unsafe { libc::_exit(c_int::from(code)) }
}

/// What a client says of itself, from any of its threads.
pub(super) trait Events: Send + Sync {
    /// A line of librdkafka's log; `level` is syslog's (3 error … 7 debug).
    fn log(&self, level: i32, text: &str);
    /// The client as a whole is in trouble; librdkafka goes on trying.
    fn trouble(&self, error: KafkaError);
}

struct Shared {
    events: Box<dyn Events>,
    wake: Notify,
}

/// A librdkafka consumer handle without a group.
pub(super) struct Client {
    rk: *mut rd::rd_kafka_t,
    main: *mut rd::rd_kafka_queue_t,
    // Boxed: librdkafka keeps its address as the opaque of its callbacks.
    shared: Box<Shared>,
}

// SAFETY: librdkafka's handles are thread-safe, and `Shared` is Sync by its bounds.
unsafe impl Send for Client {}
unsafe impl Sync for Client {}

impl Client {
    pub(super) fn new<'a>(
        properties: impl IntoIterator<Item = (&'a str, &'a str)>,
        events: Box<dyn Events>,
    ) -> Result<Arc<Self>, String> {
        let shared = Box::new(Shared {
            events,
            wake: Notify::new(),
        });
        let opaque = ptr::from_ref(&*shared).cast_mut().cast::<c_void>();
        let mut said = [0 as c_char; 512];
        // SAFETY: `conf` is new and ours until rd_kafka_new takes it, or is destroyed on each early return;
        // `opaque` lives in the Box that the Client keeps until after rd_kafka_destroy.
        unsafe {
            let conf = rd::rd_kafka_conf_new();
            for (name, value) in properties {
                let set = cstring(name).and_then(|name| Ok((name, cstring(value)?)));
                let done = set.map(|(name, value)| {
                    rd::rd_kafka_conf_set(
                        conf,
                        name.as_ptr(),
                        value.as_ptr(),
                        said.as_mut_ptr(),
                        said.len(),
                    )
                });
                if !matches!(done, Ok(rd::rd_kafka_conf_res_t::RD_KAFKA_CONF_OK)) {
                    rd::rd_kafka_conf_destroy(conf);
                    // librdkafka's own words would quote the value, which may be a secret.
                    return Err(format!("the kafka property {name} has an unusable value"));
                }
            }
            rd::rd_kafka_conf_set_opaque(conf, opaque);
            rd::rd_kafka_conf_set_log_cb(conf, Some(on_log));
            rd::rd_kafka_conf_set_error_cb(conf, Some(on_error));
            let rk = rd::rd_kafka_new(
                rd::rd_kafka_type_t::RD_KAFKA_CONSUMER,
                conf,
                said.as_mut_ptr(),
                said.len(),
            );
            if rk.is_null() {
                rd::rd_kafka_conf_destroy(conf);
                return Err(text(said.as_ptr()));
            }
            let main = rd::rd_kafka_queue_get_main(rk);
            rd::rd_kafka_queue_cb_event_enable(main, Some(on_main_event), opaque);
            Ok(Arc::new(Self { rk, main, shared }))
        }
    }

    /// Waits until there is something for [`Client::poll`].
    pub(super) async fn woken(&self) {
        self.shared.wake.notified().await;
    }

    /// Serves what the client has to say, which calls its [`Events`]. Never waits.
    pub(super) fn poll(&self) {
        // SAFETY: the handle is alive; the callbacks only touch `Shared`.
        unsafe { while rd::rd_kafka_poll(self.rk, 0) > 0 {} }
    }

    /// The cluster's id. Blocks up to `timeout`.
    pub(super) fn cluster_id(&self, timeout: Duration) -> Option<String> {
        // SAFETY: the returned string is librdkafka's allocation, freed by its own function.
        unsafe {
            let id = rd::rd_kafka_clusterid(self.rk, millis(timeout));
            if id.is_null() {
                return None;
            }
            let owned = text(id);
            rd::rd_kafka_mem_free(self.rk, id.cast());
            Some(owned)
        }
    }

    /// The id of a broker that answers. Blocks up to `timeout`.
    pub(super) fn any_broker(&self, timeout: Duration) -> Result<i32, KafkaError> {
        let mut metadata = ptr::null();
        // SAFETY: on success `metadata` is ours, read and then destroyed; no topic is given.
        unsafe {
            let code =
                rd::rd_kafka_metadata(self.rk, 0, ptr::null_mut(), &mut metadata, millis(timeout));
            if code != OK {
                return Err(error(code, ""));
            }
            let found = &*metadata;
            let known = array(
                found.brokers,
                usize::try_from(found.broker_cnt).unwrap_or(0),
            );
            // Who answered has no id while the client only knows it as a bootstrap server.
            let broker = match found.orig_broker_id {
                -1 => known.first().map_or(-1, |broker| broker.id),
                id => id,
            };
            rd::rd_kafka_metadata_destroy(metadata);
            Ok(broker)
        }
    }

    /// Describes these topics in one request; the results are in the order that the broker chose.
    /// Blocks up to twice `timeout`.
    pub(super) fn describe(
        &self,
        topics: &[String],
        timeout: Duration,
    ) -> Result<Vec<(String, Result<Described, KafkaError>)>, KafkaError> {
        // librdkafka would ask the controller, which may be away while others answer.
        let broker = self.any_broker(timeout)?;
        let names = topics
            .iter()
            .map(|topic| cstring(topic))
            .collect::<Result<Vec<_>, _>>()?;
        let mut pointers = names.iter().map(|name| name.as_ptr()).collect::<Vec<_>>();
        let call = |options: *mut _, queue: *mut _| {
            // SAFETY: `pointers` and `names` live through the call, which copies them.
            unsafe {
                let topics = rd::rd_kafka_TopicCollection_of_topic_names(
                    pointers.as_mut_ptr(),
                    pointers.len(),
                );
                rd::rd_kafka_DescribeTopics(self.rk, topics, options, queue);
                rd::rd_kafka_TopicCollection_destroy(topics);
            }
        };
        let read = |event| {
            let mut described = Vec::new();
            // SAFETY: everything read belongs to `event`, which the caller destroys after this.
            unsafe {
                let result = rd::rd_kafka_event_DescribeTopics_result(event);
                if result.is_null() {
                    return described;
                }
                let mut count = 0;
                let found = rd::rd_kafka_DescribeTopics_result_topics(result, &mut count);
                for &topic in array(found, count) {
                    let name = text(rd::rd_kafka_TopicDescription_name(topic));
                    let failed = rd::rd_kafka_TopicDescription_error(topic);
                    let code = rd::rd_kafka_error_code(failed);
                    described.push((
                        name,
                        if code == OK {
                            let mut partitions = 0;
                            rd::rd_kafka_TopicDescription_partitions(topic, &mut partitions);
                            Ok(Described {
                                id: topic_id(topic),
                                partitions: i32::try_from(partitions).unwrap_or(i32::MAX),
                            })
                        } else {
                            Err(error(code, &text(rd::rd_kafka_error_string(failed))))
                        },
                    ));
                }
            }
            described
        };
        let operation = rd::RDKafkaAdminOp::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS;
        self.ask(operation, timeout, Set::Broker(broker), call, read)
    }

    /// The start (or, if `end`, the end) of these partitions' logs, as a reader may see it, in one
    /// request to each leader. Blocks up to `timeout`.
    pub(super) fn list_offsets(
        &self,
        partitions: &[(String, Partition)],
        end: bool,
        committed_only: bool,
        timeout: Duration,
    ) -> Result<Vec<((String, Partition), Result<NextOffset, KafkaError>)>, KafkaError> {
        let names = partitions
            .iter()
            .map(|(topic, partition)| Ok((cstring(topic)?, *partition)))
            .collect::<Result<Vec<_>, KafkaError>>()?;
        let call = |options: *mut _, queue: *mut _| {
            // SAFETY: the list is ours, copied by the call and destroyed after it; an offset
            // specification is the negative number that stands for it in the protocol.
            unsafe {
                let capacity = c_int::try_from(names.len()).unwrap_or(c_int::MAX);
                let list = rd::rd_kafka_topic_partition_list_new(capacity);
                for (topic, partition) in &names {
                    let entry =
                        rd::rd_kafka_topic_partition_list_add(list, topic.as_ptr(), *partition);
                    (*entry).offset = if end { -1 } else { -2 };
                }
                rd::rd_kafka_ListOffsets(self.rk, list, options, queue);
                rd::rd_kafka_topic_partition_list_destroy(list);
            }
        };
        let read = |event| {
            let mut offsets = Vec::new();
            // SAFETY: everything read belongs to `event`, which the caller destroys after this.
            unsafe {
                let result = rd::rd_kafka_event_ListOffsets_result(event);
                if result.is_null() {
                    return offsets;
                }
                let mut count = 0;
                let found = rd::rd_kafka_ListOffsets_result_infos(result, &mut count);
                for &info in array(found, count) {
                    let entry = &*rd::rd_kafka_ListOffsetsResultInfo_topic_partition(info);
                    offsets.push((
                        (text(entry.topic), entry.partition),
                        if entry.err == OK {
                            Ok(entry.offset)
                        } else {
                            Err(error(entry.err, ""))
                        },
                    ));
                }
            }
            offsets
        };
        let operation = rd::RDKafkaAdminOp::RD_KAFKA_ADMIN_OP_LISTOFFSETS;
        self.ask(
            operation,
            timeout,
            Set::CommittedOnly(committed_only),
            call,
            read,
        )
    }

    /// Makes an admin request and waits for its one answer.
    fn ask<T>(
        &self,
        operation: rd::RDKafkaAdminOp,
        timeout: Duration,
        set: Set,
        mut call: impl FnMut(*mut rd::rd_kafka_AdminOptions_t, *mut rd::rd_kafka_queue_t),
        read: impl FnOnce(*mut rd::rd_kafka_event_t) -> T,
    ) -> Result<T, KafkaError> {
        let mut said = [0 as c_char; 512];
        // SAFETY: options, queue and event are ours here, used only between their making and destroying.
        unsafe {
            let options = rd::rd_kafka_AdminOptions_new(self.rk, operation);
            rd::rd_kafka_AdminOptions_set_request_timeout(
                options,
                millis(timeout),
                said.as_mut_ptr(),
                said.len(),
            );
            match set {
                Set::Broker(id) => {
                    rd::rd_kafka_AdminOptions_set_broker(
                        options,
                        id,
                        said.as_mut_ptr(),
                        said.len(),
                    );
                }
                Set::CommittedOnly(committed_only) => {
                    let level = if committed_only {
                        rd::rd_kafka_IsolationLevel_t::RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED
                    } else {
                        rd::rd_kafka_IsolationLevel_t::RD_KAFKA_ISOLATION_LEVEL_READ_UNCOMMITTED
                    };
                    let refused = rd::rd_kafka_AdminOptions_set_isolation_level(options, level);
                    if !refused.is_null() {
                        rd::rd_kafka_error_destroy(refused);
                    }
                }
            }
            let queue = rd::rd_kafka_queue_new(self.rk);
            call(options, queue);
            rd::rd_kafka_AdminOptions_destroy(options);
            let event = rd::rd_kafka_queue_poll(queue, millis(timeout + SLACK));
            let answer = if event.is_null() {
                Err(KafkaError {
                    kind: Trouble::Unreachable,
                    text: "no broker answered in time".into(),
                })
            } else {
                let code = rd::rd_kafka_event_error(event);
                if code == OK {
                    Ok(read(event))
                } else {
                    Err(error(code, &text(rd::rd_kafka_event_error_string(event))))
                }
            };
            if !event.is_null() {
                rd::rd_kafka_event_destroy(event);
            }
            rd::rd_kafka_queue_destroy(queue);
            answer
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // SAFETY: topics and queues keep the client by Arc, so none is left.
        unsafe {
            rd::rd_kafka_queue_cb_event_enable(self.main, None, ptr::null_mut());
            rd::rd_kafka_queue_destroy(self.main);
            rd::rd_kafka_destroy(self.rk);
        }
    }
}

/// A topic that a client knows of; while it lives, the client keeps its metadata fresh.
pub(super) struct Topic {
    rkt: *mut rd::rd_kafka_topic_t,
    client: Arc<Client>,
}

// SAFETY: librdkafka's handles are thread-safe.
unsafe impl Send for Topic {}

impl Topic {
    pub(super) fn new(client: Arc<Client>, name: &str) -> Result<Self, KafkaError> {
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

/// What an admin request is told beside its timeout.
enum Set {
    /// The broker to ask.
    Broker(i32),
    /// Whether records of open transactions count as being there.
    CommittedOnly(bool),
}

/// An answer that it timed out takes a moment, too.
const SLACK: Duration = Duration::from_secs(1);

/// How many records one call takes at most.
const BATCH: usize = 500;

/// A queue that the records of one topic's partitions, as far as this client reads them, arrive on.
pub(super) struct Queue {
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
    pub(super) fn new(topic: Topic, arrived: Arc<Notify>) -> Self {
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

    pub(super) fn start(&mut self, from: &Positions) -> Result<(), KafkaError> {
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
    pub(super) fn stop(&mut self, partition: Partition) {
        if let Some(at) = self.reading.iter().position(|&p| p == partition) {
            self.reading.swap_remove(at);
            // SAFETY: the topic is alive; librdkafka drops what is still queued of the partition.
            unsafe { rd::rd_kafka_consume_stop(self.topic.rkt, partition) };
        }
    }

    pub(super) fn take(&mut self, most: usize, each: &mut dyn FnMut(Fetched<'_>)) -> usize {
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

    pub(super) fn len(&self) -> usize {
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

unsafe extern "C" fn on_main_event(_: *mut rd::rd_kafka_t, shared: *mut c_void) {
    // SAFETY: the Client keeps `Shared` until after rd_kafka_destroy.
    unsafe { &*shared.cast::<Shared>() }.wake.notify_one();
}

unsafe extern "C" fn on_log(
    rk: *const rd::rd_kafka_t,
    level: c_int,
    _facility: *const c_char,
    line: *const c_char,
) {
    // SAFETY: the opaque is the client's `Shared`, or null while the client is being made.
    unsafe {
        let shared = rd::rd_kafka_opaque(rk).cast::<Shared>();
        if !shared.is_null() {
            (*shared).events.log(level, text(line).trim());
        }
    }
}

unsafe extern "C" fn on_error(
    _: *mut rd::rd_kafka_t,
    code: c_int,
    reason: *const c_char,
    shared: *mut c_void,
) {
    // SAFETY: `code` is one of librdkafka's own error codes; the opaque is the client's `Shared`.
    unsafe {
        let code = std::mem::transmute::<c_int, rd::RDKafkaRespErr>(code);
        let shared = &*shared.cast::<Shared>();
        shared.events.trouble(error(code, &text(reason)));
    }
}

/// # Safety
/// `topic` is alive.
unsafe fn topic_id(topic: *const rd::rd_kafka_TopicDescription_t) -> Option<String> {
    // SAFETY: the id belongs to the description, its text to the id.
    unsafe {
        let id = rd::rd_kafka_TopicDescription_topic_id(topic);
        if rd::rd_kafka_Uuid_most_significant_bits(id) == 0
            && rd::rd_kafka_Uuid_least_significant_bits(id) == 0
        {
            return None;
        }
        Some(text(rd::rd_kafka_Uuid_base64str(id)))
    }
}

/// # Safety
/// `first` points at `count` readable elements, or is null with a count of 0.
unsafe fn array<'a, T>(first: *mut T, count: usize) -> &'a [T] {
    if count == 0 || first.is_null() {
        return &[];
    }
    // SAFETY: the caller's.
    unsafe { slice::from_raw_parts(first, count) }
}

/// # Safety
/// `string` is null or ends with a NUL.
unsafe fn text(string: *const c_char) -> String {
    if string.is_null() {
        return String::new();
    }
    // SAFETY: the caller's.
    unsafe { CStr::from_ptr(string) }
        .to_string_lossy()
        .into_owned()
}

fn cstring(value: &str) -> Result<CString, KafkaError> {
    CString::new(value).map_err(|_| KafkaError {
        kind: Trouble::Other,
        text: "a name or property has a zero byte in it".into(),
    })
}

fn millis(duration: Duration) -> c_int {
    c_int::try_from(duration.as_millis()).unwrap_or(c_int::MAX)
}
