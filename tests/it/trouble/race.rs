//! Retention that is faster than an archive: it is said long before anything is lost, and when that will be.
//!
//! `ARCHIVER_FORECAST_WITHIN` is how far the forecast may be from what happens, as a part of it. Where other tests take
//! the machine's time meanwhile, the rates change after the forecast.

use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::config::Config;
use crate::kafka::Server;
use crate::produce::{Producer, Record};
use crate::proxy::Fault;
use crate::says;
use crate::scene::Scene;

/// Bytes a second that are produced, and that a connection lets through: as each answer waits for the next question, about
/// a third of that reaches archiver.
const PRODUCED: usize = 600_000;
const FETCHED: usize = 1_000_000;
/// The same where the forecast is held against what happens: there must be more time than it takes to see how fast
/// everything is.
const FETCHED_WELL: usize = 2_200_000;
const RETENTION: Duration = Duration::from_secs(60);
/// It is not overtaken later than this.
const MOST: Duration = Duration::from_secs(300);

#[test]
fn an_archive_that_retention_will_overtake_says_when_before_it_does() {
    let server = Server::behind_a_proxy();
    let scene = Scene::on(&server);
    let topic = scene.planned("raced");
    let retention = RETENTION.as_millis().to_string();
    // The smallest segments that there are.
    let layout = [
        ("retention.ms", retention.as_str()),
        ("segment.bytes", "1048576"),
    ];
    topic.make(1, &layout);
    let config = Config::new()
        .set("defaults", "start", "earliest")
        .set("defaults", "alarm_headroom", "30s")
        // Small answers, so that it goes on evenly.
        .set("limits", "memory", "16MiB")
        .archive_on(&server.proxied(), &topic, "a.ndjson", &[]);
    let within = std::env::var("ARCHIVER_FORECAST_WITHIN").ok();
    let within = within.map(|text| text.parse::<f64>().expect("a number"));
    server.fault(Fault::Trickle(within.map_or(FETCHED, |_| FETCHED_WELL)));
    let archiver = scene.start(&config);
    archiver.await_line(&says::running(&topic.name));
    let producer = Producer::new(&server);
    let began = Instant::now();
    let mut sent = 0;
    while scene.gaps(&topic.name).is_empty() {
        assert!(began.elapsed() < MOST, "it is not overtaken");
        let due = (began.elapsed().as_secs_f64() * PRODUCED as f64) as usize;
        let records = due.saturating_sub(sent) / 10_000;
        let record = || Record::value("x".repeat(9_990));
        producer.send_all(&topic, std::iter::repeat_with(record).take(records));
        sent += records * 10_000;
        thread::sleep(Duration::from_millis(100));
        archiver.assert_runs();
    }
    let line = archiver.await_line(&says::overtaken_soon(&topic.name));
    server.fault(Fault::None);
    let ended = archiver.stop();
    let at = |line: &str| {
        line.split(' ')
            .next()
            .unwrap()
            .parse::<Timestamp>()
            .unwrap()
    };
    let gap = ended
        .stderr
        .lines()
        .find(|line| line.contains("a gap from offset"));
    let passed = at(gap.expect("the gap is said"))
        .duration_since(at(&line))
        .as_secs_f64();
    let said = line
        .split("in about ")
        .nth(1)
        .and_then(|rest| rest.split(' ').next());
    let said = said.expect("a time").parse::<f64>().expect("in seconds");
    println!("retention race: said {said} s in advance, happened after {passed:.1} s");
    assert!(passed > 0.0, "said after it happened: {line}");
    assert!(
        (said - passed).abs() <= within.unwrap_or(1.0) * passed,
        "{said} s, {passed} s"
    );
}
