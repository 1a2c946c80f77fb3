//! Questions to a cluster, each of many topics or partitions at once.

use std::ffi::{c_char, c_int};
use std::time::Duration;

use archiver_format::record::{NextOffset, Partition};
use rdkafka_sys as rd;
use rdkafka_sys::RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR as OK;

use super::client::Client;
use super::convert::{array, cstring, millis, text};
use crate::source::cluster::{KafkaError, Topic as Described, Trouble};
use crate::source::kafka::errors::error;

/// What was asked for, each with its own answer.
pub(super) type Answers<K, V> = Vec<(K, Result<V, KafkaError>)>;

/// What an admin request is told beside its timeout.
pub(super) enum Set {
    /// Nothing.
    Nothing,
    /// The broker to ask.
    Broker(i32),
    /// The same, which is to say what the user may do, too.
    BrokerForRights(i32),
    /// Whether records of open transactions count as being there.
    CommittedOnly(bool),
    /// To answer when what was asked for is done everywhere.
    Done,
    /// To answer when no transaction is open that would change the answer.
    Settled,
}

impl Set {
    /// Tells the options of a request, which takes up to `timeout`.
    ///
    /// # Safety
    /// The options are alive.
    unsafe fn tell(self, options: *mut rd::rd_kafka_AdminOptions_t, timeout: Duration) {
        let mut said = [0 as c_char; 512];
        let (text, size) = (said.as_mut_ptr(), said.len());
        // SAFETY: the caller's; `said` is written in each call.
        unsafe {
            match self {
                Self::Nothing => {}
                Self::Broker(id) => {
                    rd::rd_kafka_AdminOptions_set_broker(options, id, text, size);
                }
                Self::BrokerForRights(id) => {
                    rd::rd_kafka_AdminOptions_set_broker(options, id, text, size);
                    ignore(rd::rd_kafka_AdminOptions_set_include_authorized_operations(
                        options, 1,
                    ));
                }
                Self::Done => {
                    let wait = millis(timeout);
                    rd::rd_kafka_AdminOptions_set_operation_timeout(options, wait, text, size);
                }
                Self::Settled => {
                    ignore(rd::rd_kafka_AdminOptions_set_require_stable_offsets(
                        options, 1,
                    ));
                }
                Self::CommittedOnly(committed_only) => {
                    let level = if committed_only {
                        rd::rd_kafka_IsolationLevel_t::RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED
                    } else {
                        rd::rd_kafka_IsolationLevel_t::RD_KAFKA_ISOLATION_LEVEL_READ_UNCOMMITTED
                    };
                    ignore(rd::rd_kafka_AdminOptions_set_isolation_level(
                        options, level,
                    ));
                }
            }
        }
    }
}

/// A place in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::source::kafka) enum Place {
    /// The first offset that it holds.
    Start,
    /// The offset behind the last.
    End,
    /// The first record with this timestamp or a later one, in milliseconds since 1970.
    Time(i64),
    /// The first of the records with the latest timestamp of all.
    Newest,
}

impl Place {
    /// As in a ListOffsets request.
    fn in_protocol(self) -> i64 {
        match self {
            Self::Start => -2,
            Self::End => -1,
            // Lower numbers stand for something else.
            Self::Time(ms) => ms.max(0),
            Self::Newest => -3,
        }
    }
}

/// What was found at a place in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::source::kafka) struct Listed {
    /// The offset, or -1 if there is no such record.
    pub offset: NextOffset,
    /// The timestamp of the record there in milliseconds since 1970, where the place was a time.
    pub timestamp_ms: Option<i64>,
}

/// The offset in an answer where there is no such record.
const NO_RECORD: i64 = -1;

fn silent_leader() -> KafkaError {
    KafkaError {
        kind: Trouble::Unreachable,
        text: "the partition's leader does not answer".into(),
    }
}

/// How many partitions are asked for in one request: the client takes a time for the answer that grows with the square
/// of it, a second for ten thousand.
const LIST_MOST: usize = 1_000;

/// An answer that it timed out takes a moment, too.
const SLACK: Duration = Duration::from_secs(1);

