//! Ports that aren't Kafka's.

use std::io::Write;
use std::net::TcpListener;
use std::thread;

use crate::config::Config;
use crate::says;
use crate::scene::Scene;

const HTTP: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
const SSH: &[u8] = b"SSH-2.0-OpenSSH_9.2p1\r\n";

/// An address where nobody listens.
fn closed() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

/// An address where everybody is told this; the listener is gone when the tests are.
fn listen(answer: &'static [u8]) -> String {
    listen_at("127.0.0.1:0", answer)
}

fn listen_at(address: &str, answer: &'static [u8]) -> String {
    let listener = TcpListener::bind(address).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        let mut open = Vec::new();
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            // Whoever is told may have gone.
            let _ = connection.write_all(answer);
            open.push(connection);
        }
    });
    address
}

#[test]
fn an_answer_that_isnt_kafka_s_is_told_from_one_that_is_too_large() {
    let scene = Scene::new();
    let topic = scene.planned("elsewhere");
    for (answer, begins) in [(HTTP, "\"HTTP\""), (SSH, "\"SSH-\"")] {
        let address = listen(answer);
        let config = Config::new().archive_on(&address, &topic, "a.ndjson", &[]);
        let archiver = scene.start(&config);
        archiver.await_line(&says::not_kafka(&address, begins));
        let ended = archiver.stop();
        let advice = "receive.message.max.bytes";
        assert!(!ended.stderr.contains(advice), "{}", ended.stderr);
    }
}

#[test]
fn a_port_that_says_nothing_is_said_to_be_silent_before_the_question_is_given_up() {
    let scene = Scene::new();
    let topic = scene.planned("silent");
    let config = Config::new().archive_on(&listen(b""), &topic, "a.ndjson", &[]);
    let archiver = scene.start(&config);
    archiver.await_line(&says::silent());
    archiver.stop();
}

#[test]
fn another_cause_is_said_when_it_takes_the_first_one_s_place() {
    let scene = Scene::new();
    let addresses = [(); 3].map(|()| closed());
    let [http, ssh, silent] = &addresses;
    let archivers = addresses.each_ref().map(|address| {
        let topic = scene.planned("changing");
        let file = format!("{}.ndjson", topic.name);
        let config = Config::new().archive_on(address, &topic, &file, &[]);
        let archiver = scene.start(&config);
        archiver.await_line(&says::refuses());
        archiver
    });
    listen_at(http, HTTP);
    listen_at(ssh, SSH);
    listen_at(silent, b"");
    archivers[0].await_line(&says::not_kafka(http, "\"HTTP\""));
    archivers[1].await_line(&says::not_kafka(ssh, "\"SSH-\""));
    archivers[2].await_line(&says::silent());
    for archiver in archivers {
        archiver.stop();
    }
}
