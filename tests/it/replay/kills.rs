//! `kill -9`, and on with `--resume`.
//!
//! `ARCHIVER_REPLAY_KILLS` is how often; with more than a few the broker is killed in between as well.

use std::thread;
use std::time::Duration;

use crate::dump::Partitions;
use crate::kafka::{Server, shared};
use crate::numbers::number;
use crate::random::Random;
use crate::replay::targets::envelopes;
use crate::replay::{ends, read, start, write};
use crate::scene::Scene;
use crate::show::show;
use crate::topic::Topic;
use crate::wait::{LONG, eventually};

/// So often in a run that nobody made longer.
const A_FEW: u64 = 5;

/// The numbers of the records in each partition.
fn numbers(partitions: &Partitions) -> Vec<Vec<i64>> {
    let numbers = partitions.values().map(|records| {
        let values = records
            .iter()
            .map(|seen| seen.value.as_deref().expect("a value"));
        let numbers = values.map(|value| std::str::from_utf8(value).expect("text").parse());
        numbers.collect::<Result<Vec<i64>, _>>().expect("a number")
    });
    numbers.collect()
}

/// Kills a replay as soon as it has sent some more, again and again; then lets it end.
fn storm(scene: &Scene, topics: &[Topic], line: &str, kills: u64, between: impl Fn(u64)) {
    let mut random = Random::new(number("ARCHIVER_REPLAY_SEED", 1));
    let sent = || {
        let ends = topics
            .iter()
            .flat_map(|topic| (0..3).map(|partition| topic.bounds(partition).1));
        ends.sum::<i64>()
    };
    for kill in 0..kills {
        let before = sent();
        let running = start(scene, line);
        eventually(LONG, "it goes on", || {
            !running.is_running() || sent() > before
        });
        thread::sleep(Duration::from_millis(random.below(250)));
        if !running.is_running() {
            // A slow kill, and there was nothing left to send.
            let said = running.await_end().stderr;
            assert!(kill >= kills / 2, "it has ended before kill {kill}: {said}");
            break;
        }
        running.kill();
        between(kill);
    }
    ends(scene, 0, line);
}

/// Files of envelopes, each for a topic of three partitions.
fn prepare<'a>(scene: &'a Scene, name: &str, records: i64) -> (Vec<Topic<'a>>, String) {
    let topics = [0, 1].map(|number| scene.topic(&format!("{name}-{number}"), 3));
    for topic in &topics {
        write(
            scene,
            &format!("{}.ndjson", topic.name),
            &envelopes(&topic.name, 0..records),
        );
    }
    let [a, b] = &topics;
    let line = format!("{}.ndjson {}.ndjson --resume", a.name, b.name);
    (topics.into(), line)
}

#[test]
fn nothing_is_lost_and_the_order_stays_when_it_is_killed() {
    let scene = Scene::new();
    let (topics, line) = prepare(&scene, "replay-killed", 30_000);
    storm(&scene, &topics, &format!("{line} --rate 20000"), 2, |_| {});
    let mut again = 0;
    for topic in &topics {
        for (partition, numbers) in (0..).zip(numbers(&read(&scene, topic))) {
            let mut next = partition;
            for number in numbers {
                // What was sent before may come again, but nothing before its turn.
                assert!(number <= next, "{number} comes before {next}");
                again = again.max(next - number);
                next = number + 3;
            }
            assert_eq!(next, 30_000 + partition);
        }
    }
    show(&format!(
        "replay: killed twice, and went back by {again} records at most"
    ));
}

#[test]
fn each_record_is_there_once_when_it_is_killed_again_and_again_in_transactions() {
    let kills = number("ARCHIVER_REPLAY_KILLS", A_FEW);
    let own = (kills > A_FEW).then(Server::private);
    let scene = Scene::on(own.as_ref().unwrap_or_else(|| shared()));
    let records = 8_000 * kills.cast_signed();
    let (topics, line) = prepare(&scene, "replay-once", records);
    let line = format!("{line} --rate 20000 --exactly-once --transaction 50ms");
    storm(&scene, &topics, &line, kills, |kill| {
        if let Some(server) = own.as_ref().filter(|_| kill % 10 == 9) {
            server.kill();
            server.restart();
        }
    });
    for topic in &topics {
        topic.await_committed();
        // Kafka's own client says what is committed.
        let found = numbers(&scene.records(topic));
        for (partition, numbers) in (0..3).zip(found) {
            let expected = (0..records).filter(|number| number % 3 == partition);
            let lost = expected.clone().count().cast_signed() - numbers.len().cast_signed();
            assert!(
                numbers.into_iter().eq(expected),
                "{}: {lost} are lost, or doubled",
                topic.name
            );
        }
    }
}
