//! Against librdkafka's own mock cluster, quickly enough for `make memcheck` to watch over every access to memory:
//! whatever is borrowed from librdkafka must be given back, once, and not be looked at afterwards.

mod producer;
mod shares;
mod supervised;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use archiver_format::position::{Position, Positions};
use archiver_format::record::{NextOffset, Partition};
use rdkafka::ClientConfig;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::blocking::blocking;
use super::cluster::REFRESH;
use super::native::{Client, Events, Queue, Run, Topic};
use super::{KafkaClusters, Seat};
use crate::config;
use crate::source::cluster::{Cluster, Fetched, KafkaError, Reader, Trouble};

pub(super) type Mock = MockCluster<'static, rdkafka::producer::DefaultProducerContext>;

const PARTITIONS: i32 = 3;
/// Long enough for anything, also under Valgrind.
pub(super) const LONG: Duration = Duration::from_secs(120);

/// A mock cluster that has these topics, with so many records in each partition.
pub(super) fn mock(topics: &[&str], records: usize) -> Mock {
    let mock = MockCluster::new(1).expect("a mock cluster");
    let producer: ThreadedProducer<DefaultProducerContext> = ClientConfig::new()
        .set("bootstrap.servers", mock.bootstrap_servers())
        .create()
        .expect("a producer");
    for topic in topics {
        mock.create_topic(topic, PARTITIONS, 1).expect("a topic");
        for partition in 0..PARTITIONS {
            for number in 0..records {
                let value = value(partition, number);
                let mut record = BaseRecord::<str, [u8]>::to(topic).partition(partition);
                record.payload = value.as_deref();
                assert!(
                    producer.send(record).is_ok(),
                    "the producer's queue is full"
                );
            }
        }
    }
    producer.flush(LONG).expect("all produced");
    mock
}

/// Null, empty, and of any size.
fn value(partition: Partition, number: usize) -> Option<Vec<u8>> {
    match number % 7 {
        0 => None,
        1 => Some(Vec::new()),
        size => Some(vec![b'a' + partition as u8; size * number]),
    }
}

/// For whom nothing that a client says matters.
pub(super) struct Quiet;

impl Events for Quiet {
    fn log(&self, _: i32, _: &str) {}
    fn trouble(&self, _: KafkaError) {}
    fn all_down(&self) {}
}

/// Seats at the mock cluster for archives of these topics, and what gave them.
struct Seats {
    clusters: KafkaClusters,
    seats: Vec<Seat>,
}

/// A seat for each of these topics.
fn seats(mock: &Mock, topics: &[&str], properties: &[(&str, &str)]) -> Seats {
    let clusters = KafkaClusters::new(64 << 20);
    let seats = clusters.seats(&archives(mock, topics, properties));
    Seats { clusters, seats }
}

fn archives(
    mock: &Mock,
    topics: &[&str],
    properties: &[(&str, &str)],
) -> Vec<config::Checked<config::Archive>> {
    let properties = properties.iter();
    let cluster = config::Checked::for_tests(config::Cluster {
        name: "mock".into(),
        bootstrap: mock.bootstrap_servers(),
        commit_group: None,
        connections: NonZeroUsize::new(2),
        named_files: BTreeMap::new(),
        properties: properties.map(|&(k, v)| (k.into(), v.into())).collect(),
    });
    let archive = |topic: &&str| config::Archive {
        cluster: cluster.clone(),
        topic: (*topic).into(),
        ..config::Archive::for_tests()
    };
    let archives = topics.iter().map(archive);
    archives.map(config::Checked::for_tests).collect()
}

/// What has been taken, as far as it is new: values by partition, in order.
type Taken = BTreeMap<Partition, Vec<Option<Vec<u8>>>>;

async fn take(reader: &mut Box<dyn Reader>, taken: &mut Taken, until: impl Fn(&Taken) -> bool) {
    let arrived = reader.arrived();
    let deadline = Instant::now() + LONG;
    while !until(taken) {
        let count = reader.take(50, &mut |fetched| match fetched {
            Fetched::Record(record) => {
                let of = taken.entry(record.partition).or_default();
                let (partition, next) = (record.partition, of.len() as i64);
                assert_eq!(record.offset, next, "partition {partition}: out of order");
                of.push(record.value.map(<[u8]>::to_vec));
            }
            Fetched::Failed(partition, e) => panic!("partition {partition}: {e}"),
            Fetched::End(..) => {}
        });
        if count == 0 {
            let woken = timeout_at(deadline, arrived.notified()).await;
            assert!(woken.is_ok(), "nothing more than {taken:?}");
        }
    }
}

pub(super) fn in_runtime<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(test)
}

