//! A leader that never had all of the log: what was read is gone from Kafka, and others come in its place.

use super::rounds;
use crate::config::Config;
use crate::kafka::cluster;
use crate::produce::Producer;
use crate::proxy::Fault;
use crate::scene::Scene;
use crate::show::show;
use crate::values::Values;
use crate::wait::{LONG, eventually};

/// What archiver does while the log gets shorter.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Meanwhile {
    Runs,
    /// No broker can be reached by it.
    CutOff,
    Stopped,
}

#[test]
fn records_that_an_unclean_election_loses_are_kept_and_those_after_it_archived() {
    // Fewer than were lost, or more, so that the log goes on beyond where it was read.
    let all = [
        (Meanwhile::Runs, 20),
        (Meanwhile::Stopped, 200),
        (Meanwhile::Runs, 200),
        (Meanwhile::CutOff, 20),
        (Meanwhile::CutOff, 200),
        (Meanwhile::Stopped, 20),
    ];
    let few = if rounds() > 1 { all.len() } else { 2 };
    for (meanwhile, new) in &all[..few] {
        unclean(*meanwhile, *new);
    }
}

fn unclean(meanwhile: Meanwhile, new: usize) {
    let server = cluster();
    let scene = Scene::on(&server);
    let topic = scene.planned("unclean");
    let (leader, follower) = (1, 2);
    topic.place(
        &[leader, follower],
        &[
            ("unclean.leader.election.enable", "true"),
            ("min.insync.replicas", "1"),
        ],
    );
    let mut values = Values::new(1);
    let config = Config::new()
        .set("kafka", "topic.metadata.refresh.interval.ms", "1000")
        .set("defaults", "checkpoint", "1s")
        .archive_on(
            &server.proxied(),
            &topic,
            "a.ndjson",
            &[("start", "earliest")],
        );
    let mut archiver = Some(scene.start(&config));
    let await_lines = |archiver: &Option<_>, lines| {
        scene.await_lines(archiver.as_ref().unwrap(), "a.ndjson", lines);
    };
    let producer = Producer::new(&server);
    producer.send_all(&topic, values.jsons(50));
    await_lines(&archiver, 50);
    server.node(follower).kill();
    eventually(LONG, "the follower is out", || {
        topic.leader(0).1 == [leader]
    });
    producer.send_all(&topic, values.jsons(50));
    await_lines(&archiver, 100);
    let mut expected = scene.records(&topic);
    match meanwhile {
        Meanwhile::Runs => {}
        Meanwhile::CutOff => server.fault(Fault::Down),
        Meanwhile::Stopped => drop(archiver.take().unwrap().stop()),
    }
    server.node(leader).kill();
    server.node(follower).restart();
    eventually(LONG, "the follower leads", || topic.leader(0).0 == follower);
    // The producer from before would miss what was lost.
    Producer::new(&server).send_all(&topic, values.jsons(new));
    assert_eq!(topic.bounds(0), (0, 50 + new as i64), "the log got shorter");
    match meanwhile {
        Meanwhile::Runs => {}
        Meanwhile::CutOff => server.fault(Fault::None),
        Meanwhile::Stopped => archiver = Some(scene.start(&config)),
    }
    await_lines(&archiver, 100 + new);
    let ended = archiver.take().unwrap().stop();
    server.node(leader).restart();
    let now = scene.records(&topic).remove(&0).unwrap();
    let before = expected.get_mut(&0).unwrap();
    before.extend(now.into_iter().filter(|record| record.offset >= 50));
    scene.assert_holds(&expected, "a.ndjson");
    let gaps = scene.gaps(&topic.name);
    let gap = |key: &str| gaps[0][key].clone();
    assert_eq!(gaps.len(), 1, "{gaps:?}\n{}", ended.stderr);
    assert_eq!(gap("reason"), "truncated");
    assert_eq!((gap("from"), gap("to")), (50.into(), 100.into()));
    show(&format!(
        "brokers: 50 records lost by an unclean election, {new} others came, archiver: {meanwhile:?}: \
         {} records, lost 0, doubled 0",
        100 + new
    ));
}
