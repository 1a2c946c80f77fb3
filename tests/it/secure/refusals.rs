//! Who is not let in is told why, in one line, and goes on when that is over.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use super::Way;
use crate::archiver::{Archiver, run};
use crate::config::Config;
use crate::kafka::{Listener, Server, secured, tool};
use crate::produce::Producer;
use crate::proxy::Proxy;
use crate::reload::{DONE, reload};
use crate::says;
use crate::scene::Scene;
use crate::topic::Topic;

use crate::values::Values;
use crate::wait::{LONG, eventually};

const LOG_IN: &str = "see sasl.mechanism, sasl.username and sasl.password, or the token, and that the cluster has this user";
const TRUST: &str =
    "name the CA in ssl.ca.location, or add it to the system's CAs and start archiver again";
const PRESENT: &str = "name one in ssl.certificate.location and its key in ssl.key.location";
const REPLACE: &str = "see that the one in ssl.certificate.location has not expired, and that the broker trusts the CA \
                       that has signed it";
const RENEW: &str = "renew it on the broker, and see that this machine's clock is right";

/// Who is not let in by whom, what is wrong, and what can be done.
struct Case {
    name: &'static str,
    way: Way,
    what: String,
    remedy: &'static str,
}

fn cases(server: &Server) -> Vec<Case> {
    let case = |name, way, what: &str, remedy| Case {
        name,
        way,
        what: what.to_owned(),
        remedy,
    };
    let refused = "the broker refuses the login: ";
    let invalid = format!(
        "{refused}Authentication failed during authentication due to invalid credentials with SASL mechanism "
    );
    let stranger = server
        .certificates()
        .certificate("other-ca")
        .display()
        .to_string();
    let scram = |mechanism| Way::password(server, mechanism, "alice", "hunter2");
    let plain = || Way::password(server, "PLAIN", "carol", "hunter2");
    let carol = || Way::certificate(server, "carol");
    vec![
        case(
            "plain",
            plain(),
            &format!("{refused}Authentication failed: Invalid username or password"),
            LOG_IN,
        ),
        case(
            "scram-256",
            scram("SCRAM-SHA-256"),
            &format!("{invalid}SCRAM-SHA-256"),
            LOG_IN,
        ),
        case(
            "scram-512",
            scram("SCRAM-SHA-512"),
            &format!("{invalid}SCRAM-SHA-512"),
            LOG_IN,
        ),
        case(
            "token",
            Way::token(server, "dave", 60).with(
                "sasl.oauthbearer.config",
                "principalClaimName=other principal=hunter2",
            ),
            &format!("{refused}{{\"status\":\"invalid_token\"}}"),
            LOG_IN,
        ),
        case(
            "mechanism",
            plain().at(Listener::Token),
            &format!(
                "{refused}SASL PLAIN mechanism handshake failed: Broker: Unsupported SASL mechanism: broker's supported \
                 mechanisms: OAUTHBEARER"
            ),
            "set sasl.mechanism to one that the broker offers",
        ),
        case(
            "expired",
            Way::tls(server, Listener::Expired),
            "the broker's certificate, of /CN=expired-server, signed by /CN=ca, has expired",
            RENEW,
        ),
        case(
            "unknown-ca",
            carol().with("ssl.ca.location", &stranger),
            "the broker's certificate, of /CN=server, signed by /CN=ca, is by no CA that is known here",
            TRUST,
        ),
        case(
            "no-certificate",
            Way::tls(server, Listener::Mutual),
            "the broker wants a certificate from this client, by a CA that it trusts",
            PRESENT,
        ),
        case(
            "expired-client",
            Way::certificate(server, "expired-carol"),
            "the broker refuses this client's certificate",
            REPLACE,
        ),
        case(
            "without-tls",
            Way::bare(Listener::SaslTls, "plaintext"),
            "the broker hangs up on a client without TLS",
            "set security.protocol to ssl or sasl_ssl, and see that it is the right port",
        ),
        case(
            "without-login",
            Way::tls(server, Listener::SaslTls),
            "the broker hangs up on a client that doesn't log in",
            "set security.protocol to sasl_ssl (or sasl_plaintext) and sasl.mechanism",
        ),
    ]
}

