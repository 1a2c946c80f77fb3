//! The status page, health, readiness, and what is refused, over HTTP.

pub mod ask;
pub mod hostile;
mod silent;

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use rustix::process::Signal;
use serde_json::Value;

use crate::archiver::{Archiver, run};
use crate::config::Config;
use crate::produce::Producer;
use crate::says;
use crate::scene::Scene;
use crate::topic::Topic;
use crate::values::Values;
use crate::wait::{LONG, eventually};
use ask::{Answer, ask, ask_as, get};

const ANY_PORT: &str = "127.0.0.1:0";
const TOKEN: &str = "a-secret-that-nobody-guesses";

/// An archive for each of these topics, and a page.
fn config(topics: &[&Topic], listen: &str) -> Config {
    let config = Config::new().set("http", "listen", listen);
    topics.iter().fold(config, |config, topic| {
        let file = format!("{}.ndjson", topic.name);
        config.archive(
            topic,
            &file,
            &[("start", "earliest"), ("checkpoint", "200ms")],
        )
    })
}

/// Where it answers, once it does.
fn address(archiver: &Archiver) -> String {
    let line = archiver.await_line(&says::answering());
    let (_, url) = line.split_once("http://").expect("an address");
    url.trim_end_matches('/').to_owned()
}

/// Waits until it answers with this status, and returns the answer.
#[track_caller]
fn await_status(address: &str, path: &str, status: u16) -> Answer {
    let mut last = None;
    eventually(LONG, &format!("{path} answers {status}"), || {
        let answer = get(address, path);
        let is_it = answer.status == status;
        last = Some(answer);
        is_it
    });
    last.expect("an answer")
}

fn json(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).expect("JSON")
}

#[test]
fn the_page_metrics_and_health_of_archives_that_run_are_answered() {
    let scene = Scene::new();
    let topics = ["http-a", "http-b"].map(|name| scene.topic(name, 2));
    let producer = Producer::new(scene.server);
    for topic in &topics {
        producer.send_all(topic, Values::new(1).jsons(100));
    }
    let archiver = scene.start(&config(&topics.each_ref(), ANY_PORT));
    let address = address(&archiver);
    assert_eq!(await_status(&address, "/readyz", 200).body, "ready\n");
    assert_eq!(get(&address, "/healthz").body, "ok\n");
    let name = &topics[0].name;
    eventually(LONG, "the records are counted", || {
        let status = json(&get(&address, "/api/status"));
        status["totals"]["records"] == 200 && status["archives"][0]["records"] == 100
    });
    let status = json(&get(&address, "/api/status?partitions&rates"));
    assert_eq!(status["version"], 1);
    assert_eq!(status["archives"][0]["name"], **name);
    let page = get(&address, "/");
    let own = get(&address, &format!("/archive/{name}"));
    for page in [&page, &own] {
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        assert!(
            page.header("content-security-policy")
                .contains("default-src 'none'")
        );
        assert!(page.body.contains(name.as_str()), "{}", page.body);
        assert!(page.body.contains(&format!("{name}.ndjson")));
        for resource in ["src=", "@import", "url(", "href=\"http"] {
            assert!(!page.body.contains(resource), "{resource} loads something");
        }
    }
    assert!(own.body.contains("growing"), "its segment: {}", own.body);
    assert!(own.body.contains("running"), "its log: {}", own.body);
    let metrics = get(&address, "/metrics");
    assert!(
        metrics.body.contains("archiver_records_total"),
        "{}",
        metrics.body
    );
    let of_partitions = "archiver_partition_next_offset";
    assert!(!metrics.body.contains(of_partitions), "{}", metrics.body);
    let metrics_of_partitions = get(&address, "/metrics?partitions");
    assert!(metrics_of_partitions.body.contains(of_partitions));
    assert!(
        metrics
            .header("content-type")
            .starts_with("text/plain; version=0.0.4")
    );
    let open = ask_as(
        &address,
        "GET",
        "/metrics",
        &[(
            "Accept",
            "application/openmetrics-text;version=1.0.0,*/*;q=0.1",
        )],
    );
    assert!(
        open.header("content-type")
            .starts_with("application/openmetrics-text")
    );
    assert!(open.body.ends_with("# EOF\n"));
    let head = ask_as(&address, "HEAD", "/", &[]);
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    for nothing in [
        "/nothing",
        "/archive/nothing",
        "/archive/",
        "/archive/../api/status",
    ] {
        assert_eq!(get(&address, nothing).status, 404, "{nothing}");
    }
    archiver.stop();
    assert!(
        ask(&address, b"").is_none(),
        "nothing answers after the end"
    );
}

