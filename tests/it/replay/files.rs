//! What files become, and what is said of rows that can't be used.

use std::fs::File;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use rustix::process::Signal;
use serde_json::json;

use crate::archiver::Archiver;
use crate::replay::{
    FIRST, SECONDS, ends, numbers, read, report, says, seconds, table, values, write,
};
use crate::scene::Scene;
use crate::wait::{LONG, eventually};

#[test]
fn rows_become_objects_with_the_types_that_their_cells_have() {
    let scene = Scene::new();
    let text = "id;when;price;ok;note\n7;2021-01-01 01:00:00;1.50;true;\n8;2021-01-01 01:00:01;-2e3;false;\"a \"\"b\"\"\"\n";
    write(&scene, "rows.csv", text);
    let topic = scene.topic("replay-rows", 1);
    let line = "--time-field when --timezone Europe/Berlin --key id --speed max";
    ends(&scene, 0, &format!("rows.csv -t {} {line}", topic.name));
    let seen = &read(&scene, &topic)[&0];
    // As they were typed: with all of their digits.
    let first = br#"{"id":7,"when":"2021-01-01 01:00:00","price":1.50,"ok":true,"note":null}"#;
    assert_eq!(seen[0].value.as_deref(), Some(&first[..]));
    assert_eq!(seen[1].key.as_deref(), Some(&b"8"[..]));
    assert_eq!(seen[0].timestamp, 1_609_459_200_000);
    assert_eq!(seen[1].timestamp, 1_609_459_201_000);
    assert_eq!(values(&scene, &topic)[1]["note"], json!("a \"b\""));
}

#[test]
fn a_pair_is_sent_as_its_time_and_its_value() {
    let scene = Scene::new();
    seconds(&scene, "data.csv");
    let topic = scene.topic("replay-pair", 1);
    ends(
        &scene,
        0,
        &format!("data.csv -t {} --shape pair --speed max", topic.name),
    );
    let expected = (0..)
        .zip(SECONDS)
        .map(|(number, second)| json!({ (FIRST + second).to_string(): number }));
    assert!(values(&scene, &topic).into_iter().eq(expected));
}

#[test]
fn lines_are_sent_as_they_stand_by_the_time_in_a_field() {
    let scene = Scene::new();
    let lines = "{ \"meta\": {\"ts\": 1600000000.5}, \"a\": 1}\n\n{\"meta\":{\"ts\":1600000001},\"k\":\"key\"}\n";
    write(&scene, "lines.ndjson", lines);
    let topic = scene.topic("replay-lines", 1);
    let line = format!(
        "lines.ndjson -t {} --time-field meta.ts --key k --speed max",
        topic.name
    );
    ends(&scene, 0, &line);
    let seen = &read(&scene, &topic)[&0];
    let sent = seen.iter().map(|seen| seen.value.clone().expect("a value"));
    let whole = lines.lines().filter(|line| !line.is_empty());
    assert!(sent.eq(whole.map(|line| line.as_bytes().to_vec())));
    assert_eq!(
        (seen[0].timestamp, seen[0].key.as_deref()),
        (FIRST * 1_000 + 500, None)
    );
    assert_eq!(seen[1].key.as_deref(), Some(&b"key"[..]));
}

#[test]
fn a_row_that_can_t_be_used_is_said_left_out_or_sent_as_it_stands() {
    let scene = Scene::new();
    let text = format!(
        "timestamp,value\n{FIRST},0\n{},1\nsoon,2\n{},3,4\n{},5\n",
        FIRST + 1,
        FIRST + 2,
        FIRST + 3
    );
    write(&scene, "bad.csv", &text);
    let topic = scene.topic("replay-bad", 1);
    let line = format!("bad.csv -t {} --speed max", topic.name);
    let place = "bad.csv, line 4, column timestamp: ";
    says(
        &scene,
        1,
        &line,
        &[place, "soon", "--on-bad skip", "--resume"],
    );
    assert_eq!(numbers(&scene, &topic), [0, 1], "what came before it");
    let topic = scene.topic("replay-limit", 1);
    let line = format!("bad.csv -t {} --speed max --limit 2", topic.name);
    ends(&scene, 0, &line);
    assert_eq!(
        numbers(&scene, &topic),
        [0, 1],
        "what is behind the limit isn't read"
    );
    let topic = scene.topic("replay-skip", 1);
    let line = format!("bad.csv -t {} --speed max --on-bad skip", topic.name);
    let report = report(&scene, 3, &line);
    assert_eq!(
        (&report["rows_skipped"], &report["complete"]),
        (&json!(2), &json!(true))
    );
    assert_eq!(numbers(&scene, &topic), [0, 1, 5]);
    let topic = scene.topic("replay-raw", 1);
    let line = format!("bad.csv -t {} --speed max --on-bad send-raw", topic.name);
    says(
        &scene,
        0,
        &line,
        &["2 rows could not be used, and were sent as they stand"],
    );
    let seen = &read(&scene, &topic)[&0];
    let sent = seen.iter().map(|seen| {
        (
            seen.value.as_deref().unwrap_or_default(),
            seen.timestamp / 1_000,
        )
    });
    let sent = sent.collect::<Vec<_>>();
    assert_eq!(sent[2], (&b"soon,2"[..], FIRST + 1));
    assert_eq!(sent[3].0, format!("{},3,4", FIRST + 2).as_bytes());
    assert_eq!(sent.len(), 5);
    // Those outside of what is asked for aren't sent, nor counted.
    let topic = scene.topic("replay-raw-until", 1);
    let until = format!("bad.csv -t {} --until {}", topic.name, FIRST + 1);
    let report = crate::replay::report(&scene, 0, &format!("{until} --on-bad send-raw"));
    let found = (&report["rows_sent_raw"], numbers(&scene, &topic));
    assert_eq!(found, (&json!(0), vec![0]), "{report}");
}

