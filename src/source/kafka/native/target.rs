//! A topic that is sent to.

use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use rdkafka_sys as rd;
use rdkafka_sys::RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR as OK;

use super::client::Client;
use super::convert::{array, cstring, millis, text};
use crate::source::cluster::{KafkaError, Trouble};
use crate::source::kafka::errors::error;

/// A topic that is sent to; while it lives, the client keeps its metadata fresh.
pub struct Target {
    pub(super) rkt: *mut rd::rd_kafka_topic_t,
    pub(super) client: Arc<Client>,
}

// SAFETY: librdkafka's handles are thread-safe.
unsafe impl Send for Target {}
unsafe impl Sync for Target {}

impl Target {
    /// Contacts nobody.
    pub(super) fn new(client: &Arc<Client>, name: &str) -> Result<Self, KafkaError> {
        let name = cstring(name)?;
        let client = Arc::clone(client);
        // SAFETY: the client is alive and kept; the name is copied.
        let rkt = unsafe { rd::rd_kafka_topic_new(client.rk, name.as_ptr(), ptr::null_mut()) };
        if rkt.is_null() {
            // SAFETY: the code is this thread's.
            return Err(error(unsafe { rd::rd_kafka_last_error() }, ""));
        }
        Ok(Self { rkt, client })
    }

    /// The brokers that lead its partitions; the client knows them from then on. Blocks up to `timeout`.
    pub(in crate::source::kafka) fn leaders(
        &self,
        timeout: Duration,
    ) -> Result<Vec<i32>, KafkaError> {
        let mut metadata = ptr::null();
        // SAFETY: the topic is alive; on success `metadata` is ours, read and then destroyed.
        unsafe {
            let (rk, wait) = (self.client.rk, millis(timeout));
            let code = rd::rd_kafka_metadata(rk, 0, self.rkt, &mut metadata, wait);
            if code != OK {
                return Err(error(code, ""));
            }
            let found = &*metadata;
            let count = |of| usize::try_from(of).unwrap_or(0);
            let mut leaders = Ok(Vec::new());
            for topic in array(found.topics, count(found.topic_cnt)) {
                if topic.err != OK {
                    leaders = Err(error(topic.err, ""));
                } else if let Ok(leaders) = &mut leaders {
                    let partitions = array(topic.partitions, count(topic.partition_cnt));
                    leaders.extend(partitions.iter().map(|partition| partition.leader));
                }
            }
            rd::rd_kafka_metadata_destroy(metadata);
            leaders
        }
    }

    /// Do the brokers say that it doesn't exist? Blocks up to `timeout`.
    pub fn is_missing(&self, timeout: Duration) -> bool {
        let asked = self.leaders(timeout);
        asked.is_err_and(|e| e.kind == Trouble::Missing)
    }

    /// Its name.
    pub fn name(&self) -> String {
        // SAFETY: the topic is alive, and with it its name.
        unsafe { text(rd::rd_kafka_topic_name(self.rkt)) }
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        // SAFETY: made by rd_kafka_topic_new, destroyed once.
        unsafe { rd::rd_kafka_topic_destroy(self.rkt) }
    }
}
