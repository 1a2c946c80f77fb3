//! The API is what its OpenAPI document says: each route, each parameter of it, each answer.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};

use super::{FIRST_MS, Served, capture, learn};
use crate::scene::Scene;

/// What is asked of each route, with each of its parameters at least once.
fn examples() -> Vec<(&'static str, String)> {
    let measured =
        "source=ARCHIVE&value=data&by=host&only=host:web:2&since=-20000d&until=now&time=timestamp";
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
        ("models", String::new()),
        ("predict", "source=ARCHIVE&model=usual&since=-20000d&until=now&limit=50".into()),
        ("predict", "source=ARCHIVE&model=usual&only=host:web/1&filter=data%3E0&anomalies=true".into()),
        ("scores", "source=ARCHIVE&model=usual&only=host:web/1&filter=data%3E0&since=-20000d&until=now&series=2".into()),
        ("sql", "query=SELECT+host,+avg(data)+AS+mean+FROM+records+GROUP+BY+host&since=-20000d&until=now&limit=2".into()),
    ]
}

/// The schema of what a route answers with this status.
fn schema<'d>(document: &'d Value, route: &str, status: u16) -> &'d Value {
    let responses = &document["paths"][format!("/api/v1/{route}")]["get"]["responses"];
    let response = meant(document, &responses[status.to_string()]);
    let schema = &response["content"]["application/json"]["schema"];
    assert!(schema.is_object(), "{route} says nothing of {status}");
    schema
}

/// What a reference stands for, or what is no reference.
fn meant<'d>(document: &'d Value, of: &'d Value) -> &'d Value {
    match of["$ref"].as_str() {
        Some(to) => document.pointer(&to[1..]).expect("is in the document"),
        None => of,
    }
}

/// What is wrong with a value by a schema, with where it stands. A keyword that isn't known here is wrong as well: nothing is
/// taken as checked that wasn't.
fn wrong(document: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    let schema = meant(document, schema);
    let (mut wrong_here, mut within) = (Vec::new(), Vec::new());
    for (keyword, says) in schema.as_object().expect("a schema") {
        let number = value.as_f64();
        let is_right = match &keyword[..] {
            "description" | "examples" => true,
            "type" => match says {
                Value::Array(types) => types.iter().any(|one| is_of(one, value)),
                one => is_of(one, value),
            },
            "enum" => says.as_array().expect("a list").contains(value),
            "minimum" => number.is_none_or(|number| number >= says.as_f64().expect("a number")),
            "exclusiveMinimum" => {
                number.is_none_or(|number| number > says.as_f64().expect("a number"))
            }
            "maxItems" => value
                .as_array()
                .is_none_or(|all| all.len() as u64 <= says.as_u64().expect("a number")),
            "required" => says.as_array().expect("a list").iter().all(|name| {
                value
                    .as_object()
                    .is_none_or(|fields| fields.contains_key(name.as_str().expect("a name")))
            }),
            "additionalProperties" => {
                assert_eq!(*says, false, "{at}");
                let known = schema["properties"].as_object().expect("properties");
                value
                    .as_object()
                    .is_none_or(|fields| fields.keys().all(|name| known.contains_key(name)))
            }
            "properties" => {
                for (name, of) in says.as_object().expect("properties") {
                    if let Some(field) = value.get(name) {
                        within.extend(wrong(document, of, field, &format!("{at}.{name}")));
                    }
                }
                true
            }
            "items" => {
                for (number, item) in value.as_array().into_iter().flatten().enumerate() {
                    within.extend(wrong(document, says, item, &format!("{at}[{number}]")));
                }
                true
            }
            _ => false,
        };
        if !is_right {
            wrong_here.push(format!("{at}: {keyword} {says}, and it is {value:.200}"));
        }
    }
    [wrong_here, within].concat()
}

/// Is a value of this type? A number without a fraction is an integer, too.
fn is_of(name: &Value, value: &Value) -> bool {
    match name.as_str().expect("a type") {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        other => panic!("type {other}"),
    }
}

#[track_caller]
fn check(document: &Value, (route, query): (&str, &str), status: u16, answer: &Value) {
    let wrong = wrong(document, schema(document, route, status), answer, "answer");
    assert!(wrong.is_empty(), "{route}?{query}: {wrong:#?}");
}

#[test]
fn what_is_not_as_a_schema_says_is_noticed() {
    let schema = json!({"type": "object", "required": ["a"], "additionalProperties": false, "properties": {
        "a": {"type": ["integer", "null"], "minimum": 1}, "b": {"type": "array", "items": {"enum": ["x"]}, "maxItems": 1}}});
    let count = |value: &Value| wrong(&Value::Null, &schema, value, "it").len();
    assert_eq!(count(&json!({"a": 1, "b": ["x"]})), 0);
    assert_eq!(count(&json!({"a": null})), 0);
    for value in [
        json!([]),
        json!({}),
        json!({"a": 0}),
        json!({"a": 1.5}),
        json!({"a": 1, "c": 1}),
        json!({"a": 1, "b": ["y"]}),
        json!({"a": 1, "b": ["x", "x"]}),
        json!({"a": 1, "b": {}}),
    ] {
        assert_ne!(count(&value), 0, "{value}");
    }
    assert_eq!(
        wrong(&Value::Null, &json!({"pattern": "a"}), &json!("a"), "it").len(),
        1
    );
}

#[test]
fn each_route_with_each_of_its_parameters_answers_what_the_document_says() {
    let scene = Scene::new();
    capture(&scene);
    let text = "[[analysis]]\nname = \"high\"\nsource = \"metrics.ndjson.zst\"\nvalue = \"data\"\nby = \"host\"\n\
                window = { tumbling = \"1m\" }\naggregates = [\"max\"]\nanomalies = { method = \"three-sigma\", sigmas = 0.5 }\n\
                output = [{ file = \"high.csv\" }, { command = [\"true\"] }]\n";
    fs::write(scene.path("analysis.toml"), text).expect("is written");
    learn(&scene);
    let flags = [
        "--allow-sql",
        "--analyses",
        "analysis.toml",
        "--models",
        "models",
    ];
    let served = Served::start(&scene, &flags);
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
        if some("rows")
            || some("models")
            || some("series")
            || some("analyses")
            || some("archives")
            || some("columns")
        {
            has_rows.insert(route);
        }
    }
    assert!(untried.is_empty(), "nobody has tried {untried:?}");
    // A schema of rows says nothing of none.
    let routes = [
        "anomalies",
        "archives",
        "models",
        "points",
        "predict",
        "results",
        "schema",
        "scores",
        "sql",
        "windows",
    ];
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
    served.program.stop();
}
