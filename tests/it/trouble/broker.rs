//! A broker that goes and comes back.

use crate::config::Config;
use crate::kafka::Server;
use crate::produce::Producer;
use crate::says;
use crate::scene::Scene;
use crate::values::Values;

#[test]
fn a_broker_that_stops_or_dies_is_waited_for() {
    let server = Server::private();
    let scene = Scene::on(&server);
    let topic = scene.topic("comes-back", 3);
    let mut values = Values::new(1);
    let config = Config::new().archive(&topic, "a.ndjson.zst", &[("start", "earliest")]);
    let archiver = scene.start(&config);
    let mut total = 0;
    for stop in [Some(Server::stop as fn(&Server)), Some(Server::kill), None] {
        Producer::new(&server).send_all(&topic, (0..1000).map(|_| values.mixed()));
        total += 1000;
        scene.await_lines(&archiver, "a.ndjson.zst", total);
        if let Some(stop) = stop {
            stop(&server);
            archiver.await_line(&says::broker_down(&server.bootstrap()));
            server.restart();
        }
    }
    archiver.stop();
    scene.assert_exact(&topic, "a.ndjson.zst");
}

#[test]
fn a_broker_that_is_down_at_the_start_is_waited_for() {
    let server = Server::private();
    let scene = Scene::on(&server);
    let topic = scene.topic("up-later", 1);
    Producer::new(&server).send_all(&topic, Values::new(1).jsons(10));
    server.stop();
    let config = Config::new().archive(&topic, "a.ndjson", &[("start", "earliest")]);
    let archiver = scene.start(&config);
    archiver.await_line(&says::broker_down(&server.bootstrap()));
    server.restart();
    scene.await_lines(&archiver, "a.ndjson", 10);
    archiver.stop();
    scene.assert_exact(&topic, "a.ndjson");
}

#[test]
fn a_clean_stop_needs_no_broker() {
    let server = Server::private();
    let scene = Scene::on(&server);
    let topic = scene.topic("gone", 1);
    Producer::new(&server).send_all(&topic, Values::new(1).jsons(10));
    let records = scene.records(&topic);
    let config = Config::new().archive(&topic, "a.ndjson.gz", &[("start", "earliest")]);
    let archiver = scene.start(&config);
    scene.await_lines(&archiver, "a.ndjson.gz", 10);
    server.kill();
    archiver.stop();
    scene.assert_holds(&records, "a.ndjson.gz");
}
