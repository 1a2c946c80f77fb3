//! A topic of a test's own, and what an administrator can do to it.

use std::time::Duration;

use rdkafka::admin::{
    AdminOptions, AlterConfig, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaResult;
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};

use crate::kafka::{ADMIN_WAIT, Server};
use crate::wait::{LONG, eventually};

type Admin = rdkafka::admin::AdminClient<DefaultClientContext>;

pub struct Topic<'a> {
    pub name: String,
    server: &'a Server,
}

impl<'a> Topic<'a> {
    /// A topic that doesn't exist yet.
    pub fn planned(server: &'a Server, name: &str) -> Self {
        Self {
            name: name.to_owned(),
            server,
        }
    }

    pub fn create(
        server: &'a Server,
        name: &str,
        partitions: i32,
        config: &[(&str, &str)],
    ) -> Self {
        let topic = Self::planned(server, name);
        topic.make(partitions, config);
        topic
    }

    pub fn bootstrap(&self) -> String {
        self.server.bootstrap()
    }

    /// Creates it, once the last topic of that name is quite gone; each node has a copy of it.
    pub fn make(&self, partitions: i32, config: &[(&str, &str)]) {
        self.make_on(
            partitions,
            TopicReplication::Fixed(self.server.replicas()),
            config,
        );
    }

    /// The same with one partition, on these nodes; the first of them leads.
    pub fn place(&self, nodes: &[i32], config: &[(&str, &str)]) {
        self.make_on(1, TopicReplication::Variable(&[nodes]), config);
    }

    fn make_on(&self, partitions: i32, nodes: TopicReplication, config: &[(&str, &str)]) {
        let admin = self.server.admin();
        let mut topic = NewTopic::new(&self.name, partitions, nodes);
        for (key, value) in config {
            topic = topic.set(key, value);
        }
        eventually(LONG, &format!("topic {} can be created", self.name), || {
            let created = block_on(admin.create_topics([&topic], &options())).unwrap();
            match &created[0] {
                Ok(_) => true,
                Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => false,
                Err(e) => panic!("{e:?}"),
            }
        });
        self.await_partitions(partitions as usize);
    }

    /// Creates topics of one partition, all at once.
    pub fn make_all(topics: &[Self]) {
        let Some(first) = topics.first() else {
            return;
        };
        let new = topics
            .iter()
            .map(|topic| NewTopic::new(&topic.name, 1, TopicReplication::Fixed(1)));
        let new = new.collect::<Vec<_>>();
        let created = first.server.admin();
        let created = block_on(created.create_topics(&new, &options())).unwrap();
        assert!(created.iter().all(Result::is_ok), "{created:?}");
        for topic in topics.iter().rev().take(1) {
            topic.await_partitions(1);
        }
    }

    /// Adds partitions up to a number of them in all.
    pub fn grow(&self, partitions: usize) {
        let new = NewPartitions::new(&self.name, partitions);
        let grown = block_on(self.server.admin().create_partitions([&new], &options())).unwrap();
        assert!(grown[0].is_ok(), "{grown:?}");
        self.await_partitions(partitions);
    }

    pub fn delete(&self) {
        let deleted = block_on(self.server.admin().delete_topics(&[&self.name], &options()));
        let deleted = deleted.unwrap();
        assert!(deleted[0].is_ok(), "{deleted:?}");
        self.await_partitions(0);
    }

    /// Gives it this configuration in place of its own.
    pub fn configure(&self, config: &[(&str, &str)]) {
        let mut topic = AlterConfig::new(ResourceSpecifier::Topic(&self.name));
        for (key, value) in config {
            topic = topic.set(key, value);
        }
        let altered = block_on(self.server.admin().alter_configs([&topic], &options())).unwrap();
        assert!(altered[0].is_ok(), "{altered:?}");
    }

