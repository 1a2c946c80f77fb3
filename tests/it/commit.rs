//! Offsets in Kafka follow what is in the file, where the user wants them.

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Offset, TopicPartitionList};

use crate::config::Config;
use crate::kafka::ADMIN_WAIT;
use crate::produce::Producer;
use crate::scene::Scene;
use crate::values::Values;

#[test]
fn a_clean_stop_commits_the_next_offsets_to_the_commit_group() {
    let scene = Scene::new();
    let topic = scene.topic("committed", 2);
    let (producer, mut values) = (Producer::new(scene.server), Values::new(1));
    producer.send_all(&topic, values.jsons(30).into_iter().map(|r| r.to(0)));
    producer.send_all(&topic, values.jsons(12).into_iter().map(|r| r.to(1)));
    let config = Config::new()
        .set("clusters.main", "broker", &scene.server.bootstrap())
        .set("clusters.main", "commit_group", "lag-monitor")
        .archive_on("main", &topic, "a.ndjson", &[("start", "earliest")]);
    let archiver = scene.start(&config);
    scene.await_lines(&archiver, "a.ndjson", 42);
    archiver.stop();
    let group: BaseConsumer = scene
        .server
        .client()
        .set("group.id", "lag-monitor")
        .create()
        .unwrap();
    let mut partitions = TopicPartitionList::new();
    partitions.add_partition_range(&topic.name, 0, 1);
    let committed = group.committed_offsets(partitions, ADMIN_WAIT).unwrap();
    let next = |p| committed.find_partition(&topic.name, p).unwrap().offset();
    assert_eq!([next(0), next(1)], [Offset::Offset(30), Offset::Offset(12)]);
}