#[test]
fn an_archive_whose_topic_is_missing_is_not_ready_and_is_named_until_the_topic_is_there() {
    let scene = Scene::new();
    let (there, missing) = (scene.topic("http-there", 1), scene.planned("http-missing"));
    let archiver = scene.start(&config(&[&there, &missing], ANY_PORT));
    let address = address(&archiver);
    archiver.await_line(&says::waits_for_topic(&missing.name));
    let said = await_status(&address, "/readyz", 503);
    assert!(said.body.starts_with("not ready: "), "{}", said.body);
    assert!(
        said.body
            .contains(&format!("{}: waiting: topic ", missing.name)),
        "{}",
        said.body
    );
    eventually(LONG, "only one is not ready", || {
        let accepts = [("Accept", "application/json")];
        let said = json(&ask_as(&address, "GET", "/readyz", &accepts));
        assert_eq!(said["is_ready"], false);
        said["not_ready"] == 1 && said["waiting"][0]["archive"] == *missing.name
    });
    assert_eq!(get(&address, "/healthz").status, 200, "it lives");
    let shown = run(
        scene.directory(),
        &["status", "--url", &format!("http://{address}")],
    );
    assert_eq!(shown.code(), Some(1), "{shown:?}");
    assert!(shown.stdout.contains("doesn't exist"), "{}", shown.stdout);
    missing.make(1, &[]);
    await_status(&address, "/readyz", 200);
    eventually(LONG, "all is well", || {
        let shown = run(
            scene.directory(),
            &["status", "--url", &format!("http://{address}")],
        );
        shown.code() == Some(0)
    });
    archiver.stop();
}

#[test]
fn what_could_do_harm_is_refused() {
    let scene = Scene::new();
    let topic = scene.topic("http-refused", 1);
    let archiver = scene.start(&config(&[&topic], ANY_PORT));
    let address = address(&archiver);
    let status = |request: &str| ask(&address, request.as_bytes()).map(|answer| answer.status);
    let host = format!("Host: {address}\r\n");
    for (request, wanted) in [
        (format!("GET / HTTP/1.1\r\n{host}\r\n"), 200),
        ("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n".into(), 421),
        (
            format!("GET / HTTP/1.1\r\nHost: 127.0.0.1.evil.example\r\n{host}\r\n"),
            400,
        ),
        ("GET / HTTP/1.1\r\n\r\n".into(), 400),
        (
            format!("POST / HTTP/1.1\r\n{host}Content-Length: 0\r\n\r\n"),
            405,
        ),
        (format!("DELETE /api/status HTTP/1.1\r\n{host}\r\n"), 405),
        (
            format!("GET / HTTP/1.1\r\n{host}Content-Length: 5\r\n\r\nhello"),
            413,
        ),
        (
            format!("GET / HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n"),
            413,
        ),
        (
            format!("GET /{} HTTP/1.1\r\n{host}\r\n", "a".repeat(4000)),
            414,
        ),
        (
            format!("GET / HTTP/1.1\r\n{host}X: {}\r\n\r\n", "a".repeat(20_000)),
            431,
        ),
        (
            format!("GET / HTTP/1.1\r\n{host}{}\r\n", "X: y\r\n".repeat(100)),
            431,
        ),
        (
            format!("GET /../../../../etc/passwd HTTP/1.1\r\n{host}\r\n"),
            404,
        ),
        (
            format!("GET /archive/%2e%2e%2f%2e%2e HTTP/1.1\r\n{host}\r\n"),
            404,
        ),
        ("nonsense\r\n\r\n".into(), 400),
    ] {
        assert_eq!(status(&request), Some(wanted), "{request}");
    }
    // A TLS client's first bytes.
    let hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03abcdefgh";
    assert_ne!(ask(&address, hello).map(|answer| answer.status), Some(200));
    assert_eq!(get(&address, "/healthz").status, 200);
    archiver.stop();
}

#[test]
fn with_a_token_nothing_is_told_without_it() {
    let scene = Scene::new();
    let topic = scene.topic("http-token", 1);
    fs::write(scene.path("token"), format!("{TOKEN}\n")).unwrap();
    let config = config(&[&topic], "0.0.0.0:0").set("http", "token_file", "token");
    let archiver = scene.start(&config);
    let address = address(&archiver).replace("0.0.0.0", "127.0.0.1");
    await_status(&address, "/readyz", 200);
    let bearer = format!("Bearer {TOKEN}");
    for path in [
        "/",
        "/metrics",
        "/api/status",
        "/archive/nothing",
        "/nothing",
    ] {
        let refused = get(&address, path);
        assert_eq!(refused.status, 401, "{path}");
        assert!(!refused.body.contains(&topic.name), "{path}");
        let wrong = ask_as(&address, "GET", path, &[("Authorization", "Bearer wrong")]);
        assert_eq!(wrong.status, 401, "{path}");
        let told = ask_as(&address, "GET", path, &[("Authorization", &bearer)]);
        assert_ne!(told.status, 401, "{path}");
        assert!(!told.body.contains(TOKEN), "{path}");
    }
    let short = ask_as(
        &address,
        "GET",
        "/readyz",
        &[("Accept", "application/json")],
    );
    assert_eq!(short.body, "ready\n");
    let url = format!("http://{address}");
    let refused = run(scene.directory(), &["status", "--url", &url]);
    assert_eq!(refused.code(), Some(1), "{refused:?}");
    assert!(refused.stderr.contains("token"), "{refused:?}");
    let shown = run(
        scene.directory(),
        &["status", "--url", &url, "--token-file", "token"],
    );
    assert!(shown.stdout.contains(&topic.name), "{shown:?}");
    let ended = archiver.stop();
    assert!(!ended.stderr.contains(TOKEN), "{}", ended.stderr);
}

