//! The API is what its OpenAPI document says: each route, each parameter of it, each answer.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};

use super::{FIRST_MS, Served, capture};
use crate::scene::Scene;

/// What is asked of each route, with each of its parameters at least once.
fn examples() -> Vec<(&'static str, String)> {
    let measured = "source=ARCHIVE&value=data&by=host&only=host:web:2&since=-20000d&until=now&time=timestamp";
    let windows = "aggregates=count,mean,p99&offset=30s";
    let (from, to) = (FIRST_MS + 60_000, FIRST_MS + 600_000);
    vec![
        ("archives", String::new()),
        ("openapi.json", String::new()),
        ("results", String::new()),
        ("schema", "source=ARCHIVE".into()),
        ("windows", format!("{measured}&{windows}&tumbling=1m&fill=zero&limit=5")),
        ("windows", format!("{measured}&{windows}&sliding=90s&every=1m&filter=data%3E0")),
        ("windows", format!("{measured}&aggregates=min&session=5m")),
        ("windows", "analysis=high".into()),
        ("anomalies", format!("{measured}&{windows}&tumbling=1m&fill=null&method=mad&sigmas=0.1&limit=5")),
        ("anomalies", format!("{measured}&{windows}&sliding=90s&every=1m&filter=data%3E0&method=seasonal&period=2m")),
        ("anomalies", format!("{measured}&aggregates=min&session=5m&method=rolling-sigma&history=2m")),
        ("anomalies", "analysis=high".into()),
        ("points", format!("{measured}&method=three-sigma&from={from}&to={to}&series=2")),
        ("points", format!("{measured}&{windows}&tumbling=1m&fill=null&method=mad&sigmas=0.1")),
        ("points", format!("{measured}&{windows}&sliding=90s&every=1m&filter=data%3E0&method=seasonal&period=2m")),
        ("points", format!("{measured}&aggregates=min&session=5m&method=rolling-sigma&history=2m")),
        ("points", "analysis=high".into()),
        ("sql", "query=SELECT+host,+avg(data)+AS+mean+FROM+records+GROUP+BY+host&since=-20000d&until=now&limit=2".into()),
    ]
}

/// The schema of what a route answers with this status.
fn schema(document: &Value, route: &str, status: u16) -> Value {
    let responses = &document["paths"][format!("/api/v1/{route}")]["get"]["responses"];
    let mut response = &responses[status.to_string()];
    if let Some(to) = response["$ref"].as_str() {
        response = document.pointer(&to[1..]).expect("a response");
    }
    let schema = response["content"]["application/json"]["schema"].clone();
    assert!(schema.is_object(), "{route} says nothing of {status}");
    let components = document["components"].clone();
    json!({"allOf": [schema], "components": components})
}

#[track_caller]
fn check(document: &Value, (route, query): (&str, &str), status: u16, answer: &Value) {
    let schema = schema(document, route, status);
    let validator = jsonschema::draft202012::new(&schema).expect("a schema");
    let wrong = validator.iter_errors(answer).map(|error| error.to_string());
    let wrong = wrong.collect::<Vec<_>>();
    assert!(wrong.is_empty(), "{route}?{query}: {wrong:?}");
}

#[test]
fn each_route_with_each_of_its_parameters_answers_what_the_document_says() {
    let scene = Scene::new();
    capture(&scene);
    let text = "[[analysis]]\nname = \"high\"\nsource = \"metrics.ndjson.zst\"\nvalue = \"data\"\nby = \"host\"\n\
                window = { tumbling = \"1m\" }\naggregates = [\"max\"]\nanomalies = { method = \"three-sigma\", sigmas = 0.5 }\n\
                output = [{ file = \"high.csv\" }, { command = [\"true\"] }]\n";
    fs::write(scene.path("analysis.toml"), text).expect("is written");
    let served = Served::start(&scene, &["--allow-sql", "--analyses", "analysis.toml"]);
    let document = served.json("openapi.json", "");
    let mut untried = BTreeSet::new();
    for (path, of) in document["paths"].as_object().expect("paths") {
        let route = path.strip_prefix("/api/v1/").expect("a route");
        untried.insert((route.to_owned(), String::new()));
        for parameter in of["get"]["parameters"].as_array().expect("a list") {
            let to = parameter["$ref"].as_str().expect("a reference");
            let name = document.pointer(&to[1..]).expect("a parameter")["name"].clone();
            untried.insert((route.to_owned(), name.as_str().expect("a name").to_owned()));
        }
    }
    let mut has_rows = BTreeSet::new();
    for (route, query) in examples() {
        let answer = served.json(route, &query);
        check(&document, (route, &query), 200, &answer);
        untried.remove(&(route.to_owned(), String::new()));
        for pair in query.split('&') {
            let name = pair.split('=').next().expect("a name");
            untried.remove(&(route.to_owned(), name.to_owned()));
        }
        let some = |list: &str| answer[list].as_array().is_some_and(|of| !of.is_empty());
        if some("rows") || some("series") || some("analyses") || some("archives") || some("columns") {
            has_rows.insert(route);
        }
    }
    assert!(untried.is_empty(), "nobody has tried {untried:?}");
    // A schema of rows says nothing of none.
    let routes = ["anomalies", "archives", "points", "results", "schema", "sql", "windows"];
    assert_eq!(has_rows.into_iter().collect::<Vec<_>>(), routes);
    for (route, query, status) in [
        ("windows", "source=ARCHIVE&value=data", 400),
        ("archives", "x=y", 400),
        ("schema", "source=nothing", 404),
    ] {
        let answer = served.get(route, query);
        assert_eq!(answer.status, status);
        let answer = serde_json::from_str(&answer.body).expect("JSON");
        check(&document, (route, query), status, &answer);
    }
    // The check notices what isn't as it should be.
    let wrong = std::panic::catch_unwind(|| {
        check(&document, ("schema", ""), 200, &json!({"source": 1}));
    });
    assert!(wrong.is_err());
    served.program.stop();
}
