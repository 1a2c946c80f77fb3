//! Archiver's own producer against a real Kafka: what it sends arrives as it is, and what doesn't is told.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use ::archiver::config::{Checked, Cluster, load};
use ::archiver::source::cluster::{KafkaError, Trouble};
use ::archiver::source::kafka::{
    Created, GroupOffset, NewRecord, NewTopic, NotSent, Producer, ProducerSettings, Remedy,
    Scanner, Target, TransactionSettings,
};
use archiver_format::record::NextOffset;
use tokio::runtime::Runtime;

use crate::config::Config;
use crate::scene::Scene;
use crate::topic::Topic;
use crate::wait::LONG;

/// What sends and asks, as a command has it.
pub struct Session {
    runtime: Runtime,
    cluster: Checked<Cluster>,
}

impl Session {
    pub fn new(scene: &Scene) -> Self {
        let topic = Topic::planned(scene.server, "any");
        let config = Config::new().archive(&topic, "any.ndjson", &[]);
        let path = scene.path("session.toml");
        fs::write(&path, config.text()).unwrap();
        let config = load(&path).expect("a configuration");
        Self {
            runtime: Runtime::new().unwrap(),
            cluster: config.archives[0].cluster.clone(),
        }
    }

    pub fn producer(&self, settings: &ProducerSettings) -> Producer {
        let made = self
            .runtime
            .block_on(Producer::new(&self.cluster, settings));
        made.expect("a producer")
    }

    /// What is asked with this.
    pub fn ask<T>(&self, ask: impl AsyncFnOnce(&Scanner) -> T) -> T {
        self.runtime.block_on(async {
            let scanner = Scanner::new(&self.cluster, 64 << 20).patient(LONG);
            ask(&scanner).await
        })
    }
}

/// Sends records, all of which are taken, and gives the outcome of each, by its number.
pub fn outcomes(
    producer: &Producer,
    target: &Target,
    records: &[NewRecord<'_>],
) -> Vec<Result<(), String>> {
    for (tag, record) in records.iter().enumerate() {
        let sent = producer.send(target, record, tag as u64);
        sent.unwrap_or_else(|e| panic!("record {tag}: {e:?}"));
    }
    assert_eq!(producer.flush(LONG), 0);
    let mut outcomes = BTreeMap::new();
    producer.delivered(&mut |tag, outcome| {
        let before = outcomes.insert(tag, outcome.map_err(|e| e.error.text));
        assert!(before.is_none(), "tag {tag} is reported twice");
    });
    assert!(outcomes.keys().copied().eq(0..records.len() as u64));
    outcomes.into_values().collect()
}

/// A producer that is ready to send to a topic.
pub fn ready(session: &Session, settings: &ProducerSettings, topic: &Topic) -> (Producer, Target) {
    let producer = session.producer(settings);
    let target = producer.target(&topic.name).expect("a topic");
    producer.ready(&[&target], LONG).expect("ready");
    (producer, target)
}

pub fn value(value: &[u8]) -> NewRecord<'_> {
    NewRecord {
        partition: Some(0),
        value: Some(value),
        ..NewRecord::default()
    }
}

type Headers = Vec<(Vec<u8>, Option<Vec<u8>>)>;

#[test]
fn odd_records_arrive_as_they_are() {
    let scene = Scene::new();
    let topic = scene.topic("odd", 3);
    let session = Session::new(&scene);
    let (producer, target) = ready(&session, &ProducerSettings::default(), &topic);
    let headers: Headers = vec![
        (b"same".to_vec(), Some(b"one".to_vec())),
        (b"same".to_vec(), Some(b"two".to_vec())),
        (b"same".to_vec(), Some(b"one".to_vec())),
        (b"null".to_vec(), None),
        (b"".to_vec(), Some(b"".to_vec())),
        (b"zero\0byte".to_vec(), Some(b"\0\xff\0".to_vec())),
    ];
    let large = vec![b'x'; 900_000];
    let mut records = Vec::new();
    for key in [None, Some(&b""[..]), Some(&b"k\0\xff"[..])] {
        for value in [None, Some(&b""[..]), Some(&b"v\0\xff"[..]), Some(&large)] {
            for headers in [&[][..], &headers] {
                let times = [1, 1_700_000_000_123, 4_102_444_799_999];
                let number = records.len();
                records.push(NewRecord {
                    partition: Some(1),
                    timestamp_ms: Some(times[number % 3]),
                    key,
                    value,
                    headers,
                });
            }
        }
    }
    topic.configure(&[("message.timestamp.after.max.ms", "9223372036854775807")]);
    assert!(
        outcomes(&producer, &target, &records)
            .iter()
            .all(Result::is_ok)
    );
    let seen = scene.records(&topic);
    assert!(seen.keys().eq(&[1]), "of the partition that was chosen");
    for (seen, record) in seen[&1].iter().zip(&records) {
        assert_eq!(Some(seen.timestamp), record.timestamp_ms);
        assert_eq!(seen.key.as_deref(), record.key);
        assert!(seen.value.as_deref() == record.value, "{:?}", record.key);
        assert_eq!(seen.headers, record.headers);
    }
    assert_eq!(seen[&1].len(), records.len());
}

