//! Archives that come and go while the process lives, through the library's own face.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use archiver::archive::End;
use archiver::config::{self as library, Checked};
use archiver::supervisor::{Ended, Supervisor};
use archiver::world::broadcast::Broadcast;
use archiver::world::shutdown;
use tokio::runtime::Runtime;

use crate::config::Config;
use crate::files;
use crate::produce::Producer;
use crate::scene::Scene;
use crate::topic::Topic;
use crate::values::Values;
use crate::wait::{LONG, eventually};

/// The file of a second archive of the topic that stays.
const AGAIN: &str = "again.ndjson";

#[test]
fn an_archive_is_stopped_and_started_again_and_others_are_added_while_records_flow() {
    let scene = Scene::new();
    let topics = ["goes", "stays", "comes"].map(|name| scene.topic(name, 3));
    let all = configured(&scene, &topics);
    let at_first = configured(&scene, &topics[..2]);
    let count = |topic: &Topic| files::count(&scene.path(file(topic)));
    let await_more = |topic: &Topic| {
        let before = count(topic);
        eventually(LONG, "records are archived", || count(topic) > before);
    };
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        let producing = scope.spawn(|| {
            let (producer, mut values) = (Producer::new(scene.server), Values::new(1));
            while !is_done.load(Ordering::Relaxed) {
                for topic in &topics {
                    producer.send_all(topic, values.jsons(50));
                }
                thread::sleep(Duration::from_millis(5));
            }
        });
        // Whatever fails here, the producer ends.
        let done = Done(&is_done);
        let runtime = Runtime::new().unwrap();
        let _entered = runtime.enter();
        let (stopper, stop) = shutdown::channel();
        let supervisor = Supervisor::begin(&at_first, &stop, Broadcast::default()).unwrap();
        let running = runtime.spawn(supervisor.clone().run());
        await_more(&topics[0]);
        for _ in 0..3 {
            let ending = supervisor.stop(&topics[0].name).unwrap();
            assert_eq!(runtime.block_on(ending.wait()), End::Clean);
            let (stopped_at, state) = (count(&topics[0]), state(&topics[0]));
            assert_eq!(scene.checkpoint(state)["records"], stopped_at);
            await_more(&topics[1]);
            assert_eq!(count(&topics[0]), stopped_at, "it was stopped");
            supervisor.start(all.archives[0].clone()).unwrap();
            await_more(&topics[0]);
        }
        supervisor.start(all.archives[2].clone()).unwrap();
        await_more(&topics[2]);
        // It needs clients of its own, and those that there are get others in their place.
        supervisor.start(all.archives[3].clone()).unwrap();
        eventually(LONG, "records are archived", || {
            files::count(&scene.path(AGAIN)) > 0
        });
        await_more(&topics[0]);
        await_more(&topics[1]);
        drop(done);
        producing.join().unwrap();
        for topic in &topics {
            let records: usize = scene.records(topic).values().map(Vec::len).sum();
            eventually(LONG, "all records are archived", || count(topic) >= records);
            let is_again = topic.name == topics[1].name;
            eventually(LONG, "all records are archived again", || {
                !is_again || files::count(&scene.path(AGAIN)) >= records
            });
        }
        stopper.stop();
        assert_eq!(runtime.block_on(running).unwrap(), Ended::Clean);
    });
    for topic in &topics {
        scene.assert_exact(topic, &file(topic));
    }
    scene.assert_exact(&topics[1], AGAIN);
}

struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn file(topic: &Topic) -> String {
    format!("{}.ndjson", topic.name)
}

fn state(topic: &Topic) -> String {
    format!(".archiver/{}", topic.name)
}

fn configured(scene: &Scene, topics: &[Topic]) -> Checked<library::Config> {
    let mut config = Config::new().set("defaults", "start", "earliest");
    for topic in topics {
        // Not relative to the directory of this process.
        let file = scene.path(file(topic)).display().to_string();
        config = config.archive(topic, &file, &[]);
    }
    if topics.len() > 2 {
        let again = scene.path(AGAIN).display().to_string();
        config = config.archive(&topics[1], &again, &[("name", "again")]);
    }
    let path = scene.path("topics.toml");
    fs::write(&path, config.text()).unwrap();
    library::load(&path).unwrap_or_else(|e| panic!("{e}"))
}
