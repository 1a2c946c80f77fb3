//! Connections that break, crawl or hang.

use std::time::{Duration, Instant};

use super::{Flow, rounds};
use crate::kafka::{Server, cluster};
use crate::proxy::Fault;
use crate::random::Random;
use crate::says;
use crate::wait::{LONG, eventually};

#[test]
fn connections_cut_in_the_middle_of_a_fetch_are_made_again() {
    let server = cluster();
    let mut flow = Flow::start(&server, "cut", 4);
    let mut random = Random::new(1);
    let cuts = |server: &Server| (1..=3).map(|id| server.proxy(id).cut()).sum::<usize>();
    let before = cuts(&server);
    for _ in 0..rounds() {
        // Down to what breaks the first answer of a connection.
        for most in [100, 2_000, 20_000, 100_000, 400_000] {
            let seen = cuts(&server);
            server.fault(Fault::CutAfter(random.between(1, most) as usize));
            flow.send(3000);
            eventually(LONG, "connections were cut", || cuts(&server) >= seen + 3);
        }
        server.fault(Fault::None);
        flow.await_all();
    }
    let cuts = cuts(&server) - before;
    flow.end(&format!(
        "{cuts} connections cut in the middle of an answer"
    ));
}

#[test]
fn two_seconds_of_latency_only_delay() {
    let server = cluster();
    let mut flow = Flow::start(&server, "late", 10);
    server.fault(Fault::Late(Duration::from_secs(1)));
    for _ in 0..rounds() {
        flow.send(1000);
        flow.await_all();
    }
    server.fault(Fault::None);
    flow.end("2 s of latency");
}

#[test]
fn a_trickle_of_bytes_is_enough() {
    let server = cluster();
    let mut flow = Flow::start(&server, "trickle", 4);
    server.fault(Fault::Trickle(30_000));
    for _ in 0..rounds() {
        flow.send(1000);
        flow.await_all();
    }
    // Too slow for a whole answer before it is given up.
    server.fault(Fault::Trickle(100));
    flow.send(1000);
    let slow = Instant::now();
    eventually(LONG, "answers are given up", || {
        slow.elapsed() > Duration::from_secs(6)
    });
    assert!(flow.arrived() < flow.sent);
    server.fault(Fault::None);
    flow.await_all();
    flow.end("30 kB/s, and 100 B/s until answers timed out");
}

#[test]
fn connections_that_hang_half_open_are_given_up() {
    let server = cluster();
    let mut flow = Flow::start(&server, "half-open", 4);
    for _ in 0..rounds() {
        server.fault(Fault::HalfOpen);
        flow.send(1000);
        let hung = Instant::now();
        flow.archiver.await_line(&says::cluster_down());
        eventually(LONG, "new connections hang, too", || {
            hung.elapsed() > Duration::from_secs(2)
        });
        assert!(flow.arrived() < flow.sent);
        server.fault(Fault::None);
        flow.await_all();
    }
    flow.end(&format!("half-open connections, {} times", rounds()));
}
