//! A cluster of three nodes and a bad network: what is archived through it is exact all the same.
//!
//! `ARCHIVER_OUTAGE_SECONDS` is how long brokers are away, `ARCHIVER_FAULT_ROUNDS` how often each fault comes.

mod leaders;
mod network;
mod unclean;

use std::time::{Duration, Instant};

use crate::archiver::Archiver;
use crate::check;
use crate::config::Config;
use crate::files;
use crate::kafka::Server;
use crate::produce::Producer;
use crate::scene::Scene;
use crate::show::show;
use crate::topic::Topic;
use crate::values::{Values, spaced};

const FILE: &str = "a.ndjson.zst";

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect(name))
}

/// How long brokers are away.
fn outage() -> Duration {
    Duration::from_secs(number("ARCHIVER_OUTAGE_SECONDS", 1))
}

/// How often each fault comes.
fn rounds() -> u64 {
    number("ARCHIVER_FAULT_ROUNDS", 1)
}

/// A topic of three partitions on three nodes, produced to directly and archived through the proxies.
struct Flow<'a> {
    scene: Scene<'a>,
    topic: Topic<'a>,
    archiver: Archiver,
    producer: Producer,
    values: Values,
    sent: usize,
    start: Instant,
}

impl<'a> Flow<'a> {
    /// Some records have arrived when it is there. A connection on which nothing is answered for so many seconds is
    /// given up.
    fn start(server: &'a Server, name: &str, patience: u64) -> Self {
        let scene = Scene::on(server);
        let topic = scene.topic(name, 3);
        let config = Config::new()
            .set("kafka", "socket.timeout.ms", &format!("{patience}000"))
            .set("defaults", "checkpoint", "1s")
            .archive_on(&server.proxied(), &topic, FILE, &[("start", "earliest")]);
        let archiver = scene.start(&config);
        let mut flow = Flow {
            producer: Producer::new(server),
            values: Values::new(1),
            sent: 0,
            start: Instant::now(),
            scene,
            topic,
            archiver,
        };
        flow.send(1000);
        flow.await_all();
        flow
    }

    fn send(&mut self, records: usize) {
        let values = (0..records).map(|_| self.values.mixed());
        self.producer.send_all(&self.topic, values);
        self.sent += records;
    }

    fn arrived(&self) -> usize {
        files::count(&self.scene.path(FILE))
    }

    fn await_all(&self) {
        self.scene.await_lines(&self.archiver, FILE, self.sent);
    }

    /// Everything arrives, once.
    #[track_caller]
    fn end(mut self, faults: &str) {
        self.send(100);
        self.await_all();
        let ended = self.archiver.stop();
        let records = self.scene.records(&self.topic);
        let text = files::read(&self.scene.path(FILE)).unwrap();
        let report = check::check(&check::expected(&records, spaced), &text);
        show(&format!(
            "brokers: {faults}, {:.0?}: {report}",
            self.start.elapsed()
        ));
        assert!(report.is_perfect(), "archiver said:\n{}", ended.stderr);
        assert_eq!(report.records, self.sent);
    }
}
