//! The harness's own: servers end, come back, and keep to their users' rights.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use super::{Janitor, Server};
use crate::dump::dump;
use crate::produce::{Producer, Record};
use crate::topic::Topic;
use crate::wait::{LONG, eventually};

const HOLDER: &str = "ARCHIVER_TEST_HOLDER";

/// Not a test by itself: what [`the_server_ends_with_a_killed_test_run`] kills.
#[test]
#[ignore = "another test's helper"]
fn holder() {
    if std::env::var_os(HOLDER).is_none() {
        return;
    }
    let server = Server::private();
    println!(
        "holds {} {}",
        server.pid().unwrap(),
        Janitor::get().root().display()
    );
    let _ = std::io::stdin().read_line(&mut String::new());
}

#[test]
fn the_server_ends_with_a_killed_test_run() {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([
            "--exact",
            "kafka::tests::holder",
            "--ignored",
            "--nocapture",
        ])
        .env(HOLDER, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut holder = Janitor::get().spawn(&mut command).unwrap();
    let said = BufReader::new(holder.stdout.take().unwrap())
        .lines()
        .map(|line| line.unwrap())
        .find_map(|line| Some(line.split_once("holds ")?.1.to_owned()))
        .expect("the holder starts a server");
    let (pid, root) = said.split_once(' ').unwrap();
    assert!(is_alive(pid) && Path::new(root).is_dir());
    holder.kill().unwrap();
    holder.wait().unwrap();
    Janitor::get().forget(&holder);
    eventually(LONG, "java is dead", || !is_alive(pid));
    eventually(LONG, "the run's directory is gone", || {
        !Path::new(root).exists()
    });
}

#[test]
fn a_server_keeps_its_records_over_a_restart_and_a_kill() {
    let server = Server::private();
    let topic = Topic::create(&server, "kept", 1, &[]);
    let producer = Producer::new(&server);
    producer.send(&topic, Record::value("one"));
    producer.flush();
    server.stop();
    server.restart();
    producer.send(&topic, Record::value("two"));
    producer.flush();
    server.kill();
    server.restart();
    let records = &dump(&server, &[&topic]).topic(&topic)[&0];
    let values: Vec<_> = records.iter().map(|r| r.value.clone().unwrap()).collect();
    assert_eq!(values, [b"one", b"two"]);
}

#[test]
fn a_secured_server_knows_its_users_and_their_rights() {
    use rdkafka::consumer::{BaseConsumer, Consumer};
    use std::time::Duration;

    let server = Server::secured();
    let topic = Topic::create(&server, "secret", 1, &[]);
    server.grant("alice", &topic.name, &["DESCRIBE"]);
    let sees = |user: &str, password: &str| {
        let client: BaseConsumer = server
            .client()
            .set("bootstrap.servers", server.sasl())
            .set("security.protocol", "SASL_PLAINTEXT")
            .set("sasl.mechanism", "SCRAM-SHA-512")
            .set("sasl.username", user)
            .set("sasl.password", password)
            .create()
            .unwrap();
        let metadata = client.fetch_metadata(Some(&topic.name), Duration::from_secs(5));
        metadata.map(|m| m.topics()[0].partitions().len())
    };
    eventually(LONG, "alice sees the topic", || {
        sees("alice", "alice-pw") == Ok(1)
    });
    assert_eq!(sees("bob", "bob-pw"), Ok(0));
    assert!(sees("alice", "wrong").is_err());
}

/// A process that nobody has waited for is dead all the same.
fn is_alive(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')')
        .next()
        .is_some_and(|rest| rest.contains(char::is_alphabetic))
        && !stat.contains(") Z")
}
