//! Nodes that die and come back.

use std::time::Instant;

use super::{Flow, outage, rounds};
use crate::config::Config;
use crate::kafka::cluster;
use crate::produce::Producer;
use crate::says;
use crate::scene::Scene;
use crate::show::show;
use crate::values::Values;
use crate::wait::{LONG, eventually};

#[test]
fn a_leader_that_is_killed_and_comes_back_costs_nothing() {
    let server = cluster();
    let mut flow = Flow::start(&server, "leader-killed", 4);
    for round in 0..rounds() {
        let (leader, _) = flow.topic.leader(round as i32 % 3);
        server.node(leader).kill();
        flow.send(1000);
        flow.await_all();
        server.node(leader).restart();
        flow.send(1000);
        flow.await_all();
        eventually(LONG, "all copies are whole again", || {
            (0..3).all(|partition| flow.topic.leader(partition).1.len() == 3)
        });
    }
    flow.end(&format!("{} leaders killed and back", rounds()));
}

#[test]
fn brokers_that_are_all_down_for_a_while_are_waited_for() {
    let server = cluster();
    let mut flow = Flow::start(&server, "all-down", 4);
    for _ in 0..rounds() {
        flow.send(1000);
        server.kill();
        let down = Instant::now();
        flow.archiver.await_line(&says::cluster_down());
        eventually(LONG, "the outage is over", || down.elapsed() >= outage());
        server.restart();
        flow.send(1000);
        flow.await_all();
    }
    let (rounds, outage) = (rounds(), outage());
    flow.end(&format!(
        "all brokers killed {rounds} times, away for {outage:.0?}"
    ));
}

#[test]
fn a_broker_that_slept_while_a_topic_was_created_again_misleads_nobody() {
    let server = cluster();
    let scene = Scene::on(&server);
    let topic = scene.planned("slept");
    topic.place(&[1, 2], &[]);
    let mut values = Values::new(1);
    let config = Config::new()
        .set("kafka", "topic.metadata.refresh.interval.ms", "1000")
        .set("defaults", "checkpoint", "100ms")
        .archive_on(
            &server.proxied(),
            &topic,
            "a.ndjson",
            &[("start", "earliest")],
        );
    let archiver = scene.start(&config);
    let mut expected = Vec::new();
    for round in 0..=rounds() as usize {
        if round > 0 {
            server.node(3).pause();
            server.node(1).await_absence(server.node(3));
            topic.delete();
            topic.place(&[1, 2], &[]);
        }
        // More each time, so that the offsets alone tell nothing.
        Producer::new(&server).send_all(&topic, values.jsons(100 * (round + 1)));
        server.node(3).resume();
        expected.extend(scene.records(&topic).remove(&0).unwrap());
        scene.await_lines(&archiver, "a.ndjson", expected.len());
        // What is read just before its topic is deleted isn't certain.
        scene.await_checkpointed(format!(".archiver/{}", topic.name), expected.len());
    }
    archiver.stop();
    scene.assert_holds(&[(0, expected)].into(), "a.ndjson");
    let gaps = scene.gaps(&topic.name);
    assert_eq!(gaps.len() as u64, rounds(), "{gaps:?}");
    show(&format!(
        "brokers: topic created again {} times while a broker slept: lost 0, doubled 0",
        rounds()
    ));
}
