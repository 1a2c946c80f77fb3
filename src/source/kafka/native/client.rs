//! A client of either kind: one that reads, or one that sends.

use std::ffi::{c_char, c_int, c_void};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rdkafka_sys as rd;
use rdkafka_sys::RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR as OK;
use rdkafka_sys::rd_kafka_type_t as Kind;

use super::callbacks::{
    Events, Shared, on_certificate, on_delivery, on_error, on_log, on_main_event, on_throttle,
};
use super::convert::{array, cstring, millis, text};
use crate::source::cluster::KafkaError;
use crate::source::kafka::errors::error;

/// A broker, as the cluster tells its clients of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broker {
    /// Its number.
    pub id: i32,
    /// Its name, or an address.
    pub host: String,
    /// Its port.
    pub port: u16,
}

/// A librdkafka handle: a consumer without a group, or a producer.
pub(in crate::source::kafka) struct Client {
    pub(super) rk: *mut rd::rd_kafka_t,
    kind: Kind,
    main: *mut rd::rd_kafka_queue_t,
    // Boxed: librdkafka keeps its address as the opaque of its callbacks.
    pub(super) shared: Box<Shared>,
}

// SAFETY: librdkafka's handles are thread-safe, and `Shared` is Sync by its bounds.
unsafe impl Send for Client {}
unsafe impl Sync for Client {}

impl Client {
    /// One that reads.
    pub(in crate::source::kafka) fn new<'a>(
        properties: impl IntoIterator<Item = (&'a str, &'a str)>,
        events: Box<dyn Events>,
    ) -> Result<Arc<Self>, String> {
        Self::made(Kind::RD_KAFKA_CONSUMER, properties, events)
    }

    /// One that sends, for a [`super::Producer`].
    pub(super) fn sending<'a>(
        properties: impl IntoIterator<Item = (&'a str, &'a str)>,
        events: Box<dyn Events>,
    ) -> Result<Arc<Self>, String> {
        Self::made(Kind::RD_KAFKA_PRODUCER, properties, events)
    }

    fn made<'a>(
        kind: Kind,
        properties: impl IntoIterator<Item = (&'a str, &'a str)>,
        events: Box<dyn Events>,
    ) -> Result<Arc<Self>, String> {
        let shared = Box::new(Shared::new(events));
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
            rd::rd_kafka_conf_set_throttle_cb(conf, Some(on_throttle));
            if kind == Kind::RD_KAFKA_PRODUCER {
                rd::rd_kafka_conf_set_dr_msg_cb(conf, Some(on_delivery));
            }
            rd::rd_kafka_conf_set_ssl_cert_verify_cb(conf, Some(on_certificate));
            let rk = rd::rd_kafka_new(kind, conf, said.as_mut_ptr(), said.len());
            if rk.is_null() {
                rd::rd_kafka_conf_destroy(conf);
                return Err(text(said.as_ptr()));
            }
            let main = rd::rd_kafka_queue_get_main(rk);
            rd::rd_kafka_queue_cb_event_enable(main, Some(on_main_event), opaque);
            let client = Self {
                rk,
                kind,
                main,
                shared,
            };
            client.poll();
            // One without its first brokers never looks for them again.
            match client.shared.lacks_thread.load(Ordering::Relaxed) {
                true => Err(
                    "there is no thread for a broker; raise the limit of processes (ulimit -u)"
                        .into(),
                ),
                false => Ok(Arc::new(client)),
            }
        }
    }

    /// Serves what the client has to say, for as long as it lives.
    pub(in crate::source::kafka) fn keep_polling(
        self: &Arc<Self>,
    ) -> impl Future<Output = ()> + Send + use<> {
        let (client, wake) = (Arc::downgrade(self), Arc::clone(&self.shared.wake));
        async move {
            while let Some(client) = client.upgrade() {
                client.poll();
                drop(client);
                wake.notified().await;
            }
        }
    }

    /// Serves what the client has to say, which calls its [`Events`]. Never waits.
    pub(in crate::source::kafka) fn poll(&self) {
        // SAFETY: the handle is alive; the callbacks only touch `Shared`.
        unsafe { while rd::rd_kafka_poll(self.rk, 0) > 0 {} }
    }

    /// The id of the cluster that has answered last. Blocks up to `timeout` if nobody has.
    pub(in crate::source::kafka) fn cluster_id(&self, timeout: Duration) -> Option<String> {
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

    /// The ids of the brokers, one that answers first. Blocks up to `timeout`.
    pub(in crate::source::kafka) fn brokers(
        &self,
        timeout: Duration,
    ) -> Result<Vec<i32>, KafkaError> {
        let brokers = self.addresses(timeout)?.into_iter();
        Ok(brokers.map(|broker| broker.id).collect())
    }

    /// The same with where they are.
    pub(in crate::source::kafka) fn addresses(
        &self,
        timeout: Duration,
    ) -> Result<Vec<Broker>, KafkaError> {
        self.metadata(timeout, |found| {
            let count = usize::try_from(found.broker_cnt).unwrap_or(0);
            // SAFETY: they belong to the metadata, which is alive.
            let known = unsafe { array(found.brokers, count) };
            let known = known.iter().map(|broker| Broker {
                id: broker.id,
                // SAFETY: the name belongs to the broker.
                host: unsafe { text(broker.host) },
                port: u16::try_from(broker.port).unwrap_or(0),
            });
            let mut brokers = known.collect::<Vec<_>>();
            // Who answered has no id while the client only knows it as a bootstrap server.
            brokers.sort_by_key(|broker| broker.id != found.orig_broker_id);
            brokers
        })
    }

    /// The names of all topics. Blocks up to `timeout`.
    pub(in crate::source::kafka) fn topics(
        &self,
        timeout: Duration,
    ) -> Result<Vec<String>, KafkaError> {
        self.metadata(timeout, |found| {
            let count = usize::try_from(found.topic_cnt).unwrap_or(0);
            // SAFETY: they belong to the metadata, which is alive, and each name to its topic.
            let topics = unsafe { array(found.topics, count) }.iter();
            // SAFETY: the same.
            topics.map(|topic| unsafe { text(topic.topic) }).collect()
        })
    }

    /// What a broker says of the cluster and all its topics. Blocks up to `timeout`.
    fn metadata<T>(
        &self,
        timeout: Duration,
        read: impl FnOnce(&rd::rd_kafka_metadata) -> T,
    ) -> Result<T, KafkaError> {
        // To ask for less, the topics that the client knows by name, would have the broker create those that are gone,
        // whatever `allow.auto.create.topics` says.
        const ALL_TOPICS: c_int = 1;
        let mut metadata = ptr::null();
        let (none, wait) = (ptr::null_mut(), millis(timeout));
        // SAFETY: on success `metadata` is ours, read and then destroyed; no topic is given.
        unsafe {
            let code = rd::rd_kafka_metadata(self.rk, ALL_TOPICS, none, &mut metadata, wait);
            if code != OK {
                return Err(error(code, ""));
            }
            let told = read(&*metadata);
            rd::rd_kafka_metadata_destroy(metadata);
            Ok(told)
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if self.kind == Kind::RD_KAFKA_PRODUCER {
            self.purge();
        }
        // SAFETY: topics and queues keep the client by Arc, so none is left.
        unsafe {
            rd::rd_kafka_queue_cb_event_enable(self.main, None, ptr::null_mut());
            rd::rd_kafka_queue_destroy(self.main);
            rd::rd_kafka_destroy(self.rk);
        }
        self.shared.wake.notify_one();
    }
}
