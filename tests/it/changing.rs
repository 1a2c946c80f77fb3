//! Brokers that are changing who answers, as commands begin: they are asked again.

use rdkafka::ClientConfig;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use crate::archiver::{Ended, run};
use crate::files;
use crate::wait::LONG;

type Mock = MockCluster<'static, DefaultProducerContext>;

/// A cluster with a topic of ten records, which tells of its offsets only after these errors.
fn mock(errors: &[RDKafkaRespErr]) -> Mock {
    let mock = MockCluster::new(1).expect("a mock cluster");
    mock.create_topic("changing", 1, 1).expect("a topic");
    let producer: ThreadedProducer<DefaultProducerContext> = ClientConfig::new()
        .set("bootstrap.servers", mock.bootstrap_servers())
        .create()
        .expect("a producer");
    for _ in 0..10 {
        let record = BaseRecord::<str, str>::to("changing").payload("{}");
        assert!(producer.send(record).is_ok(), "the queue is full");
    }
    producer.flush(LONG).expect("all produced");
    mock.request_errors(RDKafkaApiKey::ListOffsets, errors);
    mock
}

fn archiver(directory: &tempfile::TempDir, mock: &Mock, words: &str) -> Ended {
    let broker = mock.bootstrap_servers();
    let words = words.split(' ').collect::<Vec<_>>();
    run(directory.path(), &[&words[..], &["-b", &broker]].concat())
}

#[test]
fn what_passes_by_itself_is_asked_again_when_a_capture_begins() {
    use RDKafkaRespErr::*;
    let directory = tempfile::tempdir().expect("a directory");
    let mock = mock(&[
        RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
        RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH,
        RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH,
    ]);
    let ended = archiver(&directory, &mock, "capture -t changing -o file --all");
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    assert_eq!(files::count(&directory.path().join("file")), 10);
    assert!(!ended.stderr.contains("NotLeader"), "{}", ended.stderr);
}

#[test]
fn what_could_not_be_asked_is_unknown_and_not_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let error = RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION;
    let errors = vec![error; 100_000];
    let brokers = mock(&errors);
    let ended = archiver(&directory, &brokers, "topics --moment 0s --json");
    assert_eq!(ended.code(), Some(1), "{}", ended.stdout);
    let listed: serde_json::Value = serde_json::from_str(&ended.stdout).expect("JSON");
    assert!(listed["records"].is_null(), "{listed}");
    let said = listed["errors"].to_string();
    assert!(
        said.contains("Not leader") && !said.contains("NotLeader"),
        "{said}"
    );
    let brokers = mock(&errors);
    let ended = archiver(&directory, &brokers, "check -t changing -o file --json");
    let found = ended.stdout.lines();
    let found = found.map(|line| serde_json::from_str(line).expect("JSON"));
    let found = found.collect::<Vec<serde_json::Value>>();
    let start = found.iter().find(|of| of["check"] == "start");
    let start = start.expect("where it begins");
    assert_eq!(start["outcome"], "unknown", "{start}");
}
