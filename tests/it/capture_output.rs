//! `archiver capture -o -`: records for a pipe, and what is said beside them.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::archiver::run;
use crate::capture::{capture, flags, flags_on, places, seen, sorted, words};
use crate::files;
use crate::kafka::cluster;
use crate::produce::Producer;
use crate::proxy::Fault;
use crate::scene::Scene;
use crate::values::Values;
use crate::wait::{LONG, eventually};

/// A capture whose output is read only when this test likes.
fn start(directory: &Path, flags: &[String]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_archiver"));
    command.args(flags).current_dir(directory);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("archiver")
}

fn interrupt(capture: &Child) {
    kill_process(Pid::from_child(capture), Signal::INT).expect("a signal");
}

/// The next line that it prints.
fn next_line(output: &mut impl BufRead) -> Vec<u8> {
    let mut line = Vec::new();
    output.read_until(b'\n', &mut line).expect("a line");
    line
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn standard_output_gets_the_records_and_may_be_closed_at_any_time() {
    let scene = Scene::new();
    let topic = scene.topic("capture-out", 2);
    Producer::new(scene.server).send_all(&topic, Values::new(6).jsons(5_000));
    let ended = capture(&scene, &topic, "-", &words("--all"));
    assert_eq!((ended.code(), &*ended.stderr), (Some(0), ""));
    let found = places(ended.stdout.as_bytes());
    let records = found.len();
    assert_eq!(sorted(found), sorted(seen(&scene.records(&topic))));
    let ended = capture(&scene, &topic, "-", &words("--all --json"));
    let report: Value = serde_json::from_str(&ended.stderr).expect("JSON");
    assert_eq!(
        (&report["records"], &report["complete"]),
        (&json!(records), &json!(true))
    );
    assert_eq!(report["bytes"], ended.stdout.len(), "{report}");
    let flags = flags(&topic, "-", &words("--all"));
    let mut head = Command::new("sh");
    head.arg("-c").arg(format!(
        "{} {} | head -n 1",
        env!("CARGO_BIN_EXE_archiver"),
        flags.join(" ")
    ));
    let head = head
        .current_dir(scene.directory())
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert_eq!(files::lines(&head.stdout).len(), 1);
    assert_eq!(String::from_utf8_lossy(&head.stderr), "");
}

#[test]
fn what_kafka_deletes_before_it_is_printed_is_a_gap() {
    let scene = Scene::new();
    let topic = scene.topic("capture-out-gap", 2);
    let (producer, mut values) = (Producer::new(scene.server), Values::new(7));
    producer.send_all(
        &topic,
        values.jsons(5_000).into_iter().map(|record| record.to(0)),
    );
    producer.send_all(
        &topic,
        values.jsons(30).into_iter().map(|record| record.to(1)),
    );
    // Deleted before it begins, but asked for.
    topic.delete_records(0, 5);
    let ended = capture(&scene, &topic, "-", &words("--offsets 0..20 --partition 0"));
    assert_eq!(ended.code(), Some(3), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("partition 0, from offset 0 on"),
        "{}",
        ended.stderr
    );
    assert_eq!(places(ended.stdout.as_bytes()).len(), 15);
    // Deleted meanwhile: partition 0 fills the pipe, so partition 1 is not being read yet.
    let mut running = start(scene.directory(), &flags(&topic, "-", &words("--all")));
    let mut output = BufReader::new(running.stdout.take().expect("its output"));
    let mut printed = next_line(&mut output);
    topic.delete_records(1, 10);
    output.read_to_end(&mut printed).expect("the rest");
    let ended = running.wait_with_output().expect("its end");
    assert_eq!(ended.status.code(), Some(3), "{}", said(&ended));
    assert!(
        said(&ended).contains("Kafka deleted up to 10 records"),
        "{}",
        said(&ended)
    );
    assert_eq!(
        sorted(places(&printed)),
        sorted(seen(&scene.records(&topic)))
    );
}

#[test]
fn a_stop_is_heard_while_the_brokers_say_nothing() {
    let server = cluster();
    let scene = Scene::on(&server);
    let topic = scene.topic("capture-out-still", 2);
    let producer = Producer::new(scene.server);
    let both = (0..2).flat_map(|partition| {
        let records = Values::new(8).jsons(5_000).into_iter();
        records.map(move |record| record.to(partition))
    });
    producer.send_all(&topic, both);
    let flags = flags_on(&server.proxied(), &topic, "-", &words("--all"));
    let mut running = start(scene.directory(), &flags);
    let mut output = BufReader::new(running.stdout.take().expect("its output"));
    let mut printed = next_line(&mut output);
    // Partition 1 is asked for when all of partition 0 is printed, and never comes.
    server.fault(Fault::HalfOpen);
    for _ in 1..5_000 {
        printed.extend(next_line(&mut output));
    }
    interrupt(&running);
    output.read_to_end(&mut printed).expect("the rest");
    let ended = running.wait_with_output().expect("its end");
    server.fault(Fault::None);
    assert_eq!(ended.status.code(), Some(130), "{}", said(&ended));
    assert_eq!(files::lines(&printed).len(), 5_000);
}

#[test]
fn a_stop_is_heard_while_it_asks_what_there_is() {
    let scene = Scene::new();
    let topic = scene.topic("capture-asks", 1);
    for file in ["-", "file"] {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let address = listener.local_addr().expect("its address").to_string();
        let flags = [
            "capture",
            "-b",
            &address,
            "-t",
            &topic.name,
            "-o",
            file,
            "--all",
        ];
        let running = start(scene.directory(), &flags.map(str::to_owned));
        // It is connected, and asks; nobody answers.
        let asked = listener.accept().expect("a connection");
        interrupt(&running);
        let ended = running.wait_with_output().expect("its end");
        assert_eq!(ended.status.code(), Some(130), "{}", said(&ended));
        assert!(!scene.path("file").exists());
        drop(asked);
    }
}

#[test]
fn a_stop_is_heard_while_nobody_reads() {
    let scene = Scene::new();
    let topic = scene.topic("capture-out-stalled", 1);
    Producer::new(scene.server).send_all(&topic, Values::new(9).jsons(20_000));
    let running = start(scene.directory(), &flags(&topic, "-", &words("--all")));
    let output = running.stdout.as_ref().expect("its output");
    // A pipe has 64 KiB, and is full with less where pages are not.
    eventually(LONG, "the pipe is full", || {
        rustix::io::ioctl_fionread(output).expect("a pipe") > 50_000
    });
    interrupt(&running);
    let mut running = running;
    let unread = running.stdout.take();
    let mut ended = None;
    eventually(LONG, "its end", || {
        ended = running.try_wait().expect("its state");
        ended.is_some()
    });
    assert_eq!(ended.and_then(|ended| ended.code()), Some(130));
    drop(unread);
}

#[test]
fn what_is_about_files_is_refused_where_none_is_written() {
    let directory = tempfile::tempdir().expect("a directory");
    for (typed, says) in [
        ("--resume", "name a file with -o FILE"),
        ("--overwrite", "name a file with -o FILE"),
        ("--set compression=\"zstd\"", "gzip or zstd"),
        ("--set rotate={records=5}", "split"),
    ] {
        let flags = format!("capture -b 127.0.0.1:1 -t a -o - --all {typed}");
        let flags = flags.split(' ').collect::<Vec<_>>();
        let ended = run(directory.path(), &flags);
        assert_eq!(ended.code(), Some(2), "{}", ended.stderr);
        assert!(ended.stderr.contains(says), "{}", ended.stderr);
    }
}
