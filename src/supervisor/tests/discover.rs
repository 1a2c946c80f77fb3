//! Topics that come and go under a pattern, on the simulated platform.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::super::{Ended, Supervisor};
use super::{SECOND, archive, await_counts, await_that, supervisor};
use crate::config::{self, Checked, Pattern, Start};
use crate::observe::status::State;
use crate::sim::disk::Crash;
use crate::sim::kafka::{Life, Topic};
use crate::sim::random::Random;
use crate::sim::world::World;
use crate::world::shutdown::Stopper;

/// A world with these topics, each with as many records.
fn world(topics: &[(&str, usize)]) -> World {
    let mut world = World::new(Random::new(1));
    world.is_brisk = true;
    for (topic, records) in topics {
        create(&world, topic, *records);
    }
    world
}

fn create(world: &World, name: &str, records: usize) {
    let mut kafka = world.cluster.kafka();
    let topic = kafka.topics.entry(name.into()).or_default();
    let number = topic.lives.len();
    topic.lives.push(Life::new(format!("{name}-{number}"), 1));
    topic.exists = true;
    drop(kafka);
    write(world, name, records);
}

fn write(world: &World, name: &str, records: usize) {
    let mut kafka = world.cluster.kafka();
    for log in kafka.logs(name) {
        for _ in 0..records {
            log.append(&format!("{name}/0/0"), Some(b"value"), false);
        }
    }
}

/// Takes all topics whose names begin with t, from now on.
fn pattern() -> Pattern {
    Pattern::for_tests("t.*", "/data/{topic}.ndjson").with(|common| {
        common.start = Start::Latest;
        common.flush = SECOND;
    })
}

fn begin(world: &World) -> (Supervisor, Stopper, JoinHandle<Ended>) {
    let (supervisor, stopper) = supervisor(world);
    supervisor.discover(Checked::for_tests(pattern()));
    let running = tokio::spawn(supervisor.clone().run());
    (supervisor, stopper, running)
}

fn is_running(supervisor: &Supervisor, name: &str) -> bool {
    let statuses = supervisor.statuses();
    let mut statuses = statuses.iter();
    statuses.any(|status| status.name() == name && status.state() == State::Running)
}

fn names(supervisor: &Supervisor) -> Vec<String> {
    let statuses = supervisor.statuses();
    let mut names = statuses
        .iter()
        .map(|status| status.name().to_owned())
        .collect::<Vec<_>>();
    names.sort_unstable();
    names
}

#[tokio::test(start_paused = true)]
async fn a_run_with_a_pattern_waits_for_topics() {
    let world = world(&[("other", 3)]);
    let (supervisor, stopper, mut running) = begin(&world);
    assert!(timeout(100 * SECOND, &mut running).await.is_err());
    assert!(supervisor.statuses().is_empty());
    create(&world, "t1", 3);
    await_counts(&world, &supervisor, 3).await;
    stopper.stop();
    assert_eq!(running.await.expect("no panic"), Ended::Clean);
    assert_eq!(names(&supervisor), ["t1"]);
}

#[tokio::test(start_paused = true)]
async fn a_topic_is_read_from_its_first_record_unless_it_was_there_when_the_pattern_was_new() {
    let world = world(&[("t1", 5)]);
    let (supervisor, stopper, running) = begin(&world);
    await_that(&world, || is_running(&supervisor, "t1")).await;
    write(&world, "t1", 2);
    create(&world, "t2", 3);
    await_counts(&world, &supervisor, 5).await;
    stopper.stop();
    assert_eq!(running.await.expect("no panic"), Ended::Clean);
    world.fs.crash(Crash::Kill);
    // While nobody looks.
    create(&world, "t3", 4);
    let (supervisor, stopper, running) = begin(&world);
    await_counts(&world, &supervisor, 4).await;
    assert_eq!(names(&supervisor), ["t1", "t2", "t3"]);
    stopper.stop();
    assert_eq!(running.await.expect("no panic"), Ended::Clean);
}

#[tokio::test(start_paused = true)]
async fn a_topic_that_takes_the_place_of_one_that_was_there_is_new() {
    let world = world(&[("t1", 5)]);
    let (supervisor, stopper) = supervisor(&world);
    supervisor.discover(Checked::for_tests(pattern()));
    let listed = || world.fs.peek(&pattern().state().first_listing());
    await_that(&world, || listed().is_some()).await;
    // The archive can't begin before the topic is another one.
    world.cluster.kafka().denied = true;
    let running = tokio::spawn(supervisor.clone().run());
    tokio::time::sleep(10 * SECOND).await;
    create(&world, "t1", 4);
    world.cluster.kafka().denied = false;
    await_counts(&world, &supervisor, 4).await;
    stopper.stop();
    assert_eq!(running.await.expect("no panic"), Ended::Clean);
}

#[tokio::test(start_paused = true)]
async fn no_topic_of_another_cluster_is_taken_up() {
    let world = world(&[("t1", 0)]);
    let (supervisor, stopper, running) = begin(&world);
    await_that(&world, || is_running(&supervisor, "t1")).await;
    let theirs = Topic {
        lives: vec![Life::new("e-0".into(), 1)],
        exists: true,
    };
    world.cluster.kafka().elsewhere = Some([("t9".into(), theirs)].into());
    create(&world, "t2", 1);
    tokio::time::sleep(100 * SECOND).await;
    assert_eq!(names(&supervisor), ["t1"]);
    world.cluster.kafka().elsewhere = None;
    await_that(&world, || is_running(&supervisor, "t2")).await;
    assert_eq!(names(&supervisor), ["t1", "t2"]);
    stopper.stop();
    running.await.expect("no panic");
}

#[tokio::test(start_paused = true)]
async fn a_name_that_is_taken_keeps_only_its_topic_from_being_archived() {
    let world = world(&[("t1", 1), ("t2", 1), ("u", 1)]);
    let (supervisor, _stopper) = supervisor(&world);
    let plain = config::Archive {
        name: "t1".into(),
        topic: "u".into(),
        file: "/data/u".into(),
        state: "/data/.archiver/t1".into(),
        ..config::Archive::for_tests()
    };
    supervisor.start(Checked::for_tests(plain)).expect("free");
    supervisor.discover(Checked::for_tests(pattern()));
    await_that(&world, || is_running(&supervisor, "t2")).await;
    assert_eq!(names(&supervisor), ["t1", "t2"]);
    assert!(world.fs.peek("/data/t1.ndjson".as_ref()).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_pattern_whose_first_listing_is_damaged_starts_nothing() {
    let world = world(&[("t1", 1)]);
    world.put_foreign(&pattern().state().first_listing(), b"{}");
    let (supervisor, _stopper, running) = begin(&world);
    let ended = timeout(Duration::from_secs(100), running).await;
    assert_eq!(ended.expect("an end").expect("no panic"), Ended::Hopeless);
    assert!(supervisor.statuses().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_archive_that_has_stopped_does_not_end_the_run_while_a_pattern_looks() {
    let world = super::world();
    let (supervisor, stopper) = supervisor(&world);
    world.fs.put(&world.archives[0].config.file, b"no line");
    supervisor.start(archive(&world, 0)).expect("free");
    supervisor.discover(Checked::for_tests(Pattern::for_tests("x", "/data/{topic}")));
    let mut running = tokio::spawn(supervisor.clone().run());
    let has_stopped = || matches!(supervisor.statuses()[0].state(), State::Stopped(_));
    await_that(&world, has_stopped).await;
    assert!(timeout(100 * SECOND, &mut running).await.is_err());
    stopper.stop();
    assert_eq!(running.await.expect("no panic"), Ended::Clean);
}
