//! What is said of a cluster, and when.

use std::net::TcpListener;

use super::*;
use crate::source::kafka::tests::{LONG, mock};

fn client(health: &Arc<Health>, brokers: &str) -> Arc<Client> {
    let properties = [("bootstrap.servers", brokers)];
    Client::new(properties, Box::new(Arc::clone(health))).expect("a client")
}

fn unreachable(text: &str) -> KafkaError {
    KafkaError {
        kind: Trouble::Unreachable,
        text: text.into(),
    }
}

#[tokio::test]
async fn a_port_that_takes_connections_and_never_answers_is_trouble() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let silent = listener.local_addr().expect("an address").to_string();
    let health = Arc::new(Health::new("silent"));
    let client = client(&health, &silent);
    tokio::spawn(health.watch(&client));
    let deadline = Instant::now() + LONG;
    while health.known_trouble().is_none() {
        assert!(Instant::now() < deadline, "it is not said");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let explained = health.explain(unreachable("a question that was given up"));
    assert_eq!(explained.text, "no answer within 3 s");
}

#[tokio::test]
async fn a_doubt_is_settled_by_whether_anybody_answers() {
    let mock = mock(&[], 0);
    let health = Arc::new(Health::new("mock"));
    let client = client(&health, &mock.bootstrap_servers());
    tokio::spawn(health.watch(&client));
    let await_that = async |is_so: &dyn Fn() -> bool, what| {
        let deadline = Instant::now() + LONG;
        while !is_so() {
            assert!(Instant::now() < deadline, "{what}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    health.doubt();
    await_that(&|| !health.lock().is_in_doubt, "nobody looks").await;
    let one_late = |ms| {
        let late = mock.broker_round_trip_time(1, Duration::from_millis(ms));
        late.expect("a broker that is late");
    };
    one_late(5_000);
    health.doubt();
    await_that(&|| health.known_trouble().is_some(), "it is not said").await;
    one_late(0);
    await_that(&|| health.known_trouble().is_none(), "it is not over").await;
}

#[tokio::test]
async fn a_cluster_that_answers_is_in_no_trouble_any_more() {
    let mock = mock(&[], 0);
    let health = Arc::new(Health::new("mock"));
    let client = client(&health, &mock.bootstrap_servers());
    tokio::spawn(health.watch(&client));
    health.trouble(KafkaError {
        kind: Trouble::Denied,
        text: "not yet".into(),
    });
    assert!(health.is_hurt());
    let deadline = Instant::now() + LONG;
    while health.known_trouble().is_some() {
        assert!(Instant::now() < deadline, "it is not over");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(!health.is_hurt());
}

#[test]
fn what_is_wrong_with_a_topic_is_no_trouble_of_its_cluster() {
    let health = Arc::new(Health::new("topics"));
    for (kind, text) in [
        (
            Trouble::Missing,
            "gone [1]: topic does not exist (Broker: Unknown topic or partition)",
        ),
        (Trouble::Missing, "Broker: Unknown topic or partition"),
        (
            Trouble::Denied,
            "secret [12]: topic error (Broker: Topic authorization failed)",
        ),
        (Trouble::Unreachable, "slow [0]: Local: Timed out in queue"),
    ] {
        let text = text.into();
        health.trouble(KafkaError { kind, text });
        assert!(!health.is_hurt(), "{kind:?}");
    }
    assert!(health.condition().brokers.is_empty());
    health.trouble(KafkaError {
        kind: Trouble::Other,
        text: "ssl://[::1]:9092/1: broken".into(),
    });
    assert!(health.is_hurt());
}

#[test]
fn each_broker_is_known_once_however_it_is_called() {
    let health = Arc::new(Health::new("three"));
    health.knows(["host:9092/1".into(), "host:9092/2".into()]);
    health.trouble(unreachable("sasl_ssl://host:9092/1: refused"));
    health.throttled("host:9092/2", Duration::from_millis(70));
    let brokers = health.condition().brokers.into_iter();
    let brokers = brokers.map(|of| (of.name, of.is_up, of.throttled.as_millis()));
    let expected = [("host:9092/1", false, 0), ("host:9092/2", true, 70)];
    let expected = expected.map(|(name, up, ms)| (name.to_owned(), up, ms));
    assert_eq!(brokers.collect::<Vec<_>>(), expected);
}

#[test]
fn an_answer_that_makes_no_sense_is_complained_of() {
    let health = Arc::new(Health::new("garbled"));
    assert!(health.complaint().is_none());
    health.log(
        3,
        "[thrd:host:1/2]: host:1/2: Protocol parse failure for Fetch v16(flex) at 20/90 \
         (rd_kafka_fetch_reply_handle:800) (incorrect broker.version.fallback?)",
    );
    let complaint = health.complaint().expect("a complaint");
    assert!(complaint.is_corrupt());
    let expected = "host:1/2: the client can't make sense of the answer to Fetch v16(flex)";
    assert_eq!(complaint.text, expected);
    let other = Arc::new(Health::new("other"));
    other.log(
        3,
        "host:1/2: Protocol parse failure for Metadata v9 at 20/90 (f:1)",
    );
    assert!(other.complaint().is_none());
}

#[test]
fn another_cause_is_said_after_a_while_and_brokers_between_two_do_not_fill_the_log() {
    let health = Arc::new(Health::new("changing"));
    let causes = [
        "host:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused (after 0ms in state CONNECT)",
        "host:2/2: Connect to ipv6#[::1]:2 failed: Connection refused (after 7ms in state CONNECT, 1 identical)",
        "host:1/bootstrap: Disconnected",
    ];
    let said = || health.known_trouble().map(|e| e.text).expect("in trouble");
    health.trouble(unreachable(causes[0]));
    health.all_down();
    let begun = Instant::now();
    let after = |seconds| begun + Duration::from_secs(seconds);
    health.trouble(unreachable(causes[1]));
    health.say_what_has_changed(after(5));
    assert_eq!(said(), causes[0], "it is the same");
    health.trouble(unreachable(causes[2]));
    health.say_what_has_changed(after(1));
    assert_eq!(said(), causes[0], "it has just been said");
    health.say_what_has_changed(after(5));
    assert_eq!(said(), causes[2]);
    let (mut lines, mut before) = (0, said());
    for second in 6..3_600 {
        health.trouble(unreachable(causes[if second % 2 == 0 { 0 } else { 2 }]));
        health.say_what_has_changed(after(second));
        lines += u32::from(said() != before);
        before = said();
    }
    assert!((10..20).contains(&lines), "{lines} lines in an hour");
}

#[test]
fn a_broker_that_is_away_is_looked_after_without_the_cluster_s_being_in_trouble() {
    let health = Arc::new(Health::new("three"));
    assert!(!health.is_hurt());
    health.trouble(unreachable("host:9092/bootstrap: refused"));
    assert!(!health.is_hurt());
    health.trouble(unreachable("host:9092/1: refused"));
    assert!(health.is_hurt());
    assert!(health.known_trouble().is_none());
    health.all_down();
    let trouble = health.known_trouble().map(|e| e.text);
    assert_eq!(trouble.as_deref(), Some("host:9092/1: refused"));
}