impl Client {
    /// Has this broker describe these topics in one request; the results are in the order that it chose. Blocks up to
    /// `timeout`.
    pub(in crate::source::kafka) fn describe(
        &self,
        broker: i32,
        topics: &[String],
        timeout: Duration,
    ) -> Result<Answers<String, Described>, KafkaError> {
        self.described(topics, timeout, Set::Broker(broker), |topic| {
            let mut partitions = 0;
            // SAFETY: the description is alive while it is read.
            let id = unsafe {
                rd::rd_kafka_TopicDescription_partitions(topic, &mut partitions);
                topic_id(topic)
            };
            Described {
                id,
                partitions: i32::try_from(partitions).unwrap_or(i32::MAX),
                cluster_id: None,
            }
        })
    }

    /// May this client's user read these topics? Of each that it may describe, as this broker says; nothing where it says
    /// nothing of rights. Blocks up to `timeout`.
    pub(in crate::source::kafka) fn may_read(
        &self,
        broker: i32,
        topics: &[String],
        timeout: Duration,
    ) -> Result<Answers<String, Option<bool>>, KafkaError> {
        self.described(topics, timeout, Set::BrokerForRights(broker), |topic| {
            let mut count = 0;
            // SAFETY: the operations belong to the description, which is alive while they are read.
            let allowed = unsafe {
                let found = rd::rd_kafka_TopicDescription_authorized_operations(topic, &mut count);
                array(found.cast_mut(), count)
            };
            let read = rd::rd_kafka_AclOperation_t::RD_KAFKA_ACL_OPERATION_READ;
            (count > 0).then(|| allowed.contains(&read))
        })
    }

    /// What a broker says of topics, each as `each` reads it.
    fn described<T>(
        &self,
        topics: &[String],
        timeout: Duration,
        set: Set,
        each: impl Fn(*const rd::rd_kafka_TopicDescription_t) -> T,
    ) -> Result<Answers<String, T>, KafkaError> {
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
                        match code == OK {
                            true => Ok(each(topic)),
                            false => Err(error(code, &text(rd::rd_kafka_error_string(failed)))),
                        },
                    ));
                }
            }
            described
        };
        let operation = rd::RDKafkaAdminOp::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS;
        self.ask(operation, timeout, set, call, read)
    }

    /// A place in each of these partitions' logs, as a reader may see them, a thousand in one request to each leader.
    /// Blocks up to `timeout` for each request.
    pub(in crate::source::kafka) fn list_offsets(
        &self,
        partitions: &[(String, Partition)],
        place: Place,
        committed_only: bool,
        timeout: Duration,
    ) -> Result<Answers<(String, Partition), Listed>, KafkaError> {
        let mut listed = Vec::with_capacity(partitions.len());
        for part in partitions.chunks(LIST_MOST) {
            listed.extend(self.list_some(part, place, committed_only, timeout)?);
        }
        Ok(listed)
    }

    fn list_some(
        &self,
        partitions: &[(String, Partition)],
        place: Place,
        committed_only: bool,
        timeout: Duration,
    ) -> Result<Answers<(String, Partition), Listed>, KafkaError> {
        let names = partitions
            .iter()
            .map(|(topic, partition)| Ok((cstring(topic)?, *partition)))
            .collect::<Result<Vec<_>, KafkaError>>()?;
        let call = |options: *mut _, queue: *mut _| {
            // SAFETY: the list is ours, copied by the call and destroyed after it; an offset
            // specification is the number that stands for it in the protocol.
            unsafe {
                let capacity = c_int::try_from(names.len()).unwrap_or(c_int::MAX);
                let list = rd::rd_kafka_topic_partition_list_new(capacity);
                for (topic, partition) in &names {
                    let entry =
                        rd::rd_kafka_topic_partition_list_add(list, topic.as_ptr(), *partition);
                    (*entry).offset = place.in_protocol();
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
                    let ms = rd::rd_kafka_ListOffsetsResultInfo_timestamp(info);
                    offsets.push((
                        (text(entry.topic), entry.partition),
                        match entry.err {
                            // What of a partition whose leader doesn't answer is no error to the client.
                            OK if entry.offset < NO_RECORD => Err(silent_leader()),
                            OK => Ok(Listed {
                                offset: NextOffset::new(entry.offset),
                                timestamp_ms: (ms >= 0).then_some(ms),
                            }),
                            failed => Err(error(failed, "")),
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
    pub(super) fn ask<T>(
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
            set.tell(options, timeout);
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

/// An option that can't be set is not of the broker's version; the answer shows it.
///
/// # Safety
/// `refused` is null, or ours.
unsafe fn ignore(refused: *mut rd::rd_kafka_error_t) {
    if !refused.is_null() {
        // SAFETY: it is ours, and not used any more.
        unsafe { rd::rd_kafka_error_destroy(refused) };
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