#[test]
fn a_record_without_a_partition_goes_where_java_s_client_puts_its_key() {
    let scene = Scene::new();
    let topic = scene.topic("keys", 7);
    let session = Session::new(&scene);
    let (producer, target) = ready(&session, &ProducerSettings::default(), &topic);
    let keyed = |key| NewRecord {
        key: Some(key),
        value: Some(key),
        ..NewRecord::default()
    };
    // As Kafka's own tests of murmur2 have them: the hash of 21 is -973932308, that of abc 479470107.
    let records = [keyed(&b"21"[..]), keyed(b"abc")];
    assert_eq!(outcomes(&producer, &target, &records), [Ok(()), Ok(())]);
    let seen = scene.records(&topic);
    let place = |hash: i32| (hash & 0x7fff_ffff) % 7;
    for (hash, key) in [
        (-973_932_308, b"21".to_vec()),
        (479_470_107, b"abc".to_vec()),
    ] {
        let there = &seen[&place(hash)];
        assert!(there.iter().any(|seen| seen.key.as_ref() == Some(&key)));
    }
}

#[test]
fn what_the_broker_refuses_is_told_by_its_tag_and_the_rest_arrives() {
    let scene = Scene::new();
    let topic = scene.planned("small");
    topic.make(1, &[("max.message.bytes", "1000")]);
    let session = Session::new(&scene);
    let settings = ProducerSettings {
        batch_bytes: 1000,
        ..ProducerSettings::default()
    };
    let (producer, target) = ready(&session, &settings, &topic);
    let (small, large) = (vec![b's'; 300], vec![b'l'; 1500]);
    let records = [value(&small), value(&large), value(&small), value(&small)];
    let told = outcomes(&producer, &target, &records);
    let refused = told.iter().map(Result::is_err).collect::<Vec<_>>();
    assert_eq!(refused, [false, true, false, false], "{told:?}");
    let why = told[1].as_ref().unwrap_err();
    assert!(why.contains("too large"), "{why}");
    assert!(producer.fatal().is_none());
    assert_eq!(scene.records(&topic)[&0].len(), 3);
}

#[test]
fn a_topic_that_is_deleted_is_told_and_not_made_again() {
    let scene = Scene::new();
    let topic = scene.topic("gone", 1);
    let session = Session::new(&scene);
    let settings = ProducerSettings {
        properties: [("message.timeout.ms".to_owned(), "4000".to_owned())].into(),
        ..ProducerSettings::default()
    };
    let (producer, target) = ready(&session, &settings, &topic);
    topic.delete();
    let told = match producer.send(&target, &value(b"value"), 7) {
        Ok(()) => {
            assert_eq!(producer.flush(LONG), 0);
            let mut told = Vec::new();
            producer.delivered(&mut |tag, outcome| told.push((tag, outcome.map_err(|e| e.error))));
            assert_eq!(told.len(), 1);
            assert_eq!(told[0].0, 7);
            told.remove(0).1
        }
        Err(NotSent::Refused(_, e)) => Err(e),
        Err(NotSent::Full) => panic!("it can't be full"),
    };
    let e: KafkaError = told.expect_err("it can't have arrived");
    assert!(
        matches!(e.kind, Trouble::Missing | Trouble::Unreachable),
        "{e:?}"
    );
    let described = session.ask(async |scanner| scanner.describe(&topic.name).await);
    assert_eq!(described.err().map(|e| e.kind), Some(Trouble::Missing));
}

