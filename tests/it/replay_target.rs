//! What is said of a topic before records are sent to it, and what the broker then does with them.

use ::archiver::replay::target::{Config, Manner, Records, Share, Verdict, batch_bytes, verdicts};
use ::archiver::source::cluster::{KafkaError, Topic as Described};
use ::archiver::source::kafka::{NewRecord, ProducerSettings};

use crate::producer::{Session, outcomes, ready, value};
use crate::scene::Scene;
use crate::topic::Topic;
use crate::wait::{LONG, eventually};

const KEEP: Manner = Manner {
    keeps_timestamps: true,
    keeps_partitions: true,
};
const HOUR: i64 = 3_600_000;

fn now() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.unwrap().as_millis() as i64
}

struct Tried<'a> {
    scene: Scene<'a>,
    topic: Topic<'a>,
    session: Session,
}

impl Tried<'_> {
    fn new(config: &[(&str, &str)]) -> Self {
        let scene = Scene::new();
        let topic = scene.planned("target");
        topic.make(2, config);
        let session = Session::new(&scene);
        Self {
            scene,
            topic,
            session,
        }
    }

    fn known(&self) -> (Result<Described, KafkaError>, Config) {
        let names = vec![self.topic.name.clone()];
        self.session.ask(async |scanner| {
            let mut described = scanner.describe_all(&names).await.expect("an answer");
            let mut configs = scanner.configs(names.clone()).await.expect("an answer");
            let config = configs.remove(&names[0]).expect("of this topic");
            (described.remove(0), config.expect("is told"))
        })
    }

    fn said(&self, records: &Records) -> Vec<Verdict> {
        let (described, config) = self.known();
        verdicts(
            &self.topic.name,
            &described,
            Some(&config),
            records,
            KEEP,
            now(),
        )
    }

    /// An error of all that says this, as the broker then does.
    fn refuses(&self, records: &Records, part: &str, sent: &[NewRecord<'_>], why: &str) {
        let said = self.said(records);
        let is_said = matches!(&said[..], [Verdict::Error(text)] if text.contains(part));
        assert!(is_said, "{said:?}");
        let settings = ProducerSettings::default();
        let (producer, target) = ready(&self.session, &settings, &self.topic);
        for outcome in outcomes(&producer, &target, sent) {
            let text = outcome.expect_err("the broker takes it");
            assert!(text.contains(why), "{text}");
        }
    }

    /// Has these sent, and all of them taken.
    fn takes(&self, sent: &[NewRecord<'_>]) {
        let settings = ProducerSettings::default();
        let (producer, target) = ready(&self.session, &settings, &self.topic);
        let told = outcomes(&producer, &target, sent);
        assert!(told.iter().all(Result::is_ok), "{told:?}");
    }
}

fn at(timestamp_ms: i64) -> NewRecord<'static> {
    NewRecord {
        timestamp_ms: Some(timestamp_ms),
        ..value(b"value")
    }
}

/// Records of this time alone.
fn of(ms: i64) -> Records {
    Records {
        oldest_ms: Some(ms),
        newest_ms: Some(ms),
        ..Records::default()
    }
}

#[test]
fn a_topic_as_brokers_make_it_is_warned_of_for_nothing() {
    let tried = Tried::new(&[]);
    assert_eq!(tried.said(&of(now())), []);
    let (_, config) = tried.known();
    assert!(batch_bytes(&config).is_some_and(|bytes| bytes >= 1_000_000));
    tried.takes(&[at(now())]);
}

#[test]
fn records_that_retention_has_no_room_for_are_deleted() {
    let tried = Tried::new(&[("retention.ms", "3600000")]);
    let old = now() - 2 * HOUR;
    let said = tried.said(&of(old));
    let is_said = matches!(&said[..], [Verdict::Error(text)] if text.contains("would delete"));
    assert!(is_said, "{said:?}");
    tried.takes(&[at(old)]);
    eventually(LONG, "the record is deleted", || {
        tried.topic.bounds(0) == (1, 1)
    });
}

