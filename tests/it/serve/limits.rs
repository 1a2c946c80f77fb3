//! What a question may cost.

use std::time::{Duration, Instant};

use super::{Served, capture};
use crate::http::ask::send;
use crate::scene::Scene;
use crate::wait::{LONG, eventually};

/// A query that would take for ever.
const ENDLESS: &str = "query=WITH+RECURSIVE+t+AS+(SELECT+1+AS+n+UNION+ALL+SELECT+n%2B1+FROM+t)+SELECT+count(*)+FROM+t";

#[test]
fn what_takes_too_long_is_cut_with_a_reason_and_the_next_is_answered() {
    let scene = Scene::new();
    capture(&scene);
    let served = Served::start(&scene, &["--allow-sql", "--timeout", "2s"]);
    let asked = Instant::now();
    let why = served.why(504, "sql", ENDLESS);
    assert!(
        why.contains("within 2 s (--timeout)") && why.contains("shorter range"),
        "{why}"
    );
    assert!(
        asked.elapsed() < Duration::from_secs(30),
        "after {:?}",
        asked.elapsed()
    );
    let windows = served.json("windows", "source=ARCHIVE&value=data&tumbling=1m");
    assert_eq!(windows["rows"].as_array().map(Vec::len), Some(15));
    served.program.stop();
}

#[test]
fn what_needs_too_much_memory_is_told_and_what_fits_is_answered() {
    let scene = Scene::new();
    capture(&scene);
    let served = Served::start(
        &scene,
        &["--allow-sql", "--memory", "256MiB", "--timeout", "10m"],
    );
    // One side of a join is held as a whole.
    let side =
        "(SELECT+repeat(CAST(a.%22offset%22+AS+VARCHAR),+700)+AS+x+FROM+records+a,+records+b)";
    let all = &format!("query=SELECT+count(*)+FROM+{side}+AS+l+JOIN+{side}+AS+r+ON+l.x+=+r.x");
    let why = served.why(503, "sql", all);
    assert!(why.contains("more than --memory allows"), "{why}");
    eventually(LONG, "what it had is given back", || {
        let seasonal = "source=ARCHIVE&value=data&by=host&method=seasonal&period=1m";
        served.get("points", seasonal).status == 200
    });
    served.program.stop();
}

#[test]
fn rows_beyond_what_is_allowed_are_cut_and_that_is_said() {
    let scene = Scene::new();
    capture(&scene);
    let served = Served::start(&scene, &["--allow-sql", "--rows", "1000"]);
    let all = served.json("sql", "query=SELECT+*+FROM+records");
    assert_eq!(all["rows"].as_array().map(Vec::len), Some(1_000));
    assert_eq!(all["is_cut"], true);
    let few = served.json("sql", "query=SELECT+*+FROM+records&limit=10");
    assert_eq!(few["rows"].as_array().map(Vec::len), Some(10));
    let each = served.json("windows", "source=ARCHIVE&value=data&by=host&tumbling=1s");
    assert_eq!(each["rows"].as_array().map(Vec::len), Some(1_000));
    assert_eq!(each["is_cut"], true);
    assert!(
        served
            .why(400, "sql", "query=SELECT+1&limit=1001")
            .contains("from 1 to 1000")
    );
    served.program.stop();
}

#[test]
fn two_are_answered_at_once_and_others_are_told_to_come_again() {
    let scene = Scene::new();
    capture(&scene);
    let served = Served::start(&scene, &["--allow-sql", "--timeout", "10m"]);
    let request = format!(
        "GET /api/v1/sql?{ENDLESS} HTTP/1.1\r\nHost: {}\r\n\r\n",
        served.address
    );
    let mut busy = Vec::new();
    eventually(LONG, "two are being answered", || {
        // One that has its turn shows it by keeping others from theirs.
        busy.push(send(&served.address, request.as_bytes()).expect("is sent"));
        let asked = Instant::now();
        let answer = served.get("schema", "source=ARCHIVE");
        let is_refused = answer.status == 503;
        assert!(is_refused || answer.status == 200, "{}", answer.body);
        assert!(!is_refused || asked.elapsed() >= Duration::from_secs(5));
        assert!(
            !is_refused || answer.body.contains("try again"),
            "{}",
            answer.body
        );
        is_refused
    });
    assert!(busy.len() >= 2, "{}", busy.len());
    // What only looks at files has turns of its own.
    assert_eq!(served.get("archives", "").status, 200);
    // Whoever goes gives back their turn.
    drop(busy);
    eventually(LONG, "others have their turn", || {
        served.get("schema", "source=ARCHIVE").status == 200
    });
    served.program.stop();
}

#[test]
fn a_query_of_any_depth_ends_nothing() {
    let scene = Scene::new();
    capture(&scene);
    let served = Served::start(&scene, &["--allow-sql", "--timeout", "5s"]);
    let sum = format!("1{}", "%2B1".repeat(1_800));
    for query in [
        format!("SELECT+{sum}"),
        format!("SELECT+{}1{}", "(".repeat(2_000), ")".repeat(2_000)),
        format!("SELECT+{}1", "-+".repeat(1_800)),
        format!("SELECT+{}true", "not+".repeat(900)),
        format!("SELECT+1{}", "+union+select+1".repeat(250)),
    ] {
        let answer = served.get("sql", &format!("query={query}"));
        let is_told = matches!(answer.status, 200 | 400 | 503 | 504);
        assert!(is_told, "{query:.60}: {}", answer.body);
        served.program.assert_runs();
    }
    let filter = format!("source=ARCHIVE&value=data&filter={sum}%3E0");
    assert_ne!(served.get("anomalies", &filter).status, 500);
    let longer = format!("query=SELECT+1{}", "%2B1".repeat(2_100));
    assert!(
        served
            .why(400, "sql", &longer)
            .contains("longer than 4096 bytes")
    );
    served.program.assert_runs();
    served.program.stop();
}
