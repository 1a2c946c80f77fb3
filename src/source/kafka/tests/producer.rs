//! What is sent, and what is said of it.

use std::time::Duration;

use rdkafka::mocking::MockCluster;
use rdkafka_sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;

use super::*;
use crate::source::kafka::{
    GroupOffset, NewRecord, NewTopic, NotSent, Producer, ProducerSettings, Remedy, Scanner, Target,
    TransactionSettings,
};

fn cluster(bootstrap: String) -> config::Checked<config::Cluster> {
    config::Checked::for_tests(config::Cluster {
        name: "mock".into(),
        bootstrap,
        commit_group: None,
        connections: None,
        named_files: BTreeMap::new(),
        properties: BTreeMap::new(),
    })
}

async fn producer(bootstrap: String, settings: &ProducerSettings) -> Producer {
    let producer = Producer::new(&cluster(bootstrap), settings).await;
    producer.expect("a producer")
}

/// A mock cluster with a topic called t.
fn with_topic() -> Mock {
    mock(&["t"], 0)
}

/// What was reported: tags with what went wrong.
type Reports = Vec<(u64, Option<String>)>;

/// All reports of what was sent.
fn reports(producer: &Producer) -> Reports {
    assert_eq!(producer.flush(LONG), 0, "not all was reported on");
    let mut reports = Reports::new();
    producer
        .delivered(&mut |tag, outcome| reports.push((tag, outcome.err().map(|e| e.error.text))));
    reports
}

