//! A limit of threads (`ulimit -u`, `TasksMax`).

use crate::config::Config;
use crate::preload::Preload;
use crate::produce::Producer;
use crate::says;
use crate::scene::Scene;
use crate::values::Values;

/// More than archiver has with one archive.
const ENOUGH: i64 = 1000;

#[test]
fn an_archive_that_lacks_a_thread_says_so_and_goes_on_when_there_are_more() {
    let scene = Scene::new();
    let topic = scene.topic("lacks", 1);
    Producer::new(scene.server).send_all(&topic, Values::new(1).jsons(10));
    let (mut refused, mut waited) = (0, 0);
    for threads in 0.. {
        let file = format!("{threads}.ndjson");
        let name = format!("with-{threads}");
        let keys = [("start", "earliest"), ("name", &name)];
        let config = Config::new().archive(&topic, &file, &keys);
        let preload = Preload::new(&scene, "threads", "THREADS_LEFT", threads);
        let archiver = preload.start(&scene, &config);
        let said = archiver.await_line(&says::lacks_threads_or_runs(&name));
        if said.starts_with("archiver: ") {
            let ended = archiver.await_end();
            assert_eq!(ended.code(), Some(1), "{}", ended.stderr);
            assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
            refused += 1;
            continue;
        }
        if said.contains("waiting") {
            assert!(said.contains("thread"), "{said}");
        }
        preload.set(ENOUGH);
        scene.await_lines(&archiver, &file, 10);
        archiver.stop();
        scene.assert_exact(&topic, &file);
        if !said.contains("waiting") {
            break;
        }
        waited += 1;
    }
    assert!(
        refused > 0 && waited > 3,
        "{refused} refused, {waited} waited"
    );
}
