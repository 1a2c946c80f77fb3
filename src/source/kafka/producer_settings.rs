//! How a producer is set up.

use std::collections::BTreeMap;
use std::time::Duration;

use super::ca_store;
use super::cluster::COMMON;
use crate::config;

/// What a producer is told, beside where its cluster is.
#[derive(Debug, Clone)]
pub struct ProducerSettings {
    /// How long a record waits for company. Zero sends it at once.
    pub linger: Duration,
    /// `gzip`, `snappy`, `lz4`, `zstd` or `none`; as the cluster is configured if there is none.
    pub compression: Option<String>,
    /// How transactions are made; without it there are none.
    pub transactions: Option<TransactionSettings>,
    /// How many records may wait or be under way.
    pub queue_records: u32,
    /// How many bytes of values those may have.
    pub queue_bytes: u64,
    /// How many bytes a batch may have before it is compressed. The broker refuses a whole batch that is larger than its
    /// topic's `max.message.bytes`, though each of its records were small.
    pub batch_bytes: u32,
    /// librdkafka's properties as a user gave them: they win, but for the cluster's address, the transactional id, and
    /// that all is reported on.
    pub properties: BTreeMap<String, String>,
}

/// How a producer makes transactions.
#[derive(Debug, Clone)]
pub struct TransactionSettings {
    /// The id that they go by: of all producers with it, only the newest one sends.
    pub id: String,
    /// How long the brokers keep one open before they take it back (`transaction.timeout.ms`).
    pub expires: Duration,
}

impl Default for ProducerSettings {
    fn default() -> Self {
        Self {
            linger: Duration::ZERO,
            compression: None,
            transactions: None,
            queue_records: 100_000,
            queue_bytes: 64 << 20,
            batch_bytes: 1_000_000,
            properties: BTreeMap::new(),
        }
    }
}

/// The largest record that the client takes: the broker says which is too large for a topic.
const RECORD_MOST: u64 = 1_000_000_000;

/// How long a coordinator of transactions may take to answer before it is asked again, in milliseconds.
const ANSWER_MS: &str = "6000";

impl ProducerSettings {
    /// All properties of the producer, the same as its cluster's where nothing else is said.
    pub(super) fn properties(&self, cluster: &config::Cluster) -> BTreeMap<String, String> {
        let text = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let mut properties = COMMON.map(text).into_iter().collect::<BTreeMap<_, _>>();
        properties.extend([("partitioner", "murmur2_random")].map(text));
        properties.extend(ca_store::property());
        properties.extend(cluster.properties.clone());
        let chosen = [
            ("enable.idempotence", "true".to_owned()),
            ("acks", "all".to_owned()),
            ("linger.ms", millis(self.linger)),
            ("batch.size", self.batch_bytes.to_string()),
            ("message.max.bytes", RECORD_MOST.to_string()),
            (
                "queue.buffering.max.messages",
                self.queue_records.to_string(),
            ),
            (
                "queue.buffering.max.kbytes",
                (self.queue_bytes >> 10).max(1).to_string(),
            ),
        ];
        let chosen = chosen
            .into_iter()
            .chain(self.compression.clone().map(|of| ("compression.type", of)));
        properties.extend(chosen.map(|(name, value)| (name.to_owned(), value)));
        // Both are names of the same property.
        if self.properties.contains_key("compression.codec") {
            properties.remove("compression.type");
        }
        if let Some(transactions) = &self.transactions {
            let expires_ms = transactions.expires.as_millis().to_string();
            properties.insert("transaction.timeout.ms".into(), expires_ms);
            // A step of a transaction waits so long for one answer, whatever time it is given.
            properties.insert("socket.timeout.ms".into(), ANSWER_MS.into());
        }
        properties.extend(self.properties.clone());
        properties.insert("bootstrap.servers".into(), cluster.bootstrap.clone());
        properties.insert("delivery.report.only.error".into(), "false".into());
        match &self.transactions {
            Some(of) => properties.insert("transactional.id".into(), of.id.clone()),
            None => properties.remove("transactional.id"),
        };
        properties
    }
}

/// As librdkafka takes it: milliseconds, with a fraction.
fn millis(duration: Duration) -> String {
    (duration.as_secs_f64() * 1000.0).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster() -> config::Cluster {
        config::Cluster {
            name: "c".into(),
            bootstrap: "host:1".into(),
            commit_group: None,
            connections: None,
            properties: [("acks", "1"), ("sasl.username", "me"), ("client.id", "x")]
                .map(|(name, value)| (name.into(), value.into()))
                .into(),
            named_files: BTreeMap::new(),
        }
    }

    #[test]
    fn what_the_user_gives_wins_over_the_settings_and_these_over_the_cluster_s() {
        let settings = ProducerSettings {
            linger: Duration::from_micros(1500),
            compression: Some("zstd".into()),
            properties: [
                ("linger.ms", "7"),
                ("bootstrap.servers", "other:1"),
                ("delivery.report.only.error", "true"),
            ]
            .map(|(name, value)| (name.into(), value.into()))
            .into(),
            ..ProducerSettings::default()
        };
        let properties = settings.properties(&cluster());
        for (name, expected) in [
            ("linger.ms", "7"),
            ("acks", "all"),
            ("enable.idempotence", "true"),
            ("sasl.username", "me"),
            ("client.id", "x"),
            ("compression.type", "zstd"),
            ("bootstrap.servers", "host:1"),
            ("delivery.report.only.error", "false"),
        ] {
            assert_eq!(properties[name], expected, "{name}");
        }
        assert!(!properties.contains_key("transactional.id"));
    }

    #[test]
    fn a_linger_below_a_millisecond_is_none_the_less_one() {
        assert_eq!(millis(Duration::from_micros(500)), "0.5");
        assert_eq!(millis(Duration::ZERO), "0");
        assert_eq!(millis(Duration::from_millis(5)), "5");
    }
}