impl Case {
    /// Those that need no configuration end with the same line.
    fn assert_told_by_commands(&self, server: &Server, scene: &Scene, topic: &Topic) {
        let flags = self.way.flags(server);
        let said = |command: &[&str]| {
            let flags = flags.iter().map(String::as_str);
            let ended = run(
                scene.directory(),
                &command.iter().copied().chain(flags).collect::<Vec<_>>(),
            );
            assert_eq!(ended.code(), Some(1), "{}: {ended:?}", self.name);
            assert!(!format!("{ended:?}").contains("hunter2"), "{ended:?}");
            ended
        };
        let file = format!("{}-captured.ndjson", self.name);
        let line = format!("{}; {}", self.what, self.remedy);
        for command in [
            &["topics"][..],
            &["capture", "--all", "-t", &topic.name, "-o", &file],
        ] {
            let ended = said(command);
            let lines = ended
                .stderr
                .lines()
                .filter(|of| of.ends_with(&line))
                .count();
            assert_eq!(lines, 1, "{line}: {}", ended.stderr);
        }
        let checked = said(&["check", "--json", "-t", &topic.name]).stdout;
        let found = checked
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let found = found
            .filter(|of| of["check"] == "login")
            .collect::<Vec<_>>();
        assert!(
            found[0]["text"].as_str().unwrap().ends_with(&self.what),
            "{found:?}"
        );
        assert_eq!(found[0]["advice"], self.remedy, "{found:?}");
    }
}

#[test]
fn each_refusal_is_told_once_with_its_remedy_by_the_service_and_by_the_commands() {
    let server = secured();
    let scene = Scene::on(server);
    let topic = scene.topic("refused", 1);
    let cases = cases(server);
    let config = cases.iter().fold(Config::new(), |config, case| {
        case.way
            .add_to(config, server, case.name, &topic, case.name)
    });
    let archiver = scene.start(&config);
    for case in &cases {
        archiver.await_line(&says::in_trouble(case.name, &[&case.what, case.remedy]));
        archiver.await_line(&says::waits_for_cluster(
            case.name,
            &[&case.what, case.remedy],
        ));
    }
    // Meanwhile the service tries again and again.
    thread::scope(|scope| {
        for case in &cases {
            scope.spawn(|| case.assert_told_by_commands(server, &scene, &topic));
        }
    });
    let said = archiver.stop().stderr;
    assert!(!said.contains("hunter2"), "{said}");
    for case in &cases {
        let lines = |of: &str| said.lines().filter(|line| line.contains(of)).count();
        assert_eq!(
            lines(&format!("cluster {}: in trouble", case.name)),
            1,
            "{said}"
        );
        assert_eq!(
            lines(&format!("archive {}: waiting", case.name)),
            1,
            "{said}"
        );
    }
}

