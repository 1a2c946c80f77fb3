//! An archive that says that it runs takes records, or there are none.

use std::time::{Duration, Instant};

use crate::config::Config;
use crate::kafka::Server;
use crate::produce::Producer;
use crate::proxy::Fault;
use crate::says;
use crate::scene::Scene;
use crate::values::Values;
use crate::wait::{LONG, eventually};

const FILE: &str = "a.ndjson";

#[test]
fn an_archive_whose_client_can_not_read_what_brokers_answer_is_stalled_until_it_can() {
    let server = Server::behind_a_proxy();
    let scene = Scene::on(&server);
    let (topic, quiet) = (scene.topic("garbled", 1), scene.topic("quiet", 1));
    let config = Config::new()
        .set("defaults", "start", "earliest")
        .archive_on(&server.proxied(), &topic, FILE, &[])
        .archive_on(&server.proxied(), &quiet, "quiet.ndjson", &[]);
    let archiver = scene.start(&config);
    let (producer, mut values) = (Producer::new(&server), Values::new(1));
    producer.send_all(&topic, values.jsons(100));
    scene.await_lines(&archiver, FILE, 100);
    server.fault(Fault::GarbleFetches);
    producer.send_all(&topic, values.jsons(100));
    archiver.await_line(&says::stalled(&topic.name));
    server.fault(Fault::None);
    scene.await_lines(&archiver, FILE, 200);
    let ended = archiver.stop();
    scene.assert_exact(&topic, FILE);
    let lines = ended.stderr.lines();
    let mut after = lines.skip_while(|line| !says::stalled(&topic.name).matches(line));
    let runs_again = after.any(|line| says::running(&topic.name).matches(line));
    assert!(runs_again, "{}", ended.stderr);
    let is_said = |line: &str| line.contains("stalled") && line.contains(&quiet.name);
    assert!(!ended.stderr.lines().any(is_said), "{}", ended.stderr);
}

#[test]
fn a_log_that_ends_with_offsets_without_records_stalls_nobody() {
    let scene = Scene::new();
    let topic = scene.topic("transactions", 1);
    let config = Config::new()
        .set("defaults", "start", "earliest")
        .set("defaults", "stalled_after", "1s")
        .archive(&topic, FILE, &[]);
    let archiver = scene.start(&config);
    let mut values = Values::new(1);
    let producer = Producer::transactional(scene.server, &topic.name);
    producer.begin();
    producer.send_all(&topic, values.jsons(10));
    producer.commit();
    scene.await_lines(&archiver, FILE, 10);
    let seen = Instant::now();
    eventually(LONG, "it has looked three times", || {
        seen.elapsed() > Duration::from_secs(16)
    });
    let ended = archiver.stop();
    assert!(!ended.stderr.contains("stalled"), "{}", ended.stderr);
}