#[test]
fn topics_are_made_once_with_what_they_are_to_have() {
    let scene = Scene::new();
    let topic = scene.planned("made");
    let session = Session::new(&scene);
    let new = NewTopic {
        name: topic.name.clone(),
        partitions: Some(3),
        replication: None,
        config: [("retention.ms".to_owned(), "-1".to_owned())].into(),
    };
    let create = |new: NewTopic| session.ask(async |scanner| scanner.create_topic(new).await);
    assert_eq!(create(new.clone()).expect("is made"), Created::New);
    assert_eq!(create(new.clone()).expect("is there"), Created::Existed);
    let described = session.ask(async |scanner| scanner.describe(&topic.name).await);
    assert_eq!(described.expect("is there").partitions, 3);
    let names = vec![topic.name.clone()];
    let configs = session.ask(async |scanner| scanner.configs(names).await);
    let mut configs = configs.expect("are told");
    let config = configs.remove(&topic.name).expect("is told");
    assert_eq!(config.expect("is told")["retention.ms"], "-1");
    let wrong = NewTopic {
        config: [("no.such.key".to_owned(), "1".to_owned())].into(),
        name: format!("{}-wrong", topic.name),
        ..new
    };
    let e = create(wrong).expect_err("there is no such key");
    assert!(e.text.contains("no.such.key"), "{e}");
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

#[test]
fn a_transaction_arrives_with_its_offsets_or_not_at_all() {
    let scene = Scene::new();
    let topic = scene.topic("whole", 1);
    let session = Session::new(&scene);
    let id = format!("id-{}", topic.name);
    let (producer, target) = ready(&session, &transactional(&id), &topic);
    producer.init_transactions(LONG).expect("is alone");
    let partition = (topic.name.clone(), 0);
    let committed = |producer: &Producer| {
        let told = producer.committed(&id, std::slice::from_ref(&partition), LONG);
        told.expect("is told")
    };
    assert_eq!(committed(&producer), [], "nothing yet");
    let place = |offset, metadata: &str| GroupOffset {
        topic: topic.name.clone(),
        partition: 0,
        offset: NextOffset::new(offset),
        metadata: metadata.into(),
    };
    let transact = |producer: &Producer, target: &Target, sent: &[u8], place: &GroupOffset| {
        producer.begin().expect("begins");
        producer.send(target, &value(sent), 1).expect("is taken");
        let places = std::slice::from_ref(place);
        producer.send_offsets(&id, places, LONG).expect("are taken");
    };
    let first = place(1, "{\"file\": \"\u{e4}\", \"row\": 17}");
    transact(&producer, &target, b"first", &first);
    producer.commit(LONG).expect("commits");
    assert_eq!(committed(&producer), std::slice::from_ref(&first));
    transact(&producer, &target, b"taken back", &place(2, "lost"));
    producer.abort(LONG).expect("aborts");
    assert_eq!(committed(&producer), std::slice::from_ref(&first));
    // One that was killed, as far as the broker can see: its transaction is open, its record delivered.
    transact(&producer, &target, b"left open", &place(3, "lost"));
    assert_eq!(producer.flush(LONG), 0);
    let (another, again) = ready(&session, &transactional(&id), &topic);
    another.init_transactions(LONG).expect("takes its place");
    assert_eq!(committed(&another), std::slice::from_ref(&first));
    let second = place(2, "");
    transact(&another, &again, b"second", &second);
    another.commit(LONG).expect("commits");
    assert_eq!(committed(&another), [second]);
    topic.await_committed();
    let seen = scene.records(&topic);
    let values = seen[&0].iter().map(|seen| seen.value.clone().unwrap());
    assert!(values.eq([b"first".to_vec(), b"second".to_vec()]));
    // The first one may not go on.
    let e = producer.commit(LONG).expect_err("has lost its place");
    assert_eq!(e.remedy, Remedy::Restart, "{e}");
    assert!(producer.fatal().is_some());
}

#[test]
fn the_first_record_of_a_ready_producer_goes_at_once() {
    let scene = Scene::new();
    let topic = scene.topic("at-once", 6);
    let session = Session::new(&scene);
    let (producer, target) = ready(&session, &ProducerSettings::default(), &topic);
    let began = Instant::now();
    producer.send(&target, &value(b"value"), 1).expect("taken");
    let mut delivered = false;
    while !delivered {
        assert!(began.elapsed() < LONG, "it doesn't arrive");
        producer.wait(Duration::from_millis(100));
        producer.delivered(&mut |_, outcome| delivered = outcome.is_ok());
    }
    // The client asks for another connection's state, or a leader, every half second or second.
    assert!(
        began.elapsed() < Duration::from_millis(400),
        "{:?}",
        began.elapsed()
    );
}
