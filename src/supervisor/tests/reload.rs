//! Another configuration is taken up, on the simulated platform.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::super::{Changes, Ended, Supervisor};
use super::{SECOND, await_counts, await_that, supervisor};
use crate::config::{Archive, Checked, Config, Pattern, Start};
use crate::observe::status::{State, Status};
use crate::sim::disk::Faults;
use crate::sim::kafka::Life;
use crate::sim::random::Random;
use crate::sim::world::World;

/// A world with topics of these names, with one record each.
fn world(topics: &[&str]) -> World {
    let mut world = World::new(Random::new(1));
    world.is_brisk = true;
    topics.iter().for_each(|topic| create(&world, topic));
    write(&world, topics);
    world
}

fn create(world: &World, topic: &str) {
    let mut kafka = world.cluster.kafka();
    let made = kafka.topics.entry(topic.into()).or_default();
    made.lives.push(Life::new(format!("{topic}-0"), 1));
    made.exists = true;
}

fn write(world: &World, topics: &[&str]) {
    let mut kafka = world.cluster.kafka();
    for topic in topics {
        for log in kafka.logs(topic) {
            log.append(&format!("{topic}/0/0"), Some(b"value"), false);
        }
    }
}

fn archive(topic: &str) -> Archive {
    Archive {
        name: topic.into(),
        topic: topic.into(),
        file: PathBuf::from(format!("/data/{topic}")),
        state: PathBuf::from(format!("/data/.archiver/{topic}")),
        start: Start::Earliest,
        ..Archive::for_tests()
    }
}

fn pattern() -> Pattern {
    Pattern::for_tests("p.*", "/data/{topic}.ndjson").with(|common| {
        common.start = Start::Earliest;
    })
}

fn config(archives: &[Archive], patterns: &[Pattern]) -> Config {
    let archives = archives.iter().cloned().map(Checked::for_tests);
    let patterns = patterns.iter().cloned().map(Checked::for_tests);
    Config {
        archives: archives.collect(),
        patterns: patterns.collect(),
        ..Config::for_tests()
    }
}

fn status(supervisor: &Supervisor, name: &str) -> Option<Arc<Status>> {
    let statuses = supervisor.statuses();
    statuses.into_iter().find(|status| status.name() == name)
}

fn is_running(supervisor: &Supervisor, name: &str) -> bool {
    status(supervisor, name).is_some_and(|status| status.state() == State::Running)
}

/// Has nothing taken its place?
fn is_still(supervisor: &Supervisor, before: &Arc<Status>) -> bool {
    status(supervisor, before.name()).is_some_and(|now| Arc::ptr_eq(&now, before))
}

/// Is all that is in its files in a checkpoint?
fn is_saved(supervisor: &Supervisor, name: &str) -> bool {
    status(supervisor, name).is_some_and(|status| status.activity().unsaved_since.is_none())
}