#[test]
fn records_are_taken_as_they_were_produced() {
    let mock = mock(&["t"], 100);
    in_runtime(async {
        let Seats { seats, .. } = seats(&mock, &["t"], &[]);
        let cluster = &seats[0];
        let from = (0..PARTITIONS)
            .map(|partition| (partition, Position::default()))
            .collect();
        let mut reader = cluster.reader("t", &from).await.expect("a reader");
        let mut taken = Taken::new();
        take(&mut reader, &mut taken, |taken| {
            taken.values().map(Vec::len).sum::<usize>() == 300
        })
        .await;
        for (partition, values) in taken {
            let produced = (0..100).map(|number| value(partition, number));
            assert!(values.into_iter().eq(produced), "partition {partition}");
        }
    });
}

#[test]
fn what_is_left_of_a_run_is_taken_before_what_has_arrived_after_it() {
    let mock = mock(&["t"], 1_000);
    in_runtime(async {
        let Seats { seats, .. } = seats(&mock, &["t"], &[]);
        let cluster = &seats[0];
        let from = Positions::from([(0, Position::default())]);
        let mut reader = cluster.reader("t", &from).await.expect("a reader");
        // No run has more than 500 records: these are several.
        await_that(|| reader.waiting() > 500).await;
        let mut taken = Taken::new();
        take(&mut reader, &mut taken, |taken| {
            taken.get(&0).is_some_and(|of| of.len() == 1_000)
        })
        .await;
        assert!(
            taken[&0]
                .iter()
                .cloned()
                .eq((0..1_000).map(|number| value(0, number)))
        );
    });
}

#[test]
fn an_offset_that_is_not_in_the_log_is_told_and_not_replaced_by_another() {
    let mock = mock(&["t"], 10);
    in_runtime(async {
        let Seats { seats, .. } = seats(&mock, &["t"], &[]);
        let from = Positions::from([(0, NextOffset::new(1_000).into())]);
        let mut reader = seats[0].reader("t", &from).await.expect("a reader");
        let arrived = reader.arrived();
        let mut told = None;
        while told.is_none() {
            let count = reader.take(1, &mut |fetched| match fetched {
                Fetched::Record(record) => panic!("a record at offset {}", record.offset),
                Fetched::Failed(partition, e) => told = Some((partition, e.kind)),
                Fetched::End(..) => {}
            });
            if count == 0 {
                let woken = timeout(LONG, arrived.notified()).await;
                assert!(woken.is_ok(), "nothing is told");
            }
        }
        assert_eq!(told, Some((0, Trouble::OutOfRange)));
    });
}

#[test]
fn what_has_arrived_for_a_reader_that_is_gone_takes_up_no_room() {
    let mock = mock(&["t", "u"], 1_000);
    in_runtime(async {
        let Seats { seats, .. } = seats(&mock, &["t", "u"], &[]);
        let from = (0..PARTITIONS)
            .map(|partition| (partition, Position::default()))
            .collect();
        let reader = seats[0].reader("t", &from).await.expect("a reader");
        await_that(|| reader.is_pressed()).await;
        drop(reader);
        let window = &seats[0].cluster().shares.window;
        assert!(!window.is_full(), "nobody receives any more: {window:?}");
        let mut reader = seats[1].reader("u", &from).await.expect("a reader");
        let has_all = |taken: &Taken| taken.values().map(Vec::len).sum::<usize>() == 3_000;
        take(&mut reader, &mut Taken::new(), has_all).await;
    });
}

/// Waits until this is so.
pub(super) async fn await_that(is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + LONG;
    while !is_so() {
        assert!(Instant::now() < deadline, "it never comes to that");
        sleep(Duration::from_millis(5)).await;
    }
}

#[test]
fn a_reader_is_stopped_started_and_dropped_with_records_under_way() {
    // Few enough to wait untaken: a reader that holds too much keeps the others from receiving.
    let mock = mock(&["t", "u"], 100);
    in_runtime(async {
        let Seats { seats, .. } = seats(&mock, &["t", "u"], &[]);
        for round in 0..4 {
            let mut readers = Vec::new();
            for (topic, seat) in ["t", "u"].iter().zip(&seats) {
                let from = Positions::from([(0, Position::default()), (1, Position::default())]);
                readers.push(seat.reader(topic, &from).await.expect("a reader"));
            }
            let mut taken = Taken::new();
            take(&mut readers[0], &mut taken, |taken| {
                taken.values().any(|of| of.len() > 20)
            })
            .await;
            readers[0].stop(&[0]);
            let from = Positions::from([(0, Position::default()), (2, Position::default())]);
            readers[0].start(&from).expect("partitions to start");
            taken.clear();
            readers[0].stop(&[1]);
            let has_begun = |taken: &Taken| [0, 2].iter().all(|p| taken.contains_key(p));
            take(&mut readers[0], &mut taken, has_begun).await;
            assert!(!taken.contains_key(&1), "of a partition that was stopped");
            // Dropped full, empty and in either order.
            if round % 2 == 0 {
                readers.reverse();
            }
        }
    });
}