#[test]
fn a_record_that_steps_back_in_time_is_sent_at_once_and_counted() {
    let scene = Scene::new();
    write(
        &scene,
        "back.csv",
        &table([0, 5, 2, 3, 6].map(|second| FIRST + second)),
    );
    let topic = scene.topic("replay-back", 1);
    let report = report(
        &scene,
        0,
        &format!("back.csv -t {} --speed 100", topic.name),
    );
    assert_eq!(report["steps_back"], 2);
    assert_eq!(numbers(&scene, &topic), [0, 1, 2, 3, 4]);
    let stepped = read(&scene, &topic)[&0][2].timestamp;
    assert_eq!(stepped, (FIRST + 2) * 1_000, "it keeps its own");
}

#[test]
fn what_comes_on_standard_input_or_compressed_is_read_like_a_file() {
    let scene = Scene::new();
    seconds(&scene, "data.csv");
    let topic = scene.topic("replay-stdin", 1);
    let broker = scene.server.bootstrap();
    let flags = [
        "replay",
        "-",
        "-b",
        &broker,
        "-t",
        &topic.name,
        "--speed",
        "max",
    ];
    let input = File::open(scene.path("data.csv")).unwrap();
    let running = Archiver::start_fed(scene.directory(), &flags, input.into());
    let ended = running.await_end();
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    let nine = (0..9).collect::<Vec<_>>();
    assert_eq!(numbers(&scene, &topic), nine);
    says(
        &scene,
        2,
        "- --speed max",
        &["standard input: to which topic", "-t"],
    );
    let topic = scene.topic("replay-gz", 1);
    let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
    gz.write_all(table(SECONDS.map(|second| FIRST + second)).as_bytes())
        .unwrap();
    // The file says which topic it is for.
    let file = format!("{}.csv.gz", topic.name);
    std::fs::write(scene.path(&file), gz.finish().unwrap()).unwrap();
    ends(&scene, 0, &format!("{file} --speed max"));
    assert_eq!(numbers(&scene, &topic), nine);
}

#[test]
fn a_pipe_is_read_as_it_is_written_and_may_be_left() {
    let scene = Scene::new();
    let topic = scene.topic("replay-pipe", 1);
    let broker = scene.server.bootstrap();
    let flags = [
        "replay",
        "-",
        "-b",
        &broker,
        "-t",
        &topic.name,
        "--speed",
        "100",
    ];
    let (input, mut pipe) = std::io::pipe().unwrap();
    let running = Archiver::start_fed(scene.directory(), &flags, input.into());
    let mut rows = table([FIRST, FIRST + 1]);
    for arrived in [2, 3, 4] {
        pipe.write_all(rows.as_bytes()).unwrap();
        eventually(LONG, "what was written arrives", || {
            topic.bounds(0).1 == arrived
        });
        rows = format!("{},{arrived}\n", FIRST + arrived);
    }
    running.signal(Signal::INT);
    let ended = running.await_end();
    assert_eq!(ended.code(), Some(130), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("interrupted after 4 records"),
        "{}",
        ended.stderr
    );
    assert_eq!(numbers(&scene, &topic), [0, 1, 2, 3]);
}

#[test]
fn a_file_that_isn_t_there_or_has_no_time_is_said_before_anything_is_sent() {
    let scene = Scene::new();
    write(&scene, "none.csv", "a,b\nx,y\n");
    says(
        &scene,
        1,
        "none.csv -t t",
        &["none.csv", "--time-field", "a, b"],
    );
    says(
        &scene,
        1,
        "./nowhere.csv -t t",
        &["nowhere.csv", "o such file"],
    );
    write(&scene, "none.ndjson", "{\"a\":1}\n");
    says(
        &scene,
        1,
        "none.ndjson -t t",
        &["none.ndjson", "line 1", "--time-field"],
    );
}
