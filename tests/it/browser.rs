//! The status page in a real Chromium: `make browser`, as that needs one.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::archiver::Archiver;
use crate::config::Config;
use crate::produce::Producer;
use crate::says;
use crate::scene::Scene;
use crate::topic::Topic;
use crate::values::Values;
use crate::wait::OnDrop;

const MANY: usize = 1000;

/// Has the script look at the page; its pictures go to `target/browser`.
#[track_caller]
fn look(archiver: &Archiver, kind: &str) {
    let line = archiver.await_line(&says::answering());
    let (_, address) = line.split_once("http://").expect("an address");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shots = root.join("target/browser");
    fs::create_dir_all(&shots).unwrap();
    let script = Command::new("python3")
        .arg(root.join("tests/browser/page.py"))
        .args([kind, &format!("http://{address}")])
        .arg(&shots)
        .arg(root.join("target/axe/node_modules/axe-core/axe.min.js"))
        .status();
    assert!(script.expect("python3").success(), "see above");
}

fn config<'a>(topics: impl IntoIterator<Item = &'a Topic<'a>>) -> Config {
    let config = Config::new()
        .set("http", "listen", "127.0.0.1:0")
        .set("defaults", "start", "earliest");
    topics.into_iter().fold(config, |config, topic| {
        let file = format!("archive/{}/{{seq:06}}.ndjson.zst", topic.name);
        let config = config.archive(topic, &file, &[]);
        config.line("rotate = { records = 5000 }")
    })
}

/// Lets records flow into topics while something is done.
fn while_records_flow(scene: &Scene<'_>, topics: &[Topic<'_>], act: impl FnOnce()) {
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        let _done = OnDrop(|| is_done.store(true, Ordering::Relaxed));
        scope.spawn(|| {
            let (producer, mut values) = (Producer::new(scene.server), Values::new(1));
            for round in 0.. {
                if is_done.load(Ordering::Relaxed) {
                    return;
                }
                for (number, topic) in topics.iter().enumerate() {
                    let count = (round * 7 + number * 13) % 40;
                    for record in values.jsons(count) {
                        producer.send(topic, record);
                    }
                }
                producer.flush();
                thread::sleep(Duration::from_millis(100));
            }
        });
        act();
    });
}

#[test]
#[ignore = "needs Chromium: make browser"]
fn the_page_of_three_archives_moves_and_can_be_used_by_anybody() {
    let scene = Scene::new();
    let topics = ["orders", "metrics"].map(|name| scene.topic(name, 3));
    let missing = scene.planned("clicks");
    let archiver = scene.start(&config(topics.iter().chain([&missing])));
    archiver.await_line(&says::waits_for_topic(&missing.name));
    while_records_flow(&scene, &topics, || look(&archiver, "few"));
    archiver.stop();
}

#[test]
#[ignore = "needs Chromium: make browser"]
fn the_page_of_a_thousand_archives_is_sorted_and_filtered() {
    let scene = Scene::new();
    let topics = (0..MANY).map(|number| scene.planned(&format!("sensor-{number:04}")));
    let topics = topics.collect::<Vec<_>>();
    Topic::make_all(&topics);
    let archiver = scene.start(&config(&topics));
    while_records_flow(&scene, &topics[..50], || look(&archiver, "many"));
    archiver.stop();
}
