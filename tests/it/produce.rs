//! Filling topics.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};

use crate::kafka::{ADMIN_WAIT, Server};
use crate::topic::Topic;

/// A record to be sent.
#[derive(Clone, Debug, Default)]
pub struct Record {
    pub partition: Option<i32>,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    /// Milliseconds since 1970; the producer's clock if there is none.
    pub timestamp: Option<i64>,
}

impl Record {
    pub fn value(value: impl Into<Vec<u8>>) -> Self {
        Self {
            value: Some(value.into()),
            ..Self::default()
        }
    }

    pub fn to(self, partition: i32) -> Self {
        Self {
            partition: Some(partition),
            ..self
        }
    }
}

/// Counts what did not arrive.
#[derive(Clone, Default)]
struct Deliveries {
    failed: Arc<AtomicUsize>,
}

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if result.is_err() {
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// An idempotent producer: what it sent is in the topic once, in order.
pub struct Producer {
    inner: ThreadedProducer<Deliveries>,
    deliveries: Deliveries,
}

impl Producer {
    pub fn new(server: &Server) -> Self {
        Self::with(server, &[])
    }

    /// One whose sends are transactions: see [`Producer::begin`].
    pub fn transactional(server: &Server, id: &str) -> Self {
        let producer = Self::with(server, &[("transactional.id", id)]);
        producer.inner.init_transactions(ADMIN_WAIT).unwrap();
        producer
    }

    /// One that compresses what it sends.
    pub fn compressing(server: &Server, codec: &str) -> Self {
        Self::with(server, &[("compression.type", codec)])
    }

    /// One that may send records of so many bytes.
    pub fn of_large(server: &Server, bytes: usize) -> Self {
        Self::with(server, &[("message.max.bytes", &bytes.to_string())])
    }

    fn with(server: &Server, settings: &[(&str, &str)]) -> Self {
        let mut config = server.client();
        config
            .set("enable.idempotence", "true")
            .set("linger.ms", "2");
        for (key, value) in settings {
            config.set(*key, *value);
        }
        let deliveries = Deliveries::default();
        let inner = config.create_with_context(deliveries.clone()).unwrap();
        Self { inner, deliveries }
    }

    /// Hands a record over; see [`Producer::flush`].
    pub fn send(&self, topic: &Topic, record: Record) {
        let mut headers = OwnedHeaders::new();
        for (key, value) in &record.headers {
            headers = headers.insert(Header {
                key,
                value: value.as_deref(),
            });
        }
        let mut base = BaseRecord::<[u8], [u8]>::to(&topic.name);
        base.partition = record.partition;
        base.key = record.key.as_deref();
        base.payload = record.value.as_deref();
        base.headers = Some(headers);
        base.timestamp = record.timestamp;
        while let Err((error, refused)) = self.inner.send(base) {
            let full = KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull);
            assert_eq!(error, full, "sending to {}", topic.name);
            base = refused;
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until all that was handed over has arrived.
    pub fn flush(&self) {
        // The crate's own flush takes a tenth of a second even when there is nothing to do.
        let start = Instant::now();
        while self.inner.in_flight_count() > 0 {
            assert!(
                start.elapsed() < ADMIN_WAIT,
                "records not delivered in {ADMIN_WAIT:?}"
            );
            thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(
            self.deliveries.failed.load(Ordering::Relaxed),
            0,
            "records not delivered"
        );
    }

    pub fn begin(&self) {
        self.inner.begin_transaction().unwrap();
    }

    pub fn commit(&self) {
        self.flush();
        self.inner.commit_transaction(ADMIN_WAIT).unwrap();
    }

    /// Aborts the transaction after its records have reached the topic.
    pub fn abort(&self) {
        self.flush();
        self.inner.abort_transaction(ADMIN_WAIT).unwrap();
    }

    /// Sends the records and waits for their arrival.
    pub fn send_all(&self, topic: &Topic, records: impl IntoIterator<Item = Record>) {
        for record in records {
            self.send(topic, record);
        }
        self.flush();
    }
}
