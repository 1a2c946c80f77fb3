//! Clients that mean harm, while others ask.

use super::{Served, capture};
use crate::http::ask::{answer, ask, get, send};
use crate::http::hostile::{REQUESTS, attack, besieged};
use crate::scene::Scene;
use crate::show::show;
use crate::wait::{LONG, eventually};

/// How much memory may become more under all of them, in KiB: what two questions at once need, beside what is let in.
const GROWTH_MOST: u64 = 256 << 10;

/// Addresses that mean harm, each told to be wrong, or harmless.
fn addresses() -> Vec<String> {
    let windows = "/api/v1/windows?source=ARCHIVE&value=data";
    vec![
        format!("{windows}&tumbling=1ms&fill=zero&by=host"),
        format!("{windows}&sliding=1000s&every=1s&aggregates=p1,p2,p3,p4,p5,p6,p7,p8,p9"),
        format!("{windows}&tumbling=99999999999d"),
        format!("{windows}&tumbling=1m&offset=99999999999999999999s"),
        format!("{windows}&tumbling=1m&since=-99999999999d&until=253402300799999"),
        format!("{windows}&tumbling=1m&by=host&only=host:%27%20OR%201=1%20--"),
        format!("{windows}&tumbling=1m&value=x%22%3B%20DROP%20TABLE%20records%3B--"),
        format!("/api/v1/points?source=ARCHIVE&value={}", "a,".repeat(5_000)),
        format!(
            "/api/v1/points?source=ARCHIVE&value=data&by={}",
            "%00".repeat(3_000)
        ),
        "/api/v1/points?source=ARCHIVE&value=data&by=offset".into(),
        "/api/v1/schema?source=../../../../etc/passwd".into(),
        "/api/v1/schema?source=file:///etc/passwd".into(),
        format!("/api/v1/archives?{}", "&".repeat(10_000)),
        "/api/v1/sql?query=SELECT%201".into(),
        format!("/api/v1/{}", "%2e%2e/".repeat(100)),
        "/api/v1/anomalies?source=ARCHIVE&value=data&method=seasonal&period=1ms&sigmas=1e308"
            .into(),
    ]
}

#[test]
fn thousands_of_hostile_requests_leave_it_answering() {
    let scene = Scene::new();
    capture(&scene);
    let served = Served::start(&scene, &["--memory", "64MiB", "--timeout", "5s"]);
    let ordinary = "source=ARCHIVE&value=data&by=host&tumbling=1m&aggregates=count,p99";
    let first = served.json("windows", ordinary);
    let (pid, host, addresses) = (served.program.pid(), &served.address, addresses());
    let request = |path: &str, more: &str| {
        let path = path.replace("ARCHIVE", &served.archive);
        format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{more}\r\n")
    };
    let hurt = |number: usize, held: &mut Vec<_>| {
        if number.is_multiple_of(2) {
            attack(host, number / 2, held);
        } else if number % 16 == 1 {
            // It waits for its answer, and doesn't read it.
            let path = &addresses[number / 16 % addresses.len()];
            held.extend(send(host, request(path, "").as_bytes()));
        } else {
            // It is gone as soon as it has asked.
            let path = &addresses[number / 2 % addresses.len()];
            let said = ask(host, request(path, "").as_bytes());
            let said = said.map(|answer| answer.body).unwrap_or_default();
            assert!(!said.contains("root:"), "{path}: {said}");
        }
    };
    let (ask_well, mut answered) = (format!("/api/v1/windows?{ordinary}"), 0);
    besieged(pid, GROWTH_MOST, hurt, |made| {
        // Its connection may be cut, as others take its place.
        let sent = send(host, request(&ask_well, "Connection: close\r\n").as_bytes());
        let said = sent.and_then(|mut stream| answer(&mut stream));
        answered += usize::from(said.is_some_and(|said| said.status == 200));
        made < REQUESTS
    });
    show(&format!("{answered} ordinary requests were answered"));
    served.program.assert_runs();
    eventually(LONG, "it answers", || {
        let answer = get(&served.address, "/");
        answer.status == 200
    });
    eventually(LONG, "it answers as before", || {
        let answer = served.get("windows", ordinary);
        answer.status == 200 && serde_json::from_str(&answer.body).ok() == Some(first.clone())
    });
    served.program.stop();
}
