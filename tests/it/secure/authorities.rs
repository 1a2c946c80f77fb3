//! The system's certificate authorities are found where systems have them.

use super::Way;
use crate::archiver::Archiver;
use crate::kafka::secured;
use crate::produce::Producer;
use crate::scene::Scene;
use crate::show::show;
use crate::values::Values;

/// Where Debian and its kin have them.
const DEBIAN: &str = "/etc/ssl/certs/ca-certificates.crt";
/// Where Fedora and its kin have them.
const FEDORA: &str = "/etc/pki/tls/certs/ca-bundle.crt";
/// Where newer ones of these have them.
const EXTRACTED: &str = "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem";

#[test]
fn the_system_s_authorities_are_trusted_unless_others_are_named() {
    let server = secured();
    let scene = Scene::on(server);
    let topic = scene.topic("trusted", 1);
    Producer::new(server).send_all(&topic, Values::new(1).jsons(10));
    server.grant("alice", &topic.name, &["READ", "DESCRIBE"]);
    let way =
        Way::password(server, "SCRAM-SHA-512", "alice", "alice-pw").without("ssl.ca.location");
    let ca = server
        .certificates()
        .certificate("ca")
        .display()
        .to_string();
    let places = [
        ("debian", DEBIAN, ""),
        ("fedora", FEDORA, ""),
        ("extracted", EXTRACTED, ""),
        (
            "named",
            "/etc/anywhere.pem",
            "export SSL_CERT_FILE=/etc/anywhere.pem;",
        ),
    ];
    for (name, place, exported) in places {
        let config = way.add_to(Default::default(), server, "secure", &topic, name);
        std::fs::write(scene.path("topics.toml"), config.text()).unwrap();
        // Nothing of this machine's own /etc is left.
        let inside = format!(
            "unset SSL_CERT_FILE SSL_CERT_DIR; mount -t tmpfs none /etc && mkdir -p $(dirname {place}) && cp {ca} {place} && {exported} exec \"$0\" \"$@\""
        );
        let script = format!("exec unshare --mount bash -c '{inside}' \"$0\" \"$@\"");
        if !may_unshare() {
            show("skipped: the system's authorities: only root may have an /etc of its own here");
            return;
        }
        let archiver = Archiver::start_by(scene.directory(), &script, &["-c", "topics.toml"]);
        scene.await_lines(&archiver, &format!("{name}.ndjson"), 10);
        archiver.stop();
    }
}

fn may_unshare() -> bool {
    let tried = std::process::Command::new("unshare")
        .args(["--mount", "true"])
        .output();
    tried.is_ok_and(|tried| tried.status.success())
}