#[test]
fn an_address_that_others_can_reach_needs_a_token_or_the_word() {
    let scene = Scene::new();
    let topic = scene.topic("http-remote", 1);
    fs::write(
        scene.path("topics.toml"),
        config(&[&topic], "0.0.0.0:0").text(),
    )
    .unwrap();
    let refused = run(scene.directory(), &["-c", "topics.toml"]);
    assert_eq!(refused.code(), Some(2), "{refused:?}");
    for written in ["token_file = ", "allow_remote = true"] {
        assert!(refused.stderr.contains(written), "{}", refused.stderr);
    }
    let text = config(&[&topic], "0.0.0.0:0").text();
    let allowed = text.replace("[http]\n", "[http]\nallow_remote = true\n");
    fs::write(scene.path("topics.toml"), allowed).unwrap();
    let archiver = Archiver::start(scene.directory(), &["-c", "topics.toml"]);
    address(&archiver);
    archiver.stop();
}

#[test]
fn a_port_that_is_taken_ends_the_start() {
    let scene = Scene::new();
    let topic = scene.topic("http-taken", 1);
    let taken = TcpListener::bind(ANY_PORT).unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    fs::write(scene.path("topics.toml"), config(&[&topic], &listen).text()).unwrap();
    let ended = run(scene.directory(), &["-c", "topics.toml"]);
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    says::port_taken(&listen).assert_in(&ended);
    assert!(!scene.path(format!("{}.ndjson", topic.name)).exists());
}

#[test]
fn status_asks_through_a_socket_that_is_replaced_after_a_kill_and_removed_after_a_stop() {
    let scene = Scene::new();
    let topic = scene.topic("http-socket", 1);
    Producer::new(scene.server).send_all(&topic, Values::new(2).jsons(10));
    let config = config(&[&topic], "./http.sock");
    let status = |args: &[&str]| {
        run(
            scene.directory(),
            &[&["-c", "topics.toml", "status"], args].concat(),
        )
    };
    let is_socket = || {
        let metadata = fs::symlink_metadata(scene.path("http.sock"));
        metadata.is_ok_and(|metadata| metadata.file_type().is_socket())
    };
    let archiver = scene.start(&config);
    archiver.await_line(&says::answering());
    archiver.kill();
    assert!(is_socket(), "it is left behind");
    let silent = status(&[]);
    assert_eq!(silent.code(), Some(1), "{silent:?}");
    assert!(silent.stderr.contains("is archiver running"), "{silent:?}");
    let archiver = scene.start(&config);
    archiver.await_line(&says::running(&topic.name));
    let second = run(scene.directory(), &["-c", "topics.toml"]);
    assert_eq!(second.code(), Some(1), "{second:?}");
    assert!(
        second.stderr.contains("another process answers there"),
        "{second:?}"
    );
    eventually(LONG, "it is well", || status(&[]).code() == Some(0));
    let shown = status(&[]).stdout;
    assert!(
        shown.lines().all(|line| line.chars().count() <= 80),
        "{shown}"
    );
    assert!(shown.contains(&topic.name), "{shown}");
    let json = status(&["--json"]).stdout;
    let json = serde_json::from_str::<Value>(&json).expect("JSON");
    assert_eq!(json["archives"][0]["topic"], *topic.name);
    archiver.stop();
    assert!(!is_socket(), "it is removed");
    fs::write(scene.path("http.sock"), "mine").unwrap();
    let ended = run(scene.directory(), &["-c", "topics.toml"]);
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    assert_holds(&scene.path("http.sock"), "mine");
}

#[track_caller]
fn assert_holds(path: &Path, text: &str) {
    assert_eq!(fs::read_to_string(path).unwrap(), text);
}

#[test]
fn status_that_gets_no_answer_ends_with_the_first_signal() {
    let scene = Scene::new();
    // It takes connections and never answers.
    let silent = TcpListener::bind(ANY_PORT).unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let asking = Archiver::start(scene.directory(), &["status", "--url", &url]);
    let (_asked, _) = silent.accept().unwrap();
    asking.signal(Signal::INT);
    assert_eq!(asking.await_end().code(), Some(130));
}
