//! Clients that mean harm, while others ask.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use super::{Served, capture};
use crate::http::ask::{answer, ask, get, send};
use crate::http::hostile::{attack, resident};
use crate::scene::Scene;
use crate::show::show;
use crate::wait::{LONG, OnDrop, eventually};

const REQUESTS: usize = 10_000;
const ATTACKERS: usize = 8;
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
    let before = resident(served.program.pid());
    let (is_over, made) = (AtomicBool::new(false), AtomicUsize::new(0));
    let addresses = addresses();
    let (mut most, mut answered, began) = (before, 0, Instant::now());
    thread::scope(|scope| {
        let _over = OnDrop(|| is_over.store(true, Ordering::Relaxed));
        for _ in 0..ATTACKERS {
            scope.spawn(|| {
                let mut held = Vec::new();
                while !is_over.load(Ordering::Relaxed) {
                    let number = made.fetch_add(1, Ordering::Relaxed);
                    if number % 2 == 0 {
                        attack(&served.address, number / 2, &mut held);
                    } else if number % 16 == 1 {
                        // It waits for its answer, and doesn't read it.
                        let path = addresses[number / 16 % addresses.len()]
                            .replace("ARCHIVE", &served.archive);
                        let host = &served.address;
                        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
                        held.extend(send(host, request.as_bytes()));
                    } else {
                        let path = &addresses[number / 2 % addresses.len()];
                        let path = path.replace("ARCHIVE", &served.archive);
                        let host = &served.address;
                        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
                        // It is gone as soon as it has asked.
                        let said = ask(&served.address, request.as_bytes());
                        let said = said.map(|answer| answer.body).unwrap_or_default();
                        assert!(!said.contains("root:"), "{path}: {said}");
                    }
                    if held.len() > 100 {
                        held.drain(..50);
                    }
                }
            });
        }
        while made.load(Ordering::Relaxed) < REQUESTS {
            most = most.max(resident(served.program.pid()));
            let path = format!(
                "/api/v1/windows?{}",
                ordinary.replace("ARCHIVE", &served.archive)
            );
            let request = format!(
                "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
                served.address
            );
            // Its connection may be cut, as others take its place.
            let sent = send(&served.address, request.as_bytes());
            let said = sent.and_then(|mut stream| answer(&mut stream));
            answered += usize::from(said.is_some_and(|said| said.status == 200));
        }
    });
    let made = made.load(Ordering::Relaxed);
    show(&format!(
        "{made} hostile requests in {:.1} s, {answered} ordinary ones answered meanwhile, memory {before} to {most} KiB",
        began.elapsed().as_secs_f64()
    ));
    assert!(
        most < before + GROWTH_MOST,
        "memory grew from {before} to {most} KiB"
    );
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