    /// Deletes a partition's records before an offset.
    pub fn delete_records(&self, partition: i32, before: i64) {
        let mut offsets = TopicPartitionList::new();
        offsets
            .add_partition_offset(&self.name, partition, Offset::Offset(before))
            .unwrap();
        let admin: Admin = self.server.admin();
        let deleted = block_on(admin.delete_records(&offsets, &options())).unwrap();
        let result = &deleted.elements_for_topic(&self.name)[0];
        assert_eq!(result.error(), Ok(()));
        assert_eq!(result.offset(), Offset::Offset(before));
    }

    /// The first offset and the one after the last.
    pub fn bounds(&self, partition: i32) -> (i64, i64) {
        let client: BaseConsumer = self.server.client().create().unwrap();
        client
            .fetch_watermarks(&self.name, partition, ADMIN_WAIT)
            .unwrap()
    }

    /// Waits until readers see all that was committed: the broker ends a transaction in each partition a moment later.
    pub fn await_committed(&self) {
        let what = format!("no transaction is open in {}", self.name);
        eventually(LONG, &what, || {
            let all = self.ends("read_uncommitted");
            all.is_some() && all == self.ends("read_committed")
        });
    }

    /// Where each partition ends for whoever reads with this `isolation.level`, if that is known.
    pub fn ends(&self, isolation: &str) -> Option<Vec<i64>> {
        let mut client = self.server.client();
        let client: BaseConsumer = client.set("isolation.level", isolation).create().unwrap();
        let metadata = client.fetch_metadata(Some(&self.name), ADMIN_WAIT).ok()?;
        let partitions = metadata.topics().first()?.partitions().iter();
        let end = partitions.map(|p| client.fetch_watermarks(&self.name, p.id(), ADMIN_WAIT));
        end.map(|bounds| Some(bounds.ok()?.1)).collect()
    }

    /// Where a group goes on in a partition, if it has committed anything.
    pub fn committed(&self, group: &str, partition: i32) -> Option<i64> {
        let mut client = self.server.client();
        let client: BaseConsumer = client.set("group.id", group).create().unwrap();
        let mut asked = TopicPartitionList::new();
        asked.add_partition(&self.name, partition);
        let mut committed = TopicPartitionList::new();
        // A group's coordinator may be about to change while other tests create topics.
        eventually(LONG, "the group's coordinator answers", || {
            let answer = client.committed_offsets(asked.clone(), ADMIN_WAIT);
            answer.is_ok_and(|offsets| {
                committed = offsets;
                true
            })
        });
        match committed.elements()[0].offset() {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        }
    }

    /// The node that leads a partition, and those whose copies are whole.
    pub fn leader(&self, partition: i32) -> (i32, Vec<i32>) {
        let client: BaseConsumer = self.server.client().create().unwrap();
        let metadata = client.fetch_metadata(Some(&self.name), ADMIN_WAIT).unwrap();
        let partition = &metadata.topics()[0].partitions()[partition as usize];
        (partition.leader(), partition.isr().to_vec())
    }

    /// Waits until every partition has a leader that knows of it; none if the topic is to be gone.
    fn await_partitions(&self, partitions: usize) {
        let what = format!("topic {} has {partitions} partitions", self.name);
        let client: BaseConsumer = self.server.client().create().unwrap();
        eventually(LONG, &what, || {
            // The metadata of all topics: asking for a missing one would not always say so.
            let Ok(metadata) = client.fetch_metadata(None, Duration::from_secs(5)) else {
                return false;
            };
            let topic = metadata.topics().iter().find(|t| t.name() == self.name);
            let led = topic.map_or(0, |t| {
                t.partitions().iter().filter(|p| p.leader() >= 0).count()
            });
            led == partitions
                && (0..partitions).all(|p| {
                    let wait = Duration::from_secs(5);
                    client.fetch_watermarks(&self.name, p as i32, wait).is_ok()
                })
        });
    }
}

fn options() -> AdminOptions {
    AdminOptions::new()
        .operation_timeout(Some(ADMIN_WAIT))
        .request_timeout(Some(ADMIN_WAIT))
}

fn block_on<T>(future: impl Future<Output = KafkaResult<T>>) -> KafkaResult<T> {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}
