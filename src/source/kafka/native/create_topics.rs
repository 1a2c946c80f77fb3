//! Making a topic.

use std::collections::BTreeMap;
use std::ffi::c_char;
use std::time::Duration;

use rdkafka_sys as rd;
use rdkafka_sys::RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR as OK;
use rdkafka_sys::RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS as EXISTS;

use super::admin::Set;
use super::client::Client;
use super::convert::{array, cstring, text};
use crate::source::cluster::{KafkaError, Trouble};
use crate::source::kafka::errors::error;

/// A topic that is to be made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewTopic {
    /// Its name.
    pub name: String,
    /// How many partitions it gets; the broker's default if `None`.
    pub partitions: Option<i32>,
    /// How many copies of each; the broker's default if `None`.
    pub replication: Option<i32>,
    /// What differs from the broker's defaults, by key.
    pub config: BTreeMap<String, String>,
}

/// Whether a topic had to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// It was not there before.
    New,
    /// It was there, and is as it was.
    Existed,
}

/// What stands for the broker's default.
const DEFAULT: i32 = -1;

impl Client {
    /// Makes a topic, and waits until the brokers know it. Blocks up to `timeout`.
    pub(in crate::source::kafka) fn create_topic(
        &self,
        new: &NewTopic,
        timeout: Duration,
    ) -> Result<Created, KafkaError> {
        let mut topic = New::of(new)?;
        let call = |options: *mut _, queue: *mut _| {
            // SAFETY: the topic is ours, and copied by the call.
            unsafe { rd::rd_kafka_CreateTopics(self.rk, &mut topic.0, 1, options, queue) };
        };
        let read = |event| {
            // SAFETY: everything read belongs to `event`, which the caller destroys after this.
            unsafe {
                let result = rd::rd_kafka_event_CreateTopics_result(event);
                let mut count = 0;
                if !result.is_null() {
                    let found = rd::rd_kafka_CreateTopics_result_topics(result, &mut count);
                    if let Some(&made) = array(found, count).first() {
                        return match rd::rd_kafka_topic_result_error(made) {
                            OK => Ok(Created::New),
                            EXISTS => Ok(Created::Existed),
                            code => {
                                let said = text(rd::rd_kafka_topic_result_error_string(made));
                                Err(error(code, &said))
                            }
                        };
                    }
                }
                Err(KafkaError {
                    kind: Trouble::Other,
                    text: "the answer left it out".into(),
                })
            }
        };
        let operation = rd::RDKafkaAdminOp::RD_KAFKA_ADMIN_OP_CREATETOPICS;
        self.ask(operation, timeout, Set::Done, call, read)?
    }
}

/// librdkafka's description of a topic that is to be made.
struct New(*mut rd::rd_kafka_NewTopic_t);

impl New {
    fn of(topic: &NewTopic) -> Result<Self, KafkaError> {
        let name = cstring(&topic.name)?;
        let mut said = [0 as c_char; 512];
        // SAFETY: name, keys and values are copied; `said` ends with a NUL.
        unsafe {
            let new = rd::rd_kafka_NewTopic_new(
                name.as_ptr(),
                topic.partitions.unwrap_or(DEFAULT),
                topic.replication.unwrap_or(DEFAULT),
                said.as_mut_ptr(),
                said.len(),
            );
            if new.is_null() {
                return Err(KafkaError {
                    kind: Trouble::Other,
                    text: text(said.as_ptr()),
                });
            }
            let new = Self(new);
            for (key, value) in &topic.config {
                let (key, value) = (cstring(key)?, cstring(value)?);
                let code = rd::rd_kafka_NewTopic_set_config(new.0, key.as_ptr(), value.as_ptr());
                if code != OK {
                    return Err(error(code, ""));
                }
            }
            Ok(new)
        }
    }
}

impl Drop for New {
    fn drop(&mut self) {
        // SAFETY: made by rd_kafka_NewTopic_new, destroyed once.
        unsafe { rd::rd_kafka_NewTopic_destroy(self.0) };
    }
}
