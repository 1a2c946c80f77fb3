//! Clients that mean harm, while records are archived.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::ask::get;
use super::{ANY_PORT, address, config};
use crate::produce::Producer;
use crate::scene::Scene;
use crate::show::show;
use crate::values::Values;
use crate::wait::{LONG, OnDrop, eventually};

pub const REQUESTS: usize = 10_000;
const ATTACKERS: usize = 8;
/// How often records are sent meanwhile, at least.
const ROUNDS: usize = 20;
/// How much memory may become more under all of them, in KiB.
const GROWTH_MOST: u64 = 24 << 10;

/// Does one thing that nobody should do; whether it is answered makes no difference.
pub fn attack(address: &str, number: usize, held: &mut Vec<TcpStream>) {
    let Ok(mut stream) = TcpStream::connect(address) else {
        return;
    };
    let _ = stream.set_read_timeout(Some(Duration::from_millis(500)));
    let host = format!("Host: {address}\r\n");
    let long = "a".repeat(100_000);
    let request = match number % 10 {
        // Slow: the head never ends, and the connection is kept.
        0 => {
            let _ = stream.write_all(b"GET / HTTP/1.1\r\nX-Slow: ");
            held.push(stream);
            return;
        }
        // It asks, and doesn't read.
        1 => {
            let _ = stream.write_all(
                format!("GET / HTTP/1.1\r\n{host}\r\n")
                    .repeat(50)
                    .as_bytes(),
            );
            held.push(stream);
            return;
        }
        // Half closed at once.
        2 => {
            let _ = stream.shutdown(Shutdown::Write);
            held.push(stream);
            return;
        }
        3 => format!("GET / HTTP/1.1\r\n{host}X: {long}\r\n\r\n"),
        4 => format!("GET /{long} HTTP/1.1\r\n{host}\r\n"),
        5 => "\x00\u{7f}\u{1}garbage\r\n\r\n".repeat(100),
        6 => format!("GET /archive/../../../../etc/passwd HTTP/1.1\r\n{host}\r\n"),
        7 => "GET /api/status HTTP/1.1\r\nHost: evil.example\r\n\r\n".into(),
        8 => "\x16\x03\x01\x02\x00\x01\x00\x01".into(),
        _ => format!("POST /api/status HTTP/1.1\r\n{host}Content-Length: 1000000000\r\n\r\n{long}"),
    };
    let _ = stream.write_all(request.as_bytes());
    let mut answer = [0; 1024];
    if let Ok(length) = stream.read(&mut answer) {
        let said = String::from_utf8_lossy(&answer[..length]);
        assert!(
            !said.contains("HTTP/1.1 200"),
            "{request:.80} is answered with {said}"
        );
        assert!(!said.contains("root:"), "{said}");
    }
}

/// Has attackers at work on a process while something is done again and again, as long as it says so: it is told how many
/// requests there were. Each attack has its number, and connections to hold on to. Fails the test if the process has more than
/// so many KiB more in memory meanwhile.
#[track_caller]
pub fn besieged(
    pid: u32,
    growth_most: u64,
    attack: impl Fn(usize, &mut Vec<TcpStream>) + Sync,
    mut meanwhile: impl FnMut(usize) -> bool,
) {
    let before = resident(pid);
    let (is_over, made) = (AtomicBool::new(false), AtomicUsize::new(0));
    let (mut most, began) = (before, Instant::now());
    thread::scope(|scope| {
        let _over = OnDrop(|| is_over.store(true, Ordering::Relaxed));
        for _ in 0..ATTACKERS {
            scope.spawn(|| {
                let mut held = Vec::new();
                while !is_over.load(Ordering::Relaxed) {
                    attack(made.fetch_add(1, Ordering::Relaxed), &mut held);
                    // Each holds on to more than are let in together.
                    if held.len() > 100 {
                        held.drain(..50);
                    }
                }
            });
        }
        while meanwhile(made.load(Ordering::Relaxed)) {
            most = most.max(resident(pid));
        }
    });
    let made = made.load(Ordering::Relaxed);
    show(&format!(
        "{made} hostile requests in {:.1} s, memory {before} to {most} KiB",
        began.elapsed().as_secs_f64()
    ));
    assert!(
        most < before + growth_most,
        "memory grew from {before} to {most} KiB"
    );
}

/// What is in memory of the process, in KiB.
fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number
        .and_then(|number| number.parse().ok())
        .expect("a size")
}

#[test]
fn thousands_of_hostile_requests_take_no_memory_and_keep_nothing_from_being_archived() {
    let scene = Scene::new();
    let topic = scene.topic("http-hostile", 3);
    let archiver = scene.start(&config(&[&topic], ANY_PORT));
    let address = address(&archiver);
    let file = format!("{}.ndjson", topic.name);
    let producer = Producer::new(scene.server);
    let mut values = Values::new(3);
    // What is needed to archive at this speed is there before.
    let mut sent = 0;
    let mut send = |count: usize| {
        producer.send_all(&topic, values.jsons(count));
        sent += count;
        sent
    };
    let warm = send(20_000);
    scene.await_lines(&archiver, &file, warm);
    get(&address, "/");
    let (mut rounds, mut slowest) = (0, Duration::ZERO);
    let attack = |number, held: &mut Vec<_>| attack(&address, number, held);
    besieged(archiver.pid(), GROWTH_MOST, attack, |made| {
        let lines = send(500);
        let sent = Instant::now();
        scene.await_lines(&archiver, &file, lines);
        slowest = slowest.max(sent.elapsed());
        rounds += 1;
        rounds < ROUNDS || made < REQUESTS
    });
    show(&format!("records were in their file after {slowest:?}"));
    assert!(
        slowest < Duration::from_secs(10),
        "a record was in its file after {slowest:?}"
    );
    eventually(LONG, "it answers", || {
        get(&address, "/healthz").status == 200
    });
    archiver.stop();
    scene.assert_exact(&topic, &file);
}
