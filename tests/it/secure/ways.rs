//! Each way to be let in.

use std::time::{Duration, Instant};

use super::Way;
use crate::config::Config;
use crate::kafka::{secured, tool};
use crate::produce::Producer;
use crate::says;
use crate::scene::Scene;
use crate::values::Values;

const RIGHTS: [&str; 2] = ["READ", "DESCRIBE"];

#[test]
fn each_login_and_a_certificate_let_it_archive_all_records_over_tls() {
    let server = secured();
    let scene = Scene::on(server);
    let topic = scene.topic("ways", 3);
    Producer::new(server).send_all(&topic, Values::new(1).jsons(1000));
    for user in ["alice", "carol", "dave"] {
        server.grant(user, &topic.name, &RIGHTS);
    }
    let ways = [
        ("plain", Way::password(server, "PLAIN", "carol", "carol-pw")),
        (
            "scram-256",
            Way::password(server, "SCRAM-SHA-256", "alice", "alice-pw"),
        ),
        (
            "scram-512",
            Way::password(server, "SCRAM-SHA-512", "alice", "alice-pw"),
        ),
        ("token", Way::token(server, "dave", 3600)),
        ("certificate", Way::certificate(server, "carol")),
    ];
    let config = ways.iter().fold(Config::new(), |config, (name, way)| {
        way.add_to(config, server, name, &topic, name)
    });
    let archiver = scene.start(&config);
    for (name, _) in &ways {
        scene.await_lines(&archiver, &format!("{name}.ndjson"), 1000);
    }
    let said = archiver.stop().stderr;
    assert!(!said.contains("WARN"), "{said}");
    assert!(!said.contains("-pw"), "{said}");
    for (name, _) in &ways {
        scene.assert_exact(&topic, &format!("{name}.ndjson"));
    }
}

#[test]
fn tokens_are_replaced_before_they_expire_and_commits_go_on_as_well() {
    let server = secured();
    let scene = Scene::on(server);
    let topic = scene.topic("tokens", 1);
    server.grant("dave", &topic.name, &RIGHTS);
    let bootstrap = server.bootstrap();
    let group = [
        "--allow-principal",
        "User:dave",
        "--operation",
        "Read",
        "--group",
        "tokens",
    ];
    let grant = [&["--bootstrap-server", &bootstrap, "--add"], &group[..]].concat();
    tool("org.apache.kafka.tools.AclCommand", &grant);
    let way = Way::token(server, "dave", 8);
    let config = way.config(server, &topic).line("checkpoint = \"1s\"");
    let config = config.set("clusters.secure", "commit_group", "tokens");
    let archiver = scene.start(&config);
    archiver.await_line(&says::running("a"));
    let (producer, mut values) = (Producer::new(server), Values::new(1));
    let (began, mut sent) = (Instant::now(), 0);
    // Three tokens' lives.
    while began.elapsed() < Duration::from_secs(24) {
        producer.send_all(&topic, values.jsons(10));
        sent += 10;
        scene.await_lines(&archiver, "a.ndjson", sent);
    }
    let said = archiver.stop().stderr;
    assert!(!said.contains("WARN"), "{said}");
    scene.assert_exact(&topic, "a.ndjson");
}