#[test]
fn what_comes_for_a_partition_that_was_stopped_is_not_kept() {
    let mock = mock(&["t", "u"], 1_000);
    // There is always a response on its way.
    mock.broker_round_trip_time(1, Duration::from_millis(100))
        .expect("a slow broker");
    let brokers = mock.bootstrap_servers();
    let properties = [
        ("bootstrap.servers", brokers.as_str()),
        ("fetch.message.max.bytes", "20000"),
    ];
    let client = Client::new(properties, Box::new(Quiet)).expect("a client");
    let queue = Queue::new(Arc::clone(&client), Arc::default());
    let [mut stopped, mut other] =
        ["t", "u"].map(|name| Topic::new(Arc::clone(&queue), name).expect("a topic"));
    let until = |topic: &Topic| {
        let of_topic = |run: Run| run.topic() == topic.key();
        while !queue.take_one(LONG).into_iter().any(of_topic) {}
    };
    stopped
        .start(&Positions::from([(0, Position::default())]))
        .expect("starts");
    until(&stopped);
    stopped.stop(0);
    other
        .start(&Positions::from([(0, Position::default())]))
        .expect("starts");
    // The broker answers one fetch after the other: what was on its way to the first one is there.
    until(&other);
    other.stop(0);
    while !queue.take().is_empty() {}
    assert_eq!(stopped.kept(0), 0);
    // Nor does it go to the old queue when it is read into another one.
    drop(stopped);
    let another = Queue::new(client, Arc::default());
    let mut again = Topic::new(Arc::clone(&another), "t").expect("a topic");
    again
        .start(&Positions::from([(0, Position::default())]))
        .expect("starts");
    assert!(!another.take_one(LONG).is_empty());
    assert!(queue.take().is_empty());
}

#[test]
fn questions_are_answered_and_so_are_those_about_nothing() {
    let mock = mock(&["t"], 10);
    in_runtime(async {
        let Seats { seats, .. } = seats(&mock, &["t"], &[]);
        let cluster = &seats[0];
        assert!(cluster.id().await.is_ok());
        let described = cluster.describe("t").await.expect("a topic");
        assert_eq!(described.partitions, PARTITIONS);
        let held = cluster.offsets("t", vec![0, 1, 2]).await.expect("offsets");
        let all = NextOffset::ZERO..NextOffset::new(10);
        assert!(held.into_values().eq(std::iter::repeat_n(all, 3)));
        assert!(cluster.offsets("t", vec![7]).await.is_err());
        assert!(cluster.describe("zero\0byte").await.is_err());
    });
}

#[test]
fn a_cluster_that_nobody_answers_for_is_trouble_and_no_more() {
    let mock = mock(&["t"], 10);
    in_runtime(async {
        let Seats { seats, .. } = seats(&mock, &["t"], &[]);
        drop(mock);
        let trouble = seats[0].describe("t").await.expect_err("no broker");
        assert_eq!(trouble.kind, Trouble::Unreachable, "{trouble}");
    });
}

#[test]
fn offsets_of_partitions_whose_leader_is_gone_are_an_error_and_not_numbers() {
    let mock = mock(&["t"], 10);
    in_runtime(async {
        let Seats { seats, .. } = seats(&mock, &["t"], &[]);
        // The client knows by now who leads the partitions.
        let held = seats[0].offsets("t", vec![0, 1, 2]).await;
        held.expect("offsets");
        drop(mock);
        let trouble = seats[0].offsets("t", vec![0, 1, 2]).await;
        assert_eq!(trouble.expect_err("no broker").kind, Trouble::Unreachable);
    });
}

#[tokio::test]
async fn a_question_that_ends_in_a_fault_is_answered_all_the_same() {
    let failed = blocking(|| panic!("on purpose")).await;
    assert_eq!(failed.map_err(|e| e.kind), Err::<(), _>(Trouble::Other));
}

#[tokio::test]
async fn topics_are_looked_at_as_often_as_librdkafka_would() {
    let mock = mock(&[], 0);
    let refresh = |properties: &[(&str, &str)]| seats(&mock, &["t"], properties).seats[0].refresh();
    let every = |ms: &str| refresh(&[("topic.metadata.refresh.interval.ms", ms)]);
    assert_eq!(refresh(&[]), REFRESH);
    assert_eq!(every("1234"), Duration::from_millis(1234));
    assert_eq!(every("1"), Duration::from_millis(1));
    assert_eq!(every("0"), REFRESH);
    assert_eq!(every("-1"), REFRESH);
}

#[tokio::test]
async fn all_brokers_are_counted_among_which_the_memory_is_shared() {
    let mock = MockCluster::new(3).expect("a mock cluster");
    let Seats { seats, .. } = seats(&mock, &["t"], &[]);
    let brokers = seats[0].cluster().brokers().await;
    assert_eq!(brokers.expect("answered"), 3);
}
