//! Killed again and again, it doubles nothing and loses nothing.
//!
//! `ARCHIVER_LOAD_KILLS` is how often, `ARCHIVER_LOAD_SEED` when.

use std::time::Duration;

use super::{ALL, Database, FILE, Scene, assert_there, captured, command, expected, loaded};
use crate::kafka::Janitor;
use crate::numbers::number;
use crate::random::Random;

#[test]
fn killed_again_and_again_it_loads_each_record_once() {
    let kills = number("ARCHIVER_LOAD_KILLS", 6);
    let mut random = Random::new(number("ARCHIVER_LOAD_SEED", 1));
    let scene = Scene::new();
    let _topic = captured(&scene, FILE, "--all");
    let expected = expected(&scene, |_| true);
    for of in ALL {
        let database = Database::new(of, scene.directory());
        // Small transactions, so that they take until the last of the kills.
        let flags = ["--create", "--batch", "2", "--columns", "host,data"];
        let mut finished = 0;
        for kill in 0..kills {
            let mut load = command(&scene, &database, &flags);
            // Each second one begins anew, over what is there: else there would soon be nothing left to do.
            if kill % 2 == 1 {
                load.arg("--again");
            }
            load.stdout(std::process::Stdio::null());
            let mut child = Janitor::get().spawn(&mut load).expect("is started");
            std::thread::sleep(Duration::from_millis(random.below(600)));
            if child.try_wait().expect("a child").is_none() {
                child.kill().expect("is killed");
            } else {
                finished += 1;
            }
            child.wait().expect("ends");
            Janitor::get().forget(&child);
        }
        for _ in 0..3 {
            loaded(&scene, &database, &flags);
        }
        assert_there(&database, &expected);
        println!("{database}: {kills} kills, {finished} of them came too late");
    }
}
