//! Ports that aren't Kafka's.

use std::io::Write;
use std::net::TcpListener;
use std::thread;

use crate::config::Config;
use crate::says;
use crate::scene::Scene;

/// An address where everybody is told this; the listener is gone when the tests are.
fn listen(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
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
    let answers: [(&[u8], _); 2] = [
        (
            b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n",
            "\"HTTP\"",
        ),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", "\"SSH-\""),
    ];
    for (answer, begins) in answers {
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
