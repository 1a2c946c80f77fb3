//! Questions about many topics at once: what there is, how much of it, and from when to when.

use std::collections::BTreeMap;
use std::time::Duration;

use super::native::{Broker, Listed, Place};
use super::questions::{Asked, Held, TIMEOUT};
use super::scanner::Scanner;
use crate::source::cluster::{KafkaError, Topic};

/// How long one broker may take.
const GREETING: Duration = Duration::from_secs(5);

impl Scanner {
    /// What the cluster says of each of these topics now, in their order.
    ///
    /// # Errors
    ///
    /// If nobody can be asked. Each topic may have an error of its own.
    pub async fn describe_all(
        &self,
        topics: &[String],
    ) -> Result<Vec<Result<Topic, KafkaError>>, KafkaError> {
        let ask = async || {
            let describing = self.cluster.describing().await?;
            // All of them are asked for before the first answer is awaited.
            let asked = topics.iter().map(|topic| describing.ask(topic.clone()));
            let mut described = Vec::with_capacity(topics.len());
            for topic in asked.collect::<Vec<_>>() {
                described.push(topic.await);
            }
            Ok(described)
        };
        self.answers(ask).await
    }

    /// The offsets that each of these partitions holds, in their order: from its log's start up to what a new reader may
    /// see.
    ///
    /// # Errors
    ///
    /// If nobody can be asked. Each partition may have an error of its own.
    pub async fn offsets_of(&self, partitions: &[Asked]) -> Result<Vec<Held>, KafkaError> {
        let ask = async || {
            let listing = self.cluster.listing().await?;
            let asked = partitions.iter().map(|of| listing.ask(of.clone()));
            let mut held = Vec::with_capacity(partitions.len());
            for of in asked.collect::<Vec<_>>() {
                held.push(of.await);
            }
            Ok(held)
        };
        self.answers(ask).await
    }

    /// The timestamp of the first record of each of these partitions, in milliseconds since 1970, where it has one. It may
    /// be that of the end of a transaction.
    ///
    /// # Errors
    ///
    /// If nobody can be asked. A partition that can't be asked is left out.
    pub async fn oldest(&self, partitions: Vec<Asked>) -> Result<BTreeMap<Asked, i64>, KafkaError> {
        let listed = self.cluster.listed(partitions, Place::Time(0)).await?;
        Ok(timestamps(listed))
    }

    /// The latest timestamp in each of these partitions, as [`Scanner::oldest`]. Brokers before Kafka 3.0 don't tell.
    ///
    /// # Errors
    ///
    /// If nobody can be asked. A partition that can't be asked is left out.
    pub async fn newest(&self, partitions: Vec<Asked>) -> Result<BTreeMap<Asked, i64>, KafkaError> {
        let listed = self.cluster.listed(partitions, Place::Newest).await?;
        Ok(timestamps(listed))
    }

    /// The brokers, as the cluster tells clients of them. Says soon why nobody answers, where that is known.
    ///
    /// # Errors
    ///
    /// If nobody answers.
    pub async fn brokers(&self) -> Result<Vec<Broker>, KafkaError> {
        self.id().await?;
        self.cluster.told(|asker| asker.addresses(TIMEOUT)).await
    }

    /// Has this broker answer a question, about any topic.
    ///
    /// # Errors
    ///
    /// If it doesn't answer this client.
    pub async fn greet(&self, broker: i32, topic: String) -> Result<(), KafkaError> {
        let greeted = self.cluster.told(move |asker| {
            let described = asker.describe(broker, &[topic], GREETING);
            described.map(|_| ())
        });
        greeted.await
    }

    /// May this user read these topics? Of each that may be described; nothing where the brokers don't say.
    ///
    /// # Errors
    ///
    /// If nobody can be asked.
    pub async fn may_read(
        &self,
        topics: Vec<String>,
    ) -> Result<BTreeMap<String, Option<bool>>, KafkaError> {
        let told = self.cluster.told(move |asker| {
            let brokers = asker.brokers(TIMEOUT)?;
            match brokers.first() {
                Some(&broker) => asker.may_read(broker, &topics, TIMEOUT),
                None => Ok(Vec::new()),
            }
        });
        let told = told.await?.into_iter();
        Ok(told
            .filter_map(|(topic, may)| Some((topic, may.ok()?)))
            .collect())
    }

    /// How each of these topics is configured, by key.
    ///
    /// # Errors
    ///
    /// If nobody can be asked. Each topic may have an error of its own.
    pub async fn configs(
        &self,
        topics: Vec<String>,
    ) -> Result<BTreeMap<String, Result<BTreeMap<String, String>, KafkaError>>, KafkaError> {
        let told = self
            .cluster
            .told(move |asker| asker.configs(&topics, TIMEOUT));
        Ok(told.await?.into_iter().collect())
    }
}

fn timestamps(listed: Vec<(Asked, Result<Listed, KafkaError>)>) -> BTreeMap<Asked, i64> {
    let found = listed
        .into_iter()
        .filter_map(|(of, listed)| Some((of, listed.ok()?.timestamp_ms?)));
    found.collect()
}
