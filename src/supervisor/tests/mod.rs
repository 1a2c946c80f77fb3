//! Archives that come and go, on the simulated platform.

mod discover;
mod reload;

use std::path::PathBuf;
use std::time::Duration;

use archiver_format::compression::Compression;
use tokio::time::{sleep, timeout};

use super::{Ended, Refused, Supervisor};
use crate::archive::End;
use crate::config::{self, Checked};
use crate::observe::status::State;
use crate::sim::disk::Faults;
use crate::sim::scenes::{SCENES, write};
use crate::sim::world::World;
use crate::world::shutdown::{self, Stopper};

const SECOND: Duration = Duration::from_secs(1);

/// A world in which two archives read one topic; nothing but the order of tasks is left to chance.
fn world() -> World {
    let mut scenes = SCENES.iter();
    let scene = scenes.find(|scene| scene.name.starts_with("one of two archives"));
    let mut world = scene.expect("a scene of two archives").world(1);
    world.is_brisk = true;
    world
}

fn archive(world: &World, number: usize) -> Checked<config::Archive> {
    Checked::for_tests(world.archives[number].config.clone())
}

fn supervisor(world: &World) -> (Supervisor, Stopper) {
    let (stopper, shutdown) = shutdown::channel();
    (world.supervisor(60 * SECOND, shutdown).0, stopper)
}

/// Waits until this is so; records are delivered meanwhile.
async fn await_that(world: &World, is_so: impl Fn() -> bool) {
    for _ in 0..6_000 {
        if is_so() {
            return;
        }
        world.cluster.deliver();
        sleep(Duration::from_millis(10)).await;
    }
    panic!("it never comes to that");
}

async fn await_counts(world: &World, supervisor: &Supervisor, records: u64) {
    await_that(world, || supervisor.counts().records == records).await;
}

#[tokio::test(start_paused = true)]
async fn who_runs_is_not_started_again_nor_its_file_given_to_another_one() {
    let world = world();
    let (supervisor, _stopper) = supervisor(&world);
    let first = archive(&world, 0);
    supervisor.start(first.clone()).expect("free");
    let name = first.name.clone();
    let again = supervisor.start(first.clone());
    assert_eq!(again.err(), Some(Refused::Name { name: name.clone() }));
    let other = Checked::for_tests(config::Archive {
        name: "other".into(),
        state: PathBuf::from("/data/.archiver/other"),
        ..(*first).clone()
    });
    // Nor is anything else that was to be started with it.
    let refused = supervisor.start_all(&[archive(&world, 1), other.clone()]);
    let file = Refused::File {
        name: "other".into(),
        file: first.file.clone(),
        owner: name,
    };
    assert_eq!(refused.err(), Some(file));
    assert_eq!(supervisor.statuses().len(), 1);
    let twice = supervisor.start_all(&[archive(&world, 1), archive(&world, 1)]);
    assert!(matches!(twice, Err(Refused::Name { .. })));
    let said = Refused::Name { name: "a".into() }.to_string();
    assert_eq!(
        said,
        "starting archive a: one of that name is running; stop it first"
    );
}

#[tokio::test(start_paused = true)]
async fn one_is_stopped_and_started_again_while_another_goes_on() {
    let world = world();
    let (supervisor, stopper) = supervisor(&world);
    let both = [archive(&world, 0), archive(&world, 1)];
    let endings = supervisor.start_all(&both).expect("free");
    let running = tokio::spawn(supervisor.clone().run());
    let is_running = |number: usize| {
        let statuses = supervisor.statuses();
        let mut statuses = statuses.iter();
        statuses.any(|s| s.name() == both[number].name && s.state() == State::Running)
    };
    await_that(&world, || is_running(0) && is_running(1)).await;
    write(&world, 5);
    await_counts(&world, &supervisor, 20).await;
    let stopped = supervisor.stop(&both[0].name).expect("it runs");
    assert_eq!(stopped.wait().await, End::Clean);
    assert_eq!(endings[0].wait().await, End::Clean);
    assert!(is_running(1) && supervisor.statuses().len() == 1);
    assert!(supervisor.stop(&both[0].name).is_none());
    write(&world, 5);
    // What the first had written still counts.
    await_counts(&world, &supervisor, 30).await;
    supervisor.start(both[0].clone()).expect("free again");
    await_counts(&world, &supervisor, 40).await;
    stopper.stop();
    assert_eq!(running.await.expect("no panic"), Ended::Clean);
    assert_eq!(supervisor.counts().records, 40);
    assert!(timeout(SECOND, endings[1].wait()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_stop_awaits_what_had_been_begun_on_a_disk_that_hangs() {
    let world = world();
    let (supervisor, _stopper) = supervisor(&world);
    let first = archive(&world, 0);
    world.fs.set_faults(Faults {
        hang_once_in: 1,
        ..Faults::default()
    });
    supervisor.start(first.clone()).expect("free");
    sleep(SECOND).await;
    world.fs.set_faults(Faults::default());
    let stopped = supervisor.stop(&first.name).expect("it runs");
    assert!(timeout(SECOND, stopped.wait()).await.is_err());
    let again = supervisor.start(first.clone());
    assert!(matches!(again, Err(Refused::Name { .. })));
    assert_eq!(stopped.wait().await, End::Clean);
    supervisor.start(first).expect("free again");
}

#[tokio::test(start_paused = true)]
async fn a_run_without_archives_waits_for_the_first() {
    let world = world();
    let (supervisor, stopper) = supervisor(&world);
    let mut running = tokio::spawn(supervisor.clone().run());
    assert!(timeout(100 * SECOND, &mut running).await.is_err());
    let ending = supervisor.start(archive(&world, 0)).expect("free");
    sleep(SECOND).await;
    assert!(supervisor.stop(&world.archives[0].config.name).is_some());
    ending.wait().await;
    assert!(timeout(100 * SECOND, &mut running).await.is_err());
    stopper.stop();
    assert_eq!(running.await.expect("no panic"), Ended::Clean);
}

#[tokio::test(start_paused = true)]
async fn a_run_ends_when_no_archive_can_go_on_unless_one_can() {
    let world = world();
    let (supervisor, _stopper) = supervisor(&world);
    // Nobody's file, which is not gzip either.
    let refused = |name: &str| {
        let file = PathBuf::from(format!("/data/{name}"));
        world.fs.put(&file, b"somebody else's");
        Checked::for_tests(config::Archive {
            name: name.into(),
            state: PathBuf::from("/data/.archiver").join(name),
            file,
            compression: Compression::Gzip(1),
            ..world.archives[0].config.clone()
        })
    };
    supervisor.start(refused("a")).expect("free");
    let good = supervisor.start(archive(&world, 1)).expect("free");
    let mut running = tokio::spawn(supervisor.clone().run());
    let stopped = |at: usize| matches!(supervisor.statuses()[at].state(), State::Stopped(_));
    await_that(&world, || stopped(0)).await;
    assert!(timeout(100 * SECOND, &mut running).await.is_err());
    // It is in the list until somebody asks for it, or starts it again.
    supervisor.start(refused("a")).expect("it has ended");
    await_that(&world, || stopped(1)).await;
    assert!(supervisor.stop(&world.archives[1].config.name).is_some());
    assert_eq!(good.wait().await, End::Clean);
    assert_eq!(running.await.expect("no panic"), Ended::Hopeless);
    let known = supervisor.stop("a").expect("it is known");
    assert_eq!(known.wait().await, End::Never);
    assert!(supervisor.statuses().is_empty());
}
