//! Many archives and the number of files that a process may open.

use std::fs;

use crate::archiver::Archiver;
use crate::config::Config;
use crate::produce::Producer;
use crate::says;
use crate::scene::Scene;
use crate::values::Values;

const ARCHIVES: usize = 60;
const RECORDS: usize = 10;

#[test]
fn the_limit_is_raised_as_far_as_the_archives_need_and_said_to_be_too_low_at_the_start_if_it_is() {
    let scene = Scene::new();
    let (producer, mut values) = (Producer::new(scene.server), Values::new(1));
    let mut config = Config::new().set("defaults", "start", "earliest");
    for number in 0..ARCHIVES {
        let topic = scene.topic("many", 1);
        producer.send_all(&topic, values.jsons(RECORDS));
        config = config.archive(&topic, &file(number), &[]);
    }
    fs::write(scene.path("topics.toml"), config.text()).unwrap();
    let start = |at_most| {
        let args = ["-c", "topics.toml"];
        Archiver::start_allowed(scene.directory(), &args, 64, at_most)
    };

    let archiver = start(65);
    let facts = ["60 archives", "open files", "only 65", "ulimit -n"];
    let told = archiver.await_line(&says::mistake(&facts));
    archiver.kill();

    let (_, wanted) = told.split_once("may need ").expect(&told);
    let (wanted, _) = wanted.split_once(' ').expect(&told);
    let archiver = start(wanted.parse().expect(&told));
    for number in 0..ARCHIVES {
        scene.await_lines(&archiver, &file(number), RECORDS);
    }
    let ended = archiver.stop();
    assert!(!ended.stderr.contains(" WARN "), "{}", ended.stderr);
}

fn file(number: usize) -> String {
    format!("{number}.ndjson")
}
