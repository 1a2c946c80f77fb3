//! What nobody may ask, and whom nothing is told.

use std::fs;
use std::net::TcpListener;

use super::{Served, capture};
use crate::analyze::program;
use crate::analyze::said;
use crate::archiver::Archiver;
use crate::http::ask::{answer, ask_as, get, send};
use crate::says;
use crate::scene::Scene;

const TOKEN: &str = "a-secret-that-nobody-guesses";
const WINDOWS: &str = "/api/v1/windows?source=metrics&value=data&tumbling=1m";

#[test]
fn what_is_asked_wrongly_is_told_as_json_with_what_was_meant() {
    let scene = Scene::new();
    capture(&scene);
    let served = Served::start(&scene, &[]);
    let measured = "source=ARCHIVE&value=data";
    for (status, route, query, said) in [
        (
            400,
            "windows",
            format!("{measured}&tumbling=1m&sinse=-5m"),
            "did you mean since?",
        ),
        (
            400,
            "windows",
            format!("{measured}&tumbling=never"),
            "tumbling: not a duration",
        ),
        (
            400,
            "windows",
            format!("{measured}&tumbling=1m&since=soon"),
            "since: not a time",
        ),
        (
            400,
            "windows",
            "source=ARCHIVE&value=dta&tumbling=1m".into(),
            "did you mean data?",
        ),
        (
            400,
            "anomalies",
            format!("{measured}&method=mat"),
            "did you mean mad?",
        ),
        (
            400,
            "points",
            format!("{measured}&by=host&only=data:1"),
            "a field of by",
        ),
        (
            400,
            "points",
            format!("{measured}&only=%ff"),
            "percent-encoded",
        ),
        (
            403,
            "points",
            format!("{measured}&filter=data%3E1"),
            "--allow-sql",
        ),
        (403, "sql", "query=SELECT%201".into(), "--allow-sql"),
        (
            404,
            "schema",
            "source=nothing".into(),
            "there is no archive",
        ),
        (
            404,
            "points",
            "analysis=nothing".into(),
            "there is no analysis",
        ),
        (
            404,
            "nothing",
            String::new(),
            "there are /, /api/v1/archives",
        ),
    ] {
        let why = served.why(status, route, &query);
        assert!(why.contains(said), "{query}: {why}");
    }
    served.program.stop();
}

#[test]
fn what_could_do_harm_is_refused() {
    let scene = Scene::new();
    capture(&scene);
    let served = Served::start(&scene, &[]);
    let address = &served.address;
    let status = |request: &str| {
        let sent = send(address, request.as_bytes());
        let answer = sent.and_then(|mut stream| answer(&mut stream));
        answer.map(|answer| answer.status)
    };
    let host = format!("Host: {address}\r\nConnection: close\r\n");
    for (request, wanted) in [
        (format!("GET / HTTP/1.1\r\n{host}\r\n"), 200),
        (
            "GET /api/v1/archives HTTP/1.1\r\nHost: evil.example\r\n\r\n".into(),
            421,
        ),
        ("GET / HTTP/1.1\r\n\r\n".into(), 400),
        (
            format!("POST /api/v1/archives HTTP/1.1\r\n{host}Content-Length: 0\r\n\r\n"),
            405,
        ),
        (
            format!("GET / HTTP/1.1\r\n{host}Content-Length: 5\r\n\r\nhello"),
            413,
        ),
        (
            format!("GET /{} HTTP/1.1\r\n{host}\r\n", "a".repeat(4000)),
            414,
        ),
        (
            format!("GET /?{} HTTP/1.1\r\n{host}\r\n", "a".repeat(20_000)),
            431,
        ),
        (
            format!("GET /../../../../etc/passwd HTTP/1.1\r\n{host}\r\n"),
            404,
        ),
        (
            format!("GET {WINDOWS} HTTP/1.1\r\n{host}Sec-Fetch-Site: cross-site\r\n\r\n"),
            403,
        ),
        (
            format!("GET / HTTP/1.1\r\n{host}Sec-Fetch-Site: cross-site\r\n\r\n"),
            200,
        ),
        ("nonsense\r\n\r\n".into(), 400),
    ] {
        assert_eq!(status(&request), Some(wanted), "{request:.200}");
    }
    let head = ask_as(address, "HEAD", "/", &[]);
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    // No file is an archive because somebody asks for it.
    fs::write(scene.path("other.csv"), "a,b\n1,2\n").expect("is written");
    for source in ["other.csv", "./other.csv", "/etc/passwd", ".archiver"] {
        let why = served.why(404, "schema", &format!("source={source}"));
        assert!(why.contains("there is no archive"), "{why}");
    }
    served.program.stop();
}

