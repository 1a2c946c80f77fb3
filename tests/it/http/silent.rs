//! What is answered while a cluster doesn't.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::ask::get;
use super::{ANY_PORT, address, await_status, config, json};
use crate::archiver::run;
use crate::kafka::Server;
use crate::produce::Producer;
use crate::scene::Scene;
use crate::values::Values;
use crate::wait::{LONG, eventually};

/// So soon it is noticed that nobody answers, on a busy machine too.
const SOON: Duration = Duration::from_secs(30);

#[test]
fn while_brokers_are_frozen_or_dead_nothing_is_ready_and_lag_is_unknown() {
    let server = Server::private();
    let scene = Scene::on(&server);
    let topic = scene.topic("silent", 2);
    Producer::new(&server).send_all(&topic, Values::new(1).jsons(10));
    let archiver = scene.start(&config(&[&topic], ANY_PORT));
    let address = address(&archiver);
    let lag = || {
        let status = json(&get(&address, "/api/status"));
        [&status["totals"], &status["archives"][0]].map(|of| of["lag_records"].clone())
    };
    let leave: [fn(&Server); 2] = [Server::pause, Server::kill];
    let come_back: [fn(&Server); 2] = [Server::resume, Server::restart];
    for (leave, come_back) in leave.into_iter().zip(come_back) {
        eventually(LONG, "the lag is known", || {
            lag() == [0, 0].map(Value::from)
        });
        await_status(&address, "/readyz", 200);
        let left = Instant::now();
        leave(&server);
        let said = await_status(&address, "/readyz", 503);
        assert!(left.elapsed() < SOON, "after {:?}", left.elapsed());
        let cluster = format!("cluster {}", server.bootstrap());
        assert!(said.body.contains(&cluster), "{}", said.body);
        eventually(LONG, "the lag is unknown", || {
            lag() == [Value::Null, Value::Null]
        });
        let metrics = get(&address, "/metrics?partitions").body;
        assert!(metrics.contains("archiver_records_total{"), "{metrics}");
        for family in ["archiver_lag", "archiver_partition_l"] {
            let sample = metrics.lines().find(|line| line.starts_with(family));
            assert_eq!(sample, None);
        }
        let url = format!("http://{address}");
        let shown = run(scene.directory(), &["status", "--url", &url]);
        assert!(shown.stdout.contains("lag unknown"), "{}", shown.stdout);
        come_back(&server);
    }
    await_status(&address, "/readyz", 200);
    archiver.stop();
}
