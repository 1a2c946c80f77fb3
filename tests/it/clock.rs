//! A wall clock that is set while archiver runs, or between two runs.

use std::thread;
use std::time::Duration;

use crate::config::Config;
use crate::kafka::Server;
use crate::produce::Producer;
use crate::says;
use crate::scene::Scene;
use crate::values::Values;
use crate::wall_clock::WallClock;

const HOUR: i64 = 3600;

#[test]
fn a_broker_that_comes_back_is_read_again_at_once_whichever_way_the_clock_was_set_meanwhile() {
    let server = Server::private();
    let scene = Scene::on(&server);
    let topic = scene.topic("comes-back", 2);
    let clock = WallClock::new(&scene);
    let config = Config::new().archive(&topic, "a.ndjson", &[("start", "earliest")]);
    let mut values = Values::new(1);
    let mut total = 0;
    for seconds in [-HOUR, HOUR, -20] {
        let archiver = clock.start(&scene, &config);
        let mut send = || {
            Producer::new(&server).send_all(&topic, values.jsons(20));
            total += 20;
            scene.await_lines(&archiver, "a.ndjson", total);
        };
        send();
        server.kill();
        archiver.await_line(&says::cluster_down());
        // While each of its threads waits for something.
        for _ in 0..20 {
            clock.step(seconds);
            thread::sleep(Duration::from_millis(100));
        }
        server.restart();
        send();
        archiver.stop();
    }
    scene.assert_exact(&topic, "a.ndjson");
}

#[test]
fn a_clock_that_is_set_while_all_is_well_or_between_two_runs_changes_nothing() {
    let scene = Scene::new();
    let topic = scene.topic("steady", 2);
    let clock = WallClock::new(&scene);
    let config = Config::new().archive(&topic, "a.ndjson", &[("start", "earliest")]);
    let mut values = Values::new(1);
    let mut total = 0;
    for seconds in [-HOUR, HOUR, -20] {
        let archiver = clock.start(&scene, &config);
        let mut send = || {
            Producer::new(scene.server).send_all(&topic, values.jsons(20));
            total += 20;
            scene.await_lines(&archiver, "a.ndjson", total);
        };
        send();
        clock.step(seconds);
        archiver.await_line(&says::clock_set(seconds));
        send();
        scene.await_checkpointed(format!(".archiver/{}", topic.name), total);
        archiver.stop();
        clock.step(2 * seconds);
    }
    scene.assert_exact(&topic, "a.ndjson");
}
