//! What is typed, and what is refused of it.

use serde_json::json;

use crate::archiver::run;
use crate::replay::pauses::{stamped, stamps};
use crate::replay::{
    FIRST, SECONDS, ends, now_ms, numbers, read, report, says, seconds, table, write,
};
use crate::scene::Scene;

#[test]
fn what_makes_no_sense_is_refused_before_anything_is_asked() {
    let scene = Scene::new();
    seconds(&scene, "a.csv");
    seconds(&scene, "b.csv");
    for (line, parts) in [
        (
            "a.csv -t t --speed 0",
            &["0 would never send anything", "max"][..],
        ),
        ("a.csv -t t --speed -1", &["--speed"]),
        (
            "a.csv -t t --speed fast",
            &["write 1 for as fast as it was"],
        ),
        ("a.csv -t t --rate 0", &["--rate"]),
        ("a.csv -t t --rate 5 --speed 2", &["--rate", "--speed"]),
        (
            "a.csv b.csv -t t",
            &["-t is for a single input", "--topic-map"],
        ),
        (
            "a.csv -t t --since 2000000000 --until 1000000000",
            &["--since is not before --until"],
        ),
        ("a.csv -t t --since yesteryear", &["--since", "not a time"]),
        (
            "a.csv -t t --start-at tomorrow",
            &["--start-at", "not a time"],
        ),
        ("a.csv -t t --loop 0", &["--loop"]),
        ("a.csv -t t --topic-map nothing", &["REGEX=REPLACEMENT"]),
        ("a.csv -t t --exactly-once", &["--transaction 100ms"]),
        ("a.csv -t t --transaction 1s", &["--exactly-once"]),
        (
            "a.csv -t t --exactly-once --speed max --on-refused skip",
            &["--on-refused skip"],
        ),
        ("a.csv -t t --name a/b", &["--name"]),
        ("- -t t --loop 2", &["standard input can't be read twice"]),
        (
            "/dev/stdin -t t --loop 2",
            &["/dev/stdin can't be read twice"],
        ),
    ] {
        says(&scene, 2, line, parts);
    }
    let ended = run(scene.directory(), &["replay", "a.csv", "-t", "t"]);
    assert_eq!(ended.code(), Some(2));
    assert!(ended.stderr.contains("-b HOST:PORT"), "{}", ended.stderr);
}

#[test]
fn timestamps_are_kept_or_moved_or_those_of_the_moment() {
    let scene = Scene::new();
    seconds(&scene, "data.csv");
    let sent = |which: &str| {
        let topic = scene.topic("replay-times", 1);
        ends(
            &scene,
            0,
            &format!("data.csv -t {} --speed max {which}", topic.name),
        );
        let seen = read(&scene, &topic).remove(&0).expect("records");
        seen.iter().map(|seen| seen.timestamp).collect::<Vec<_>>()
    };
    let own = SECONDS.map(|second| (FIRST + second) * 1_000);
    assert_eq!(sent(""), own);
    let before = now_ms();
    let moved = sent("--timestamps shift");
    assert!(
        (before..=now_ms()).contains(&moved[0]),
        "the first one is now"
    );
    assert!(
        moved
            .iter()
            .zip(own)
            .all(|(moved_to, own)| moved_to - moved[0] == own - own_first())
    );
    let before = now_ms();
    let now = sent("--timestamps now");
    assert!(
        now.iter().all(|ms| (before..=now_ms()).contains(ms)),
        "{now:?}"
    );
}

fn own_first() -> i64 {
    FIRST * 1_000
}

#[test]
fn rounds_follow_each_other_with_the_times_of_the_last_one() {
    let scene = Scene::new();
    seconds(&scene, "data.csv");
    let topic = scene.topic("replay-loop", 1);
    let line = format!(
        "data.csv -t {} --speed 500 --loop 2 --timestamps shift",
        topic.name
    );
    let report = report(&scene, 0, &line);
    let last = report["seconds"].as_f64().expect("seconds");
    assert!(last >= 0.095, "twice 48 ms: {report}");
    assert!(numbers(&scene, &topic).into_iter().eq((0..9).chain(0..9)));
    let seen = &read(&scene, &topic)[&0];
    let passed = seen
        .iter()
        .map(|of| (of.timestamp - seen[0].timestamp) / 1_000);
    assert!(passed.eq(SECONDS.into_iter().chain(SECONDS.map(|second| 24 + second))));
}

#[test]
fn keys_say_the_partition_if_that_is_wanted() {
    let scene = Scene::new();
    write(&scene, "data.csv", &table((0..60).map(|row| FIRST + row)));
    let topic = scene.topic("replay-keys", 6);
    let line = format!(
        "data.csv -t {} --speed max --key value --partition key",
        topic.name
    );
    ends(&scene, 0, &line);
    ends(&scene, 0, &line);
    let found = read(&scene, &topic);
    assert!(found.len() > 3, "{:?}", found.keys());
    for seen in found.values() {
        let mut keys = seen.iter().map(|seen| seen.key.clone()).collect::<Vec<_>>();
        keys.sort_unstable();
        let is_twice = |pair: &[_]| pair.len() == 2;
        assert!(
            keys.chunk_by(|a, b| a == b).all(is_twice),
            "each in the same one"
        );
    }
}

