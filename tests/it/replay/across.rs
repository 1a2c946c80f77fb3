//! Several topics on one clock.

use crate::replay::pauses::{stamped, stamps};
use crate::replay::{FIRST, ends, numbers, table, write};
use crate::scene::Scene;
use crate::topic::Topic;

/// Three tables whose rows take turns, so many milliseconds apart, each for a topic of its own that is called like it.
fn taking_turns<'a>(scene: &'a Scene, rows: i64, apart_ms: i64) -> (Vec<Topic<'a>>, String) {
    let topics = [0, 1, 2].map(|number| stamped(scene, &format!("replay-turn-{number}")));
    let mut files = Vec::new();
    for (number, topic) in (0..).zip(&topics) {
        let times = (0..rows).map(|row| FIRST * 1_000 + (3 * row + number) * apart_ms);
        files.push(format!("{}.csv", topic.name));
        write(scene, &files[number as usize], &table(times));
    }
    (topics.into(), files.join(" "))
}

/// The most by which a record was stamped before one that was due earlier, in milliseconds.
fn most_out_of_order(scene: &Scene, topics: &[Topic], rows: i64) -> i64 {
    let all = topics.iter().map(|topic| stamps(scene, topic));
    let all = all.collect::<Vec<_>>();
    let (mut latest, mut most) = (i64::MIN, 0);
    for row in 0..rows as usize {
        for stamps in &all {
            latest = latest.max(stamps[row]);
            most = most.max(latest - stamps[row]);
        }
    }
    most
}

fn assert_whole(scene: &Scene, topics: &[Topic], rows: i64) {
    for topic in topics {
        assert!(
            numbers(scene, topic).into_iter().eq(0..rows),
            "{}",
            topic.name
        );
    }
}

#[test]
fn topics_keep_their_order_among_each_other() {
    let scene = Scene::new();
    let (topics, files) = taking_turns(&scene, 200, 2);
    ends(&scene, 0, &format!("{files} --timestamps now"));
    assert_whole(&scene, &topics, 200);
    let first = stamps(&scene, &topics[0])[0];
    let last = stamps(&scene, &topics[2])[199];
    let most = most_out_of_order(&scene, &topics, 200);
    assert!(
        most <= 250 && most * 2 < last - first,
        "{most} ms of {}",
        last - first
    );
}

#[test]
fn topics_are_sent_side_by_side_as_fast_as_it_goes() {
    let scene = Scene::new();
    let (topics, files) = taking_turns(&scene, 20_000, 1_000);
    ends(&scene, 0, &format!("{files} --speed max"));
    assert_whole(&scene, &topics, 20_000);
    let most = most_out_of_order(&scene, &topics, 20_000);
    assert!(most <= 1_000, "{most} ms");
}