fn names(of: &[&str]) -> Vec<String> {
    of.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn new_ones_start_changed_ones_start_again_gone_ones_stop_and_others_notice_nothing() {
    let world = world(&["a", "b", "c", "d"]);
    let (supervisor, stopper) = supervisor(&world);
    let before = config(&[archive("a"), archive("b"), archive("c")], &[]);
    supervisor.start_all(&before.archives).expect("free");
    let running = tokio::spawn(supervisor.clone().run());
    await_counts(&world, &supervisor, 3).await;
    let untouched = status(&supervisor, "a").expect("it runs");
    let changed = Archive {
        flush: Duration::from_millis(50),
        ..archive("b")
    };
    // Where it began is no matter any more.
    let same = Archive {
        start: Start::Latest,
        ..archive("a")
    };
    let after = config(&[same, changed, archive("d")], &[]);
    assert_eq!(
        supervisor.changes(&after),
        Changes {
            new: names(&["d"]),
            changed: names(&["b"]),
            gone: names(&["c"]),
            same: 1,
            ..Changes::default()
        }
    );
    supervisor.reload(&after).await;
    await_counts(&world, &supervisor, 4).await;
    assert!(status(&supervisor, "c").is_none());
    write(&world, &["a", "b", "c", "d"]);
    await_counts(&world, &supervisor, 7).await;
    assert!(is_still(&supervisor, &untouched));
    stopper.stop();
    assert_eq!(running.await.expect("no panic"), Ended::Clean);
}

#[tokio::test(start_paused = true)]
async fn all_archives_may_be_replaced_and_the_run_goes_on() {
    let world = world(&["a", "b"]);
    let (supervisor, stopper) = supervisor(&world);
    world.fs.put(&PathBuf::from("/data/x"), b"no line");
    let hopeless = Archive {
        name: "x".into(),
        file: "/data/x".into(),
        state: "/data/.archiver/x".into(),
        ..archive("a")
    };
    let before = config(&[archive("a"), hopeless], &[]);
    supervisor.start_all(&before.archives).expect("free");
    let mut running = tokio::spawn(supervisor.clone().run());
    await_counts(&world, &supervisor, 1).await;
    supervisor.reload(&config(&[archive("b")], &[])).await;
    await_counts(&world, &supervisor, 2).await;
    assert!(timeout(100 * SECOND, &mut running).await.is_err());
    stopper.stop();
    assert_eq!(running.await.expect("no panic"), Ended::Clean);
}

#[tokio::test(start_paused = true)]
async fn what_stops_for_long_holds_up_only_what_takes_its_place() {
    let world = world(&["a", "b", "c"]);
    let (supervisor, _stopper) = supervisor(&world);
    let before = config(&[archive("a"), archive("b")], &[]);
    supervisor.start_all(&before.archives).expect("free");
    await_counts(&world, &supervisor, 2).await;
    let hung = hang(&world, &supervisor).await;
    let changed = Archive {
        flush: Duration::from_millis(50),
        ..archive("a")
    };
    let after = config(&[changed, archive("b"), archive("c")], &[]);
    let taking_up = tokio::spawn({
        let supervisor = supervisor.clone();
        async move { supervisor.reload(&after).await }
    });
    await_that(&world, || is_running(&supervisor, "c")).await;
    assert!(is_still(&supervisor, &hung) && is_running(&supervisor, "b"));
    taking_up.await.expect("no panic");
    await_that(&world, || is_running(&supervisor, "a")).await;
    assert!(!is_still(&supervisor, &hung));
}

/// Has the archive `a` hang on its disk, while `b` has nothing to do there.
async fn hang(world: &World, supervisor: &Supervisor) -> Arc<Status> {
    // Nothing but the next record has a disk asked.
    await_that(world, || {
        is_saved(supervisor, "a") && is_saved(supervisor, "b")
    })
    .await;
    world.fs.set_faults(Faults {
        hang_once_in: 1,
        ..Faults::default()
    });
    write(world, &["a"]);
    await_that(world, || world.fs.counts().1 > 0).await;
    world.fs.set_faults(Faults::default());
    status(supervisor, "a").expect("it runs")
}

#[tokio::test(start_paused = true)]
async fn a_newer_configuration_takes_the_place_of_one_that_waits_for_an_archive_to_stop() {
    let world = world(&["a", "b", "c", "p1"]);
    let (supervisor, stopper) = supervisor(&world);
    let running = tokio::spawn(supervisor.clone().run());
    let before = config(&[archive("a"), archive("b")], &[pattern()]);
    supervisor.reload(&before).await;
    await_counts(&world, &supervisor, 3).await;
    let hung = hang(&world, &supervisor).await;
    // Its state is in nobody's hands while the reload waits.
    let without = config(&[archive("b")], &[]);
    let waits = timeout(SECOND, supervisor.reload(&without)).await;
    assert!(waits.is_err());
    assert!(is_still(&supervisor, &hung) && status(&supervisor, "p1").is_none());
    assert_eq!(supervisor.listed().stopping(), ["a"]);
    let after = config(&[archive("a"), archive("b"), archive("c")], &[pattern()]);
    let changes = Changes {
        new: names(&["c"]),
        changed: names(&["a"]),
        same: 1,
        patterns: names(&["p.*"]),
        ..Changes::default()
    };
    assert_eq!(supervisor.changes(&after), changes);
    let taking_up = tokio::spawn({
        let supervisor = supervisor.clone();
        async move { supervisor.reload(&after).await }
    });
    await_that(&world, || is_running(&supervisor, "c")).await;
    assert!(is_still(&supervisor, &hung) && is_running(&supervisor, "b"));
    taking_up.await.expect("no panic");
    let all = ["a", "b", "c", "p1"];
    await_that(&world, || {
        all.iter().all(|name| is_running(&supervisor, name))
    })
    .await;
    assert!(!is_still(&supervisor, &hung));
    await_counts(&world, &supervisor, 5).await;
    stopper.stop();
    assert_eq!(running.await.expect("no panic"), Ended::Clean);
}

#[tokio::test(start_paused = true)]
async fn what_had_stopped_starts_again_once_its_cause_is_removed() {
    let world = world(&["a", "b", "p1"]);
    let (supervisor, stopper) = supervisor(&world);
    let running = tokio::spawn(supervisor.clone().run());
    for name in ["a", "p1.ndjson"] {
        world
            .fs
            .put(&PathBuf::from(format!("/data/{name}")), b"no line");
    }
    let config = config(&[archive("a"), archive("b")], &[pattern()]);
    supervisor.reload(&config).await;
    let has_stopped = |name: &str| {
        let status = status(&supervisor, name);
        status.is_some_and(|status| matches!(status.state(), State::Stopped(_)))
    };
    await_that(&world, || has_stopped("a") && has_stopped("p1")).await;
    await_counts(&world, &supervisor, 1).await;
    let untouched = status(&supervisor, "b").expect("it runs");
    let changes = Changes {
        again: names(&["a", "p1"]),
        same: 1,
        ..Changes::default()
    };
    assert_eq!(supervisor.changes(&config), changes);
    assert_eq!(
        changes.to_string(),
        "2 started again (a, p1), 1 as they were"
    );
    // Nothing is better yet.
    supervisor.reload(&config).await;
    await_that(&world, || has_stopped("a") && has_stopped("p1")).await;
    for name in ["a", "p1.ndjson"] {
        world.fs.put(&PathBuf::from(format!("/data/{name}")), b"");
    }
    supervisor.reload(&config).await;
    await_counts(&world, &supervisor, 3).await;
    assert!(is_still(&supervisor, &untouched));
    assert_eq!(supervisor.changes(&config).same, 3);
    stopper.stop();
    assert_eq!(running.await.expect("no panic"), Ended::Clean);
}

#[tokio::test(start_paused = true)]
async fn a_pattern_that_comes_changes_or_goes_leaves_alone_what_stays_as_it_is() {
    let world = world(&["a", "p1", "p2"]);
    let (supervisor, stopper) = supervisor(&world);
    let running = tokio::spawn(supervisor.clone().run());
    supervisor
        .reload(&config(&[archive("a")], &[pattern()]))
        .await;
    await_counts(&world, &supervisor, 3).await;
    let first = status(&supervisor, "p1").expect("it runs");
    // One of its topics gets an archive of its own; nothing else of it changes.
    let own = Archive {
        name: "own".into(),
        file: "/data/own".into(),
        state: "/data/.archiver/own".into(),
        ..archive("p2")
    };
    let mut narrower = pattern();
    narrower.take("p2");
    let after = config(&[archive("a"), own.clone()], &[narrower.clone()]);
    let changes = supervisor.changes(&after);
    assert_eq!((changes.gone, changes.same), (names(&["p2"]), 2));
    supervisor.reload(&after).await;
    await_counts(&world, &supervisor, 4).await;
    assert!(is_still(&supervisor, &first) && status(&supervisor, "p2").is_none());
    // A change of it starts its archives again, and it looks for topics as before.
    let changed = narrower.with(|common| common.flush = Duration::from_millis(50));
    let after = config(&[archive("a"), own.clone()], &[changed]);
    assert_eq!(supervisor.changes(&after).changed, names(&["p1"]));
    supervisor.reload(&after).await;
    await_that(&world, || is_running(&supervisor, "p1")).await;
    create(&world, "p3");
    write(&world, &["p1", "p3"]);
    await_counts(&world, &supervisor, 6).await;
    supervisor.reload(&config(&[archive("a"), own], &[])).await;
    let statuses = supervisor.statuses();
    let left = statuses.iter().map(|status| status.name().to_owned());
    assert_eq!(left.collect::<Vec<_>>(), ["a", "own"]);
    stopper.stop();
    assert_eq!(running.await.expect("no panic"), Ended::Clean);
}

#[tokio::test(start_paused = true)]
async fn a_stop_of_the_process_during_a_reload_starts_nothing_and_forgets_nothing_unfinished() {
    let world = world(&["a"]);
    let (supervisor, stopper) = supervisor(&world);
    let before = config(&[archive("a")], &[]);
    supervisor.start_all(&before.archives).expect("free");
    let running = tokio::spawn(supervisor.clone().run());
    await_counts(&world, &supervisor, 1).await;
    world.fs.set_faults(Faults {
        once_in: 1,
        ..Faults::default()
    });
    write(&world, &["a"]);
    await_that(&world, || {
        let status = status(&supervisor, "a");
        status.is_some_and(|status| matches!(status.state(), State::Waiting(_)))
    })
    .await;
    let changed = Archive {
        flush: Duration::from_millis(50),
        ..archive("a")
    };
    stopper.stop();
    supervisor.reload(&config(&[changed], &[])).await;
    assert!(status(&supervisor, "a").is_none());
    assert_eq!(running.await.expect("no panic"), Ended::Unfinished);
}