#[test]
fn what_is_refused_ends_it_or_is_left_out_and_counted() {
    let scene = Scene::new();
    let topic = scene.planned("replay-large");
    topic.make(1, &[("max.message.bytes", "1000")]);
    let large = "x".repeat(3_000);
    write(
        &scene,
        "data.csv",
        &format!(
            "ts,value\n{FIRST},1\n{},{large}\n{},3\n",
            FIRST + 1,
            FIRST + 2
        ),
    );
    let line = format!("data.csv -t {} --speed 1000", topic.name);
    says(
        &scene,
        1,
        &line,
        &[&topic.name, "was refused", "too large", "--on-refused skip"],
    );
    assert_eq!(numbers(&scene, &topic)[..1], [1], "what came before it");
    let before = topic.bounds(0).1;
    let report = report(&scene, 3, &format!("{line} --on-refused skip"));
    let of = &report["topics"][0];
    assert_eq!(
        (&of["arrived"], &report["complete"]),
        (&json!(2), &json!(true)),
        "{report}"
    );
    let refused = of["refused"].as_object().expect("reasons");
    assert!(refused.values().eq(&[1]), "{report}");
    assert_eq!(topic.bounds(0).1, before + 2);
    says(
        &scene,
        3,
        &format!("{line} --on-refused skip"),
        &["refused: 1: "],
    );
    // It is small enough once it is compressed.
    ends(&scene, 0, &format!("{line} --compression zstd"));
}

#[test]
fn a_schedule_that_can_t_be_kept_ends_it_or_is_moved() {
    let scene = Scene::new();
    write(
        &scene,
        "data.csv",
        &table((0..20_000).map(|row| FIRST + row)),
    );
    let topic = scene.topic("replay-late", 1);
    let line = format!(
        "data.csv -t {} --rate 1000000000 --late-after 1ms",
        topic.name
    );
    let parts = ["later than it was due", "--late-after", "lower --speed"];
    says(&scene, 1, &format!("{line} --when-late fail"), &parts);
    let sent = numbers(&scene, &topic).len() as i64;
    assert!(sent < 20_000 && numbers(&scene, &topic).into_iter().eq(0..sent));
    let topic = scene.topic("replay-stretched", 1);
    let line = format!(
        "data.csv -t {} --rate 1000000000 --late-after 1ms",
        topic.name
    );
    let report = report(&scene, 0, &format!("{line} --when-late stretch"));
    assert!(report["stretched_ms"].as_f64() > Some(1.0), "{report}");
    assert!(numbers(&scene, &topic).into_iter().eq(0..20_000));
}

#[test]
fn the_report_has_all_figures_as_one_object() {
    let scene = Scene::new();
    let topics = ["replay-report-a", "replay-report-b"].map(|name| scene.topic(name, 1));
    for topic in &topics {
        seconds(&scene, &format!("{}.csv", topic.name));
    }
    let [a, b] = &topics;
    let report = report(
        &scene,
        0,
        &format!("{}.csv {}.csv --speed 500", a.name, b.name),
    );
    assert_eq!(report["complete"], true);
    for (of, topic) in report["topics"]
        .as_array()
        .expect("topics")
        .iter()
        .zip(&topics)
    {
        assert_eq!(of["topic"], *topic.name);
        assert_eq!(
            (&of["sent"], &of["arrived"], &of["refused"]),
            (&json!(9), &json!(9), &json!({}))
        );
        assert!(of["lateness"]["p99_ms"].is_number(), "{of}");
        assert_eq!(numbers(&scene, topic).len(), 9);
    }
    assert!(report["lateness"]["p50_ms"].as_f64() <= report["lateness"]["max_ms"].as_f64());
    assert!(report["seconds"].as_f64() >= Some(0.047), "{report}");
    assert!(report["end_late_ms"].is_number(), "{report}");
    for count in [
        "sent_before",
        "steps_back",
        "shortened_pauses",
        "rows_skipped",
        "rows_sent_raw",
    ] {
        assert_eq!(report[count], 0, "{count}");
    }
    let fast = self::report(&scene, 0, &format!("{}.csv --speed max", a.name));
    assert_eq!(fast["lateness"], json!(null), "nothing was due");
}

#[test]
fn properties_reach_the_producer() {
    let scene = Scene::new();
    seconds(&scene, "data.csv");
    let topic = stamped(&scene, "replay-properties");
    ends(
        &scene,
        0,
        &format!("data.csv -t {} --speed 100 -X linger.ms=900", topic.name),
    );
    let stamps = stamps(&scene, &topic);
    assert_eq!(stamps.first(), stamps.last(), "they wait for each other");
    says(&scene, 2, "data.csv -t t -X linger.ms=soon", &["linger.ms"]);
    let line = format!("data.csv -t {} --speed max -X acks=1", topic.name);
    says(&scene, 1, &line, &["acks", "enable.idempotence"]);
}