#[test]
fn with_a_token_nothing_is_told_without_it() {
    let scene = Scene::new();
    capture(&scene);
    fs::write(scene.path("token"), format!("{TOKEN}\n")).expect("is written");
    let flags = [
        "serve",
        "metrics.ndjson.zst",
        "--listen",
        "0.0.0.0:0",
        "--token-file",
        "token",
    ];
    let program = Archiver::start_program(&program(), scene.directory(), &flags);
    let line = program.await_line(&says::answering());
    let (_, url) = line.split_once("http://").expect("an address");
    let address = url.trim_end_matches('/').replace("0.0.0.0", "127.0.0.1");
    let bearer = format!("Bearer {TOKEN}");
    for path in [
        "/",
        "/api/v1/archives",
        WINDOWS,
        "/api/v1/openapi.json",
        "/nothing",
    ] {
        let refused = get(&address, path);
        assert_eq!(refused.status, 401, "{path}");
        assert!(refused.header("www-authenticate").starts_with("Bearer"));
        assert!(refused.body.starts_with("{\"error\":"), "{}", refused.body);
        let wrong = ask_as(&address, "GET", path, &[("Authorization", "Bearer wrong")]);
        assert_eq!(wrong.status, 401, "{path}");
        let told = ask_as(&address, "GET", path, &[("Authorization", &bearer)]);
        assert_ne!(told.status, 401, "{path}");
        assert!(!told.body.contains(TOKEN), "{path}");
    }
    let ended = program.stop();
    assert!(!ended.stderr.contains(TOKEN), "{}", ended.stderr);
}

#[test]
fn what_can_t_be_served_ends_the_start() {
    let scene = Scene::new();
    capture(&scene);
    fs::write(scene.path("short"), "secret").expect("is written");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = taken.local_addr().expect("an address").to_string();
    let file = "metrics.ndjson.zst";
    for (code, flags, expected) in [
        (2, vec![file, "--listen", "0.0.0.0:0"], "--token-file"),
        (
            2,
            vec![file, "--listen", "nowhere"],
            "write an address and a port",
        ),
        (
            1,
            vec![file, "--listen", "0.0.0.0:0", "--token-file", "short"],
            "it is no secret",
        ),
        (2, vec!["nothing"], "nothing"),
        (
            1,
            vec![file, "--analyses", "nothing.toml"],
            "reading the analyses in nothing.toml",
        ),
        (2, vec![file, "--timeout", "2h"], "--timeout"),
        (2, vec![file, "--rows", "0"], "from 1 to"),
    ] {
        let flags = [vec!["serve"], flags].concat();
        let why = said(&scene, code, &flags);
        assert!(why.contains(expected), "{flags:?}: {why}");
    }
    let _held = TcpListener::bind(&taken);
    let why = said(&scene, 1, &["serve", file, "--listen", &taken]);
    assert!(
        why.contains("--listen") && why.contains("the port is taken"),
        "{why}"
    );
}

#[test]
fn a_socket_is_answered_on_and_removed_in_the_end() {
    let scene = Scene::new();
    capture(&scene);
    let flags = ["serve", "metrics.ndjson.zst", "--listen", "./page.sock"];
    let program = Archiver::start_program(&program(), scene.directory(), &flags);
    program.await_line(&says::answering());
    let asked = std::process::Command::new("python3")
        .args(["-c", SOCKET])
        .arg(scene.path("page.sock"))
        .output()
        .expect("python3");
    let answer = String::from_utf8_lossy(&asked.stdout).into_owned();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer} {asked:?}");
    program.stop();
    assert!(!scene.path("page.sock").exists());
}

const SOCKET: &str = "
import socket, sys
asking = socket.socket(socket.AF_UNIX)
asking.connect(sys.argv[1])
asking.sendall(b'GET /api/v1/archives HTTP/1.1\\r\\nHost: any.example\\r\\nConnection: close\\r\\n\\r\\n')
print(asking.recv(1 << 16).decode())";
