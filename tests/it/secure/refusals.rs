//! Who is not let in is told why, in one line, and goes on when that is over.

use std::fs;

use super::Way;
use crate::archiver::run;
use crate::kafka::{Listener, secured};
use crate::scene::Scene;

#[test]
fn probe_all() {
    let server = secured();
    let scene = Scene::on(server);
    let topic = scene.topic("refused", 1);
    server.grant("carol", &topic.name, &["READ", "DESCRIBE"]);
    let other_ca = server
        .certificates()
        .certificate("other-ca")
        .display()
        .to_string();
    for (what, way) in [
        (
            "plain password",
            Way::password(server, "PLAIN", "carol", "hunter2"),
        ),
        (
            "scram256 password",
            Way::password(server, "SCRAM-SHA-256", "alice", "hunter2"),
        ),
        (
            "scram512 password",
            Way::password(server, "SCRAM-SHA-512", "alice", "hunter2"),
        ),
        (
            "unknown user",
            Way::password(server, "SCRAM-SHA-512", "nobody", "hunter2"),
        ),
        (
            "mechanism",
            Way::password(server, "PLAIN", "alice", "hunter2"),
        ),
        ("mechanism not offered", {
            let mut w = Way::password(server, "PLAIN", "alice", "hunter2");
            w.listener = Listener::Sasl;
            w.with("security.protocol", "sasl_plaintext")
        }),
        ("expired token", Way::token(server, "dave", 1)),
        ("expired", Way::tls(server, Listener::Expired)),
        (
            "unknown ca",
            Way::certificate(server, "carol").with("ssl.ca.location", &other_ca),
        ),
        (
            "no ca",
            Way::certificate(server, "carol").without("ssl.ca.location"),
        ),
        ("no certificate", Way::tls(server, Listener::Mutual)),
        ("expired client", Way::certificate(server, "expired-carol")),
        ("stranger", Way::certificate(server, "stranger")),
        (
            "no rights",
            Way::password(server, "SCRAM-SHA-512", "bob", "bob-pw"),
        ),
        (
            "plaintext to tls",
            Way::bare(Listener::SaslTls, "plaintext"),
        ),
        ("tls to sasl", {
            let mut w = Way::tls(server, Listener::SaslTls);
            w.listener = Listener::SaslTls;
            w
        }),
        ("tls to plain", Way::tls(server, Listener::Sasl)),
    ] {
        fs::write(scene.path("topics.toml"), way.config(server, &topic).text()).unwrap();
        eprintln!("=== {what}");
        let archiver = scene.start(&way.config(server, &topic));
        std::thread::sleep(std::time::Duration::from_secs(9));
        eprintln!("{}", archiver.stop().stderr);
        for command in [
            &["topics"][..],
            &["capture", "-t", &topic.name, "-o", "c.ndjson"],
            &["check", "-t", &topic.name],
        ] {
            let flags = way.flags(server);
            let args = command
                .iter()
                .copied()
                .chain(flags.iter().map(String::as_str))
                .collect::<Vec<_>>();
            let ended = run(scene.directory(), &args);
            eprintln!("--- {}\n{}{}", command[0], ended.stdout, ended.stderr);
        }
    }
}