#[test]
fn records_that_are_too_old_or_too_new_are_refused() {
    let before = Tried::new(&[("message.timestamp.before.max.ms", "3600000")]);
    let (old, new) = (now() - 2 * HOUR, now() + 2 * HOUR);
    let refused = "timestamp";
    before.refuses(&of(old), "before.max.ms=3600000", &[at(old)], refused);
    let after = Tried::new(&[("message.timestamp.after.max.ms", "3600000")]);
    after.refuses(&of(new), "after.max.ms=3600000", &[at(new)], refused);
}

#[test]
fn timestamps_are_replaced_where_the_broker_s_own_count() {
    let tried = Tried::new(&[("message.timestamp.type", "LogAppendTime")]);
    let old = now() - 2 * HOUR;
    let said = tried.said(&of(old));
    let is_said = matches!(&said[..], [Verdict::Warning(text)] if text.contains("replaces"));
    assert!(is_said, "{said:?}");
    tried.takes(&[at(old)]);
    let seen = tried.scene.records(&tried.topic);
    assert!(seen[&0][0].timestamp > old + HOUR);
}

#[test]
fn records_without_a_key_are_refused_by_a_compacted_topic() {
    let tried = Tried::new(&[("cleanup.policy", "compact")]);
    let records = Records {
        keyless: Share::All,
        ..Records::default()
    };
    tried.refuses(&records, "have no key", &[value(b"value")], "record");
}

#[test]
fn a_record_that_is_too_large_is_refused() {
    let tried = Tried::new(&[("max.message.bytes", "1000")]);
    let records = Records {
        largest_bytes: Some(2_000),
        ..Records::default()
    };
    let said = tried.said(&records);
    let is_said = matches!(&said[..], [Verdict::Warning(text)] if text.contains("2000 bytes"));
    assert!(is_said, "{said:?}");
    let large = vec![b'x'; 2_000];
    let (_, config) = tried.known();
    let settings = ProducerSettings {
        batch_bytes: batch_bytes(&config).expect("is told"),
        ..ProducerSettings::default()
    };
    assert_eq!(settings.batch_bytes, 1_000);
    let (producer, target) = ready(&tried.session, &settings, &tried.topic);
    let told = outcomes(&producer, &target, &[value(&large)]);
    assert!(told[0].is_err());
    // Compressed it isn't.
    let settings = ProducerSettings {
        compression: Some("zstd".into()),
        ..settings
    };
    let (producer, target) = ready(&tried.session, &settings, &tried.topic);
    assert_eq!(outcomes(&producer, &target, &[value(&large)]), [Ok(())]);
}

#[test]
fn a_partition_that_is_not_there_has_no_room_for_records() {
    let tried = Tried::new(&[]);
    let records = Records {
        partitions: Some(5),
        ..Records::default()
    };
    let said = tried.said(&records);
    let is_said = matches!(&said[..], [Verdict::Error(text)] if text.contains("has 2 partitions"));
    assert!(is_said, "{said:?}");
    let settings = ProducerSettings::default();
    let (producer, target) = ready(&tried.session, &settings, &tried.topic);
    let nowhere = NewRecord {
        partition: Some(4),
        ..value(b"value")
    };
    assert!(producer.send(&target, &nowhere, 1).is_err());
}

#[test]
fn a_topic_that_is_not_there_is_said_to_be_missing() {
    let scene = Scene::new();
    let session = Session::new(&scene);
    let names = ["no-such-target".to_owned()];
    let described = session.ask(async |scanner| scanner.describe_all(&names).await);
    let described = described.expect("an answer").remove(0);
    let said = verdicts(
        &names[0],
        &described,
        None,
        &Records::default(),
        KEEP,
        now(),
    );
    let is_said = matches!(&said[..], [Verdict::Error(text)] if text.contains("--create-topics"));
    assert!(is_said, "{said:?}");
}