#[test]
fn a_password_a_ca_a_certificate_and_a_right_are_taken_up_when_they_are_mended() {
    let server = secured();
    let scene = Scene::on(server);
    let topic = scene.topic("mended", 1);
    Producer::new(server).send_all(&topic, Values::new(1).jsons(10));
    for user in ["alice", "carol"] {
        server.grant(user, &topic.name, &["READ", "DESCRIBE"]);
    }
    let of = server.certificates();
    fs::write(scene.path("password"), "hunter2").unwrap();
    fs::copy(of.certificate("other-ca"), scene.path("trusted.pem")).unwrap();
    let config = |mutual: &Way| {
        let scram = |user, password| Way::password(server, "SCRAM-SHA-512", user, password);
        let ways = [
            ("password", scram("alice", "${file:password}")),
            (
                "ca",
                Way::password(server, "PLAIN", "carol", "carol-pw")
                    .with("ssl.ca.location", "trusted.pem"),
            ),
            ("certificate", mutual.clone()),
            ("right", scram("bob", "bob-pw")),
        ];
        let ways = ways.into_iter();
        ways.fold(Config::new(), |config, (name, way)| {
            way.add_to(config, server, name, &topic, name)
        })
    };
    let archiver = scene.start(&config(&Way::tls(server, Listener::Mutual)));
    for cluster in ["password", "ca", "certificate"] {
        archiver.await_line(&says::in_trouble(cluster, &[]));
    }
    let rights = "Topic authorization failed; the user needs READ and DESCRIBE on the topic";
    archiver.await_line(&says::waits_for_cluster(
        "right",
        &["asking for topic", rights],
    ));
    // Describing it is not yet reading it.
    server.grant("bob", &topic.name, &["DESCRIBE"]);
    archiver.await_line(&says::waits_for_cluster("right", &["reading", rights]));
    server.grant("bob", &topic.name, &["READ"]);
    scene.await_lines(&archiver, "right.ndjson", 10);
    fs::write(scene.path("password"), "alice-pw").unwrap();
    fs::copy(of.certificate("ca"), scene.path("trusted.pem")).unwrap();
    let mended = config(&Way::certificate(server, "carol"));
    reload(&scene, &archiver, &mended.text(), DONE);
    for name in ["password", "ca", "certificate"] {
        scene.await_lines(&archiver, &format!("{name}.ndjson"), 10);
    }
    archiver.stop();
}

#[test]
fn a_certificate_that_is_renewed_on_the_broker_is_noticed_by_itself() {
    let server = Server::secured();
    let scene = Scene::on(&server);
    let topic = scene.topic("renewed", 1);
    Producer::new(&server).send_all(&topic, Values::new(1).jsons(10));
    server.grant("ANONYMOUS", &topic.name, &["READ", "DESCRIBE"]);
    let archiver = scene.start(&Way::tls(&server, Listener::Expired).config(&server, &topic));
    archiver.await_line(&says::in_trouble("secure", &["has expired", RENEW]));
    let renewed = server.certificates().store("renewed-server");
    let renewed = format!(
        "listener.name.expired.ssl.keystore.location={}",
        renewed.display()
    );
    let bootstrap = server.bootstrap();
    let alter = [
        "--bootstrap-server",
        &bootstrap,
        "--alter",
        "--entity-type",
        "brokers",
        "--entity-name",
        "1",
    ];
    tool(
        "kafka.admin.ConfigCommand",
        &[&alter[..], &["--add-config", &renewed]].concat(),
    );
    scene.await_lines(&archiver, "a.ndjson", 10);
    archiver.stop();
}

#[test]
fn a_broker_that_refuses_a_login_is_not_stormed() {
    let server = secured();
    let scene = Scene::on(server);
    let topic = scene.topic("stormed", 1);
    let port = server
        .at(Listener::Sasl)
        .rsplit(':')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    let proxy = Proxy::to(port);
    let way = Way::password(server, "SCRAM-SHA-512", "alice", "hunter2")
        .with("security.protocol", "sasl_plaintext");
    let config = way.config(server, &topic).text();
    let config = config.replace(&server.at(Listener::SaslTls), &proxy.address());
    fs::write(scene.path("topics.toml"), config).unwrap();
    let archiver = Archiver::start(scene.directory(), &["-c", "topics.toml"]);
    // So many that the pauses are as long as they get.
    eventually(LONG, "it tries again", || proxy.connections() >= 10);
    let (began, before) = (Instant::now(), proxy.connections());
    eventually(LONG, "it tries again", || {
        proxy.connections() >= before + 20
    });
    let took = began.elapsed();
    assert!(took > Duration::from_secs(4), "10 logins in {took:?}");
    let said = archiver.stop().stderr;
    assert_eq!(said.matches("in trouble").count(), 1, "{said}");
}