fn to(partition: Partition, value: &[u8]) -> NewRecord<'_> {
    NewRecord {
        partition: Some(partition),
        value: Some(value),
        ..NewRecord::default()
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Odd {
    timestamp_ms: Option<i64>,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

/// Whatever may be null, empty, doubled, large or no text.
fn odd() -> Vec<Odd> {
    let bytes = |text: &[u8]| Some(text.to_vec());
    let headers = [
        (b"same".to_vec(), bytes(b"one")),
        (b"same".to_vec(), bytes(b"two")),
        (b"same".to_vec(), bytes(b"one")),
        (b"null".to_vec(), None),
        (b"empty".to_vec(), bytes(b"")),
        (b"".to_vec(), bytes(b"a name without a letter")),
        (b"\xff\xfe".to_vec(), bytes(b"\0\xff\0")),
    ];
    let mut odd = vec![Odd {
        headers: headers.to_vec(),
        ..Odd::default()
    }];
    for key in [None, bytes(b""), bytes(b"k\0\xff")] {
        for value in [None, bytes(b""), bytes(b"v\0\xff")] {
            let key = key.clone();
            odd.push(Odd {
                key,
                value,
                ..Odd::default()
            });
        }
    }
    odd.push(Odd {
        value: Some(vec![b'x'; 900_000]),
        ..Odd::default()
    });
    let times = [1, 1_700_000_000_123, 4_102_444_799_999];
    for (number, odd) in odd.iter_mut().enumerate() {
        odd.timestamp_ms = Some(times[number % times.len()]);
    }
    odd
}

/// The first records of a partition.
fn records(mock: &Mock, partition: Partition, count: usize) -> Vec<Odd> {
    let brokers = mock.bootstrap_servers();
    let properties = [("bootstrap.servers", brokers.as_str())];
    let client = Client::new(properties, Box::new(Quiet)).expect("a client");
    let queue = Queue::new(client, Arc::default());
    let mut topic = Topic::new(Arc::clone(&queue), "t").expect("a topic");
    let start = Positions::from([(partition, Position::default())]);
    topic.start(&start).expect("starts");
    let mut read = Vec::new();
    while read.len() < count {
        let mut runs = queue.take_one(LONG);
        let run = runs.first_mut().expect("more");
        run.take(&mut |fetched| {
            if let Fetched::Record(record) = fetched {
                let mut headers = Vec::new();
                let visited = record.headers.map(|of| {
                    of.visit(&mut |name, value| {
                        headers.push((name.to_vec(), value.map(<[u8]>::to_vec)));
                    })
                });
                assert!(visited.is_none_or(|of| of.is_ok()));
                read.push(Odd {
                    timestamp_ms: record.timestamp.map(|of| of.ms),
                    key: record.key.map(<[u8]>::to_vec),
                    value: record.value.map(<[u8]>::to_vec),
                    headers,
                });
            }
        });
    }
    read
}

#[test]
fn odd_records_arrive_as_they_are_where_they_belong() {
    let mock = with_topic();
    in_runtime(async {
        let producer = producer(mock.bootstrap_servers(), &ProducerSettings::default()).await;
        let target = producer.target("t").expect("a topic");
        producer.ready(&[&target], LONG).expect("ready");
        for (tag, odd) in odd().iter().enumerate() {
            let record = NewRecord {
                partition: Some(2),
                timestamp_ms: odd.timestamp_ms,
                key: odd.key.as_deref(),
                value: odd.value.as_deref(),
                headers: &odd.headers,
            };
            producer
                .send(&target, &record, tag as u64)
                .expect("is taken");
        }
        let count = odd().len();
        let all = (0..count as u64).map(|tag| (tag, None));
        assert_eq!(reports(&producer), all.collect::<Vec<_>>());
        assert_eq!(producer.outstanding(), 0);
        assert_eq!(records(&mock, 2, count), odd());
    });
}

#[test]
fn a_producer_that_is_full_says_so_and_takes_more_when_something_has_arrived() {
    let mock = with_topic();
    let settings = ProducerSettings {
        queue_records: 2,
        ..ProducerSettings::default()
    };
    in_runtime(async {
        let producer = producer(mock.bootstrap_servers(), &settings).await;
        let target = producer.target("t").expect("a topic");
        let (mut taken, mut full, mut reported) = (0, 0, 0);
        let deadline = Instant::now() + LONG;
        while taken < 100 {
            match producer.send(&target, &to(0, b"value"), taken) {
                Ok(()) => taken += 1,
                Err(NotSent::Full) => {
                    full += 1;
                    producer.wait(LONG);
                    reported += producer.delivered(&mut |_, outcome| outcome.expect("arrives"));
                }
                Err(NotSent::Refused(_, e)) => panic!("{e}"),
            }
            assert!(Instant::now() < deadline, "{taken} taken");
        }
        assert!(full > 0);
        assert_eq!(reported + reports(&producer).len(), 100);
    });
}

fn why(not_sent: Result<(), NotSent>) -> String {
    match not_sent {
        Err(NotSent::Refused(_, e)) => e.text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_can_never_be_sent_is_refused_at_once() {
    let mock = with_topic();
    in_runtime(async {
        let bootstrap = mock.bootstrap_servers();
        let settings = ProducerSettings {
            properties: [("message.max.bytes".to_owned(), "2000".to_owned())].into(),
            batch_bytes: 2_000,
            ..ProducerSettings::default()
        };
        let producer = producer(bootstrap.clone(), &settings).await;
        let target = producer.target("t").expect("a topic");
        producer.ready(&[&target], LONG).expect("ready");
        let large = vec![b'x'; 3_000];
        let headers = [(b"name".to_vec(), None)];
        let nowhere = NewRecord {
            headers: &headers,
            ..to(PARTITIONS, b"value")
        };
        let at_zero = NewRecord {
            timestamp_ms: Some(0),
            ..to(0, b"value")
        };
        let refused = [
            (to(0, &large), "Message size too large"),
            (nowhere, "Unknown partition"),
            (at_zero, "a timestamp of 0"),
        ];
        for (record, expected) in refused {
            let why = why(producer.send(&target, &record, 1));
            assert!(why.contains(expected), "{why}");
        }
        let another = self::producer(bootstrap, &settings).await;
        let why = why(another.send(&target, &to(0, b"value"), 1));
        assert_eq!(why, "the topic is another producer's");
        assert_eq!(reports(&producer), []);
    });
}

#[test]
fn what_a_broker_refuses_is_reported_with_its_tag() {
    let mock = with_topic();
    in_runtime(async {
        let producer = producer(mock.bootstrap_servers(), &ProducerSettings::default()).await;
        let target = producer.target("t").expect("a topic");
        producer.ready(&[&target], LONG).expect("ready");
        mock.request_errors(
            rdkafka::types::RDKafkaApiKey::Produce,
            &[RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE],
        );
        producer.send(&target, &to(1, b"value"), 7).expect("taken");
        let refused = reports(&producer);
        assert_eq!(refused.len(), 1);
        let (tag, why) = &refused[0];
        assert_eq!(*tag, 7);
        let why = why.as_deref().unwrap_or_default();
        assert!(why.contains("too large"), "{why}");
        producer.send(&target, &to(1, b"value"), 8).expect("taken");
        assert_eq!(reports(&producer), [(8, None)]);
    });
}

#[test]
fn a_producer_that_nobody_answers_gives_up_when_it_is_told_or_dropped() {
    let mock = with_topic();
    in_runtime(async {
        let bootstrap = mock.bootstrap_servers();
        drop(mock);
        let producer = producer(bootstrap, &ProducerSettings::default()).await;
        let target = producer.target("t").expect("a topic");
        let unready = producer.ready(&[&target], Duration::from_millis(200));
        assert_eq!(unready.map_err(|e| e.kind), Err(Trouble::Unreachable));
        for tag in 0..3 {
            producer.send(&target, &to(0, b"v"), tag).expect("taken");
        }
        assert_eq!(producer.flush(Duration::from_millis(50)), 3);
        producer.purge();
        let purged = reports(&producer);
        let tags = purged.iter().map(|(tag, _)| *tag);
        assert!(tags.eq(0..3));
        assert!(purged.iter().all(|(_, why)| why.is_some()));
        producer.send(&target, &to(0, b"v"), 3).expect("taken");
        // The topic goes last: the client lives as long.
        drop(producer);
        drop(target);
    });
}

#[test]
fn a_topic_that_is_not_there_is_never_ready_and_never_made() {
    let mock = MockCluster::new(1).expect("a mock cluster");
    in_runtime(async {
        let producer = producer(mock.bootstrap_servers(), &ProducerSettings::default()).await;
        assert!(producer.target("zero\0byte").is_err());
        let target = producer.target("missing").expect("a topic");
        let unready = producer.ready(&[&target], Duration::from_secs(2));
        let e = unready.expect_err("there is none");
        assert_eq!(e.kind, Trouble::Missing, "{e}");
        assert!(e.text.starts_with("topic missing: "), "{e}");
    });
}

fn transactional(id: &str) -> ProducerSettings {
    ProducerSettings {
        transactions: Some(TransactionSettings {
            id: id.into(),
            expires: Duration::from_secs(60),
        }),
        ..ProducerSettings::default()
    }
}

fn transaction(producer: &Producer, target: &Target, tag: u64) {
    producer.begin().expect("begins");
    producer
        .send(target, &to(0, b"value"), tag)
        .expect("is taken");
}

#[test]
fn transactions_are_committed_with_offsets_and_aborted() {
    let mock = with_topic();
    in_runtime(async {
        let producer = producer(mock.bootstrap_servers(), &transactional("id")).await;
        let target = producer.target("t").expect("a topic");
        producer.init_transactions(LONG).expect("is alone");
        transaction(&producer, &target, 1);
        let place = GroupOffset {
            topic: "t".into(),
            partition: 0,
            offset: NextOffset::new(5),
            metadata: "here".into(),
        };
        producer
            .send_offsets("group", &[place], LONG)
            .expect("are taken");
        producer.commit(LONG).expect("commits");
        assert_eq!(reports(&producer), [(1, None)]);
        transaction(&producer, &target, 2);
        producer.abort(LONG).expect("aborts");
        assert_eq!(reports(&producer).len(), 1);
        // Out of order, and of another kind.
        let e = producer.commit(LONG).expect_err("none is open");
        assert_eq!(e.remedy, Remedy::None, "{e}");
        let told = producer.committed("group", &[("t".into(), 0)], LONG);
        assert!(told.is_ok(), "{told:?}");
    });
}

#[test]
fn a_producer_without_transactions_says_that_it_has_none() {
    let mock = with_topic();
    in_runtime(async {
        let producer = producer(mock.bootstrap_servers(), &ProducerSettings::default()).await;
        let e = producer.init_transactions(LONG).expect_err("has none");
        assert_eq!(e.remedy, Remedy::None, "{e}");
        assert!(producer.fatal().is_none());
        let unfit = ProducerSettings {
            properties: [("linger.ms".to_owned(), "soon".to_owned())].into(),
            ..ProducerSettings::default()
        };
        let made = Producer::new(&cluster(mock.bootstrap_servers()), &unfit).await;
        let e = made.err().expect("no producer");
        let expected =
            "making a producer for mock: the kafka property linger.ms has an unusable value";
        assert_eq!(e.text, expected);
    });
}

#[test]
fn a_topic_that_cannot_be_made_is_an_error() {
    let mock = with_topic();
    in_runtime(async {
        let scanner = Scanner::new(&cluster(mock.bootstrap_servers()), 64 << 20);
        let wrong = NewTopic {
            name: "wrong".into(),
            partitions: Some(-5),
            ..NewTopic::default()
        };
        let e = scanner.create_topic(wrong).await.expect_err("no topic");
        assert!(e.text.contains("num_partitions"), "{e}");
    });
}
