//! Whole archives under a supervisor, begun and ended with their clients.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use tokio::time::{Instant, sleep};

use super::{LONG, Mock, PARTITIONS, await_that, in_runtime, mock};
use crate::archive::End;
use crate::config::{self, Checked, Config};
use crate::supervisor::{Ended, Supervisor};
use crate::world::broadcast::Broadcast;
use crate::world::shutdown;

/// A configuration of archives of these topics, each in the file that is named after the archive.
fn configured(mock: &Mock, directory: &Path, archives: &[(&str, &str)]) -> Checked<Config> {
    let mut text = format!(
        "[defaults]\nstart = \"earliest\"\ncheckpoint = \"200ms\"\n[clusters.mock]\nbroker = \"{}\"\n",
        mock.bootstrap_servers()
    );
    for (name, topic) in archives {
        text += &format!(
            "[[archive]]\nbroker = \"mock\"\ntopic = \"{topic}\"\nname = \"{name}\"\nfile = \"{}\"\n",
            file(directory, name).display()
        );
    }
    let path = directory.join("topics.toml");
    fs::write(&path, text).expect("a configuration");
    config::load(&path).expect("a valid configuration")
}

fn file(directory: &Path, archive: &str) -> PathBuf {
    directory.join(format!("{archive}.ndjson"))
}

fn lines(directory: &Path, archive: &str) -> Vec<String> {
    let text = fs::read_to_string(file(directory, archive)).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

async fn await_lines(directory: &Path, archive: &str, count: usize) {
    await_that(|| lines(directory, archive).len() >= count).await;
}

/// Produces so many more records of each of these topics, each with a number of its own, at a pace.
async fn produce(mock: &Mock, topics: &[&str], numbers: std::ops::Range<usize>) {
    let producer: ThreadedProducer<DefaultProducerContext> = ClientConfig::new()
        .set("bootstrap.servers", mock.bootstrap_servers())
        .set("linger.ms", "1")
        .create()
        .expect("a producer");
    for number in numbers {
        for topic in topics {
            let value = number.to_string();
            let record = BaseRecord::<str, str>::to(topic)
                .partition(number as i32 % PARTITIONS)
                .payload(&value);
            assert!(producer.send(record).is_ok(), "the queue is full");
        }
        if number % 20 == 0 {
            sleep(Duration::from_millis(2)).await;
        }
    }
    producer.flush(LONG).expect("all produced");
}

fn assert_once(directory: &Path, archive: &str, count: usize) {
    let mut numbers = lines(directory, archive)
        .iter()
        .map(|line| line.parse::<usize>().expect("a number"))
        .collect::<Vec<_>>();
    numbers.sort_unstable();
    assert!(
        numbers.iter().copied().eq(0..count),
        "archive {archive}: {} records, not each of {count} once",
        numbers.len()
    );
}

#[test]
fn archives_are_begun_and_ended_with_all_their_clients() {
    let mock = mock(&["t", "u"], 200);
    let directory = tempfile::tempdir().expect("a directory");
    let config = configured(&mock, directory.path(), &[("t", "t"), ("u", "u")]);
    // Twice: what the first run left is taken up by the second.
    for _ in 0..2 {
        in_runtime(async {
            let (stopper, stop) = shutdown::channel();
            let supervisor =
                Supervisor::begin(&config, &stop, Broadcast::default()).expect("nothing runs yet");
            let running = tokio::spawn(supervisor.run());
            for archive in ["t", "u"] {
                await_lines(directory.path(), archive, 600).await;
            }
            stopper.stop();
            assert_eq!(running.await.expect("no panic"), Ended::Clean);
        });
    }
}

#[test]
fn an_archive_is_stopped_and_started_again_and_others_are_added_while_records_flow() {
    const RECORDS: usize = 3_000;
    let mock = mock(&["t", "u", "v"], 0);
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path();
    // Two of them are of one topic, which one client can't read twice.
    let all = configured(
        &mock,
        path,
        &[("t", "t"), ("u", "u"), ("v", "v"), ("v2", "v")],
    );
    let first = configured(&mock, path, &[("t", "t"), ("u", "u")]);
    in_runtime(async {
        let (stopper, stop) = shutdown::channel();
        let supervisor =
            Supervisor::begin(&first, &stop, Broadcast::default()).expect("nothing runs yet");
        let running = tokio::spawn(supervisor.clone().run());
        let topics = ["t", "u", "v"];
        let producing = produce(&mock, &topics, 0..RECORDS);
        let changing = async {
            await_lines(path, "t", RECORDS / 10).await;
            for _ in 0..3 {
                let ending = supervisor.stop("t").expect("it runs");
                assert_eq!(ending.wait().await, End::Clean);
                let before = lines(path, "u").len();
                await_that(|| lines(path, "u").len() > before || before == RECORDS).await;
                supervisor.start(all.archives[0].clone()).expect("free");
            }
            for archive in &all.archives[2..] {
                supervisor.start(archive.clone()).expect("free");
                await_lines(path, &archive.name, 1).await;
            }
        };
        tokio::join!(producing, changing);
        for archive in ["t", "u", "v", "v2"] {
            await_lines(path, archive, RECORDS).await;
        }
        stopper.stop();
        assert_eq!(running.await.expect("no panic"), Ended::Clean);
    });
    for archive in ["t", "u", "v", "v2"] {
        assert_once(path, archive, RECORDS);
    }
}

/// How many connections there are to the mock.
fn connections(mock: &Mock) -> usize {
    let servers = mock.bootstrap_servers();
    let (_, port) = servers.rsplit_once(':').expect("a port");
    let port = format!(":{:04X}", port.parse::<u16>().expect("a port"));
    let table = fs::read_to_string("/proc/self/net/tcp").expect("a table");
    let of_mock = table.lines().filter(|line| {
        let mut words = line.split_whitespace().skip(2);
        let (remote, state) = (words.next(), words.next());
        remote.is_some_and(|remote| remote.ends_with(&port)) && state == Some("01")
    });
    of_mock.count()
}

#[test]
fn a_clusters_clients_and_connections_end_with_its_last_archive() {
    let mock = mock(&["t", "u"], 100);
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path();
    let config = configured(&mock, path, &[("t", "t"), ("t2", "t"), ("u", "u")]);
    in_runtime(async {
        await_that(|| connections(&mock) == 0).await;
        let (_stopper, stop) = shutdown::channel();
        let supervisor =
            Supervisor::begin(&config, &stop, Broadcast::default()).expect("nothing runs yet");
        let begun = Instant::now();
        for archive in ["t", "t2", "u"] {
            await_lines(path, archive, 300).await;
        }
        println!("begun within {:?}", begun.elapsed());
        let all = connections(&mock);
        // The second archive of a topic has clients of its own.
        stop_one(&supervisor, "t2").await;
        await_that(|| connections(&mock) < all).await;
        stop_one(&supervisor, "t").await;
        assert!(connections(&mock) > 0, "u is still being read");
        stop_one(&supervisor, "u").await;
        await_that(|| connections(&mock) == 0).await;
        // And are there again for the next one.
        let ending = supervisor.start(config.archives[0].clone()).expect("free");
        await_that(|| connections(&mock) > 0).await;
        assert!(supervisor.stop("t").is_some());
        ending.wait().await;
    });
}

async fn stop_one(supervisor: &Supervisor, name: &str) {
    let ending = supervisor.stop(name).expect("it runs");
    assert_eq!(ending.wait().await, End::Clean, "archive {name}");
}
