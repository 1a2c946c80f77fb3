//! What is answered about a file, and what is not. Over HTTP, and of archives, tests/it tries it.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use archiver::config::{Http, Listen};
use http_body_util::BodyExt;
use serde_json::{Value, json};

use super::analyses::Analyses;
use super::catalog::Catalog;
use super::limits::Limits;
use super::models::Models;
use super::problem::Problem;
use super::routes::{Route, Routes};
use crate::engine::Settings;

/// In milliseconds since 1970, at the beginning of a minute.
const FIRST_MS: i64 = 1_700_000_040_000;

/// A file with a value a second of each of these hosts, one of which is far too high, and what answers about it.
struct Scene {
    directory: tempfile::TempDir,
    routes: Routes,
}

impl Scene {
    fn new(limits: Limits) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let lines = (0..600).flat_map(|n| {
            ["a", "b"].map(|host| {
                let data = if n == 300 && host == "b" {
                    500
                } else {
                    50 + n % 7
                };
                let ms = FIRST_MS + n * 1_000;
                format!("{}\n", json!({"ts": ms, "host": host, "data": data}))
            })
        });
        let file = directory.path().join("metrics.ndjson");
        fs::write(&file, lines.collect::<String>()).expect("is written");
        let analyses = directory.path().join("analysis.toml");
        let out = directory.path().join("out.csv");
        let text = format!(
            "[[analysis]]\nname = \"slow\"\nsource = {file:?}\ntime = \"ts\"\nvalue = \"data\"\nby = \"host\"\nfilter = \"data > 0\"\n\
             window = {{ tumbling = \"1m\" }}\naggregates = [\"max\"]\nanomalies = {{ method = \"mad\" }}\n\
             output = [{{ file = {out:?} }}, {{ command = [\"true\"] }}]\n\
             [[analysis]]\nname = \"elsewhere\"\nsource = \"/no/such.ndjson\"\nvalue = \"data\"\n"
        );
        fs::write(&analyses, text).expect("is written");
        let analyses = Analyses(Some(analyses));
        let models = Models(Some(directory.path().to_owned()));
        let words = vec![file.to_string_lossy().into_owned()];
        let catalog = Catalog::new(None, words, analyses.clone());
        let http = Http {
            listen: Listen::Unix(PathBuf::from("/none")),
            token: None,
        };
        let settings = Settings {
            memory_bytes: 64 << 20,
            skips_damaged: false,
            declared: Vec::new(),
            samples_all: false,
        };
        let routes = Routes::new(http, catalog, (analyses, models), (settings, limits));
        Self {
            routes: routes.expect("starts"),
            directory,
        }
    }

    /// What is answered, as JSON.
    async fn ask(&self, route: Route, query: &str) -> Result<Value, Problem> {
        let answer = self.routes.route(route, query).await?;
        let body = answer.into_body().collect().await.expect("a body");
        Ok(serde_json::from_slice(&body.to_bytes()).expect("JSON"))
    }

    async fn answer(&self, route: Route, query: &str) -> Value {
        let answer = self.ask(route, query).await;
        answer.unwrap_or_else(|problem| panic!("{query}: {problem:?}"))
    }

    async fn refusal(&self, route: Route, query: &str) -> (u16, String) {
        match self.ask(route, query).await {
            Ok(_) => panic!("{query} was answered"),
            Err(refused) => (refused.status.as_u16(), refused.why),
        }
    }
}

fn limits() -> Limits {
    Limits {
        allows_sql: false,
        timeout: Duration::from_secs(60),
        rows: 1_000,
    }
}

const MEASURED: &str = "source=metrics&time=ts&value=data&by=host";

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_listed_and_has_a_schema() {
    let scene = Scene::new(limits());
    let archives = scene.answer(Route::Archives, "").await;
    assert_eq!(archives["archives"][0]["name"], "metrics");
    assert_eq!(archives["archives"][0]["kind"], "file");
    assert_eq!(archives["archives"].as_array().map(Vec::len), Some(1));
    let schema = scene.answer(Route::Schema, "source=metrics").await;
    let host = json!({"name": "host", "kind": "text", "is_field": true});
    assert_eq!(schema["columns"][1], host);
    assert_eq!(schema["has_timestamps"], false);
    let (status, said) = scene.refusal(Route::Schema, "source=metrcs").await;
    assert_eq!(status, 404);
    assert!(said.ends_with("did you mean metrics?"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn windows_are_rows_and_too_many_are_cut() {
    let scene = Scene::new(limits());
    let query = format!("{MEASURED}&tumbling=1m&aggregates=count,max");
    let all = scene.answer(Route::Windows, &query).await;
    assert_eq!(all["rows"].as_array().map(Vec::len), Some(20));
    let columns = json!(["window_start", "window_end", "host", "count", "max"]);
    assert_eq!(all["columns"], columns);
    let first = json!({"window_start": FIRST_MS, "window_end": FIRST_MS + 60_000, "host": "a", "count": 60, "max": 56});
    assert_eq!((&all["rows"][0], &all["is_cut"]), (&first, &json!(false)));
    let cut = scene
        .answer(Route::Windows, &format!("{query}&limit=3"))
        .await;
    assert_eq!(cut["rows"].as_array().map(Vec::len), Some(3));
    assert_eq!((&cut["rows"][0], &cut["is_cut"]), (&first, &json!(true)));
    let of_b = scene
        .answer(Route::Windows, &format!("{query}&only=host:b"))
        .await;
    assert_eq!(of_b["rows"].as_array().map(Vec::len), Some(10));
    assert!(of_b["rows"][0]["host"] == "b" && of_b["rows"][5]["max"] == 500);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_anomaly_is_found_by_the_usual_method_and_drawn() {
    let scene = Scene::new(limits());
    let found = scene.answer(Route::Anomalies, MEASURED).await;
    let rows = found["rows"].as_array().expect("rows");
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert!(rows[0]["value"] == 500.0 && rows[0]["method"] == "three-sigma");
    let points = scene
        .answer(Route::Points, &format!("{MEASURED}&method=mad"))
        .await;
    let series = &points["series"][0];
    // The one with anomalies comes first.
    assert_eq!(series["group"], json!([{"field": "host", "value": "b"}]));
    assert_eq!(
        series["counts"],
        json!({"values": 600, "missing": 0, "anomalies": 1})
    );
    assert_eq!(series["worst"][0]["time"], FIRST_MS + 300_000);
    let plain = scene
        .answer(Route::Points, &format!("{MEASURED}&series=1"))
        .await;
    assert!(plain["series"][0]["expected"].is_null() && plain["more"] == 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_the_points_is_drawn_as_all_are_judged() {
    let scene = Scene::new(limits());
    let query = format!("{MEASURED}&only=host:b&method=three-sigma");
    let (from, to) = (FIRST_MS + 290_000, FIRST_MS + 310_000);
    let all = scene.answer(Route::Points, &query).await;
    let part = scene
        .answer(Route::Points, &format!("{query}&from={from}&to={to}"))
        .await;
    let (all, part) = (&all["series"][0], &part["series"][0]);
    assert_eq!(part["times"].as_array().map(Vec::len), Some(20));
    assert_eq!(part["times"][0], from);
    assert_eq!(part["expected"][0], all["expected"][0]);
    assert_eq!(part["counts"]["anomalies"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_analysis_of_the_file_is_asked_by_its_name_and_its_filter_is_nobody_else_s() {
    let scene = Scene::new(limits());
    let results = scene.answer(Route::Results, "").await;
    let [slow, elsewhere] = [0, 1].map(|number| &results["analyses"][number]);
    assert!(slow["source"] == "metrics" && slow["last_run_ms"].is_null());
    assert!(elsewhere["source"].is_null());
    fs::write(scene.directory.path().join("out.csv"), "x").expect("is written");
    let results = scene.answer(Route::Results, "").await;
    let slow = &results["analyses"][0];
    assert!(slow["last_run_ms"].is_i64() && slow["outputs"][0]["bytes"] == 1);
    assert_eq!(slow["outputs"][1]["kind"], "command");
    let windows = scene
        .answer(Route::Windows, "analysis=slow&only=host:b")
        .await;
    assert_eq!(windows["rows"].as_array().map(Vec::len), Some(10));
    let points = scene.answer(Route::Points, "analysis=slow").await;
    assert_eq!(points["series"][0]["name"], "max_data");
    for (query, status, said) in [
        ("analysis=slo", 404, "did you mean slow?"),
        ("analysis=slow&value=data", 400, "says value itself"),
        ("analysis=elsewhere", 404, "asks /no/such.ndjson"),
    ] {
        let (found, why) = scene.refusal(Route::Points, query).await;
        assert!(found == status && why.contains(said), "{query}: {why}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_wrongly_is_told() {
    let scene = Scene::new(limits());
    for (route, query, status, said) in [
        (
            Route::Windows,
            "source=metrics&time=ts&value=data",
            400,
            "say one of tumbling",
        ),
        (
            Route::Windows,
            "source=metrics&time=ts&value=dta&tumbling=1m",
            400,
            "did you mean data?",
        ),
        (
            Route::Windows,
            "source=metrics&value=data&tumbling=1m",
            400,
            "name the field with the time",
        ),
        (
            Route::Windows,
            "source=metrics&time=ts&value=data&tumbling=1m&since=-5m",
            400,
            "no column timestamp",
        ),
        (
            Route::Windows,
            "source=metrics&time=ts&value=data&tumbling=1m&method=mad",
            400,
            "no parameter method",
        ),
        (
            Route::Windows,
            "source=metrics&time=ts&value=data&tumbling=1m&limit=1001",
            400,
            "from 1 to 1000",
        ),
        (
            Route::Anomalies,
            "source=metrics&time=ts&value=data&filter=1%3D1",
            403,
            "--allow-sql",
        ),
        (Route::Sql, "query=SELECT+1", 403, "--allow-sql"),
        (Route::Archives, "x=1", 400, "this takes none"),
        (
            Route::Points,
            "source=metrics&time=ts&value=data&series=201",
            400,
            "from 1 to 200",
        ),
    ] {
        let (found, why) = scene.refusal(route, query).await;
        assert!(
            found == status && why.contains(said),
            "{query}: {found} {why}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sql_is_answered_where_it_is_allowed_and_changes_nothing() {
    let allowed = Limits {
        allows_sql: true,
        ..limits()
    };
    let scene = Scene::new(allowed);
    let answer = scene
        .answer(
            Route::Sql,
            "query=SELECT+host,+count(*)+AS+n+FROM+metrics+GROUP+BY+host+ORDER+BY+1",
        )
        .await;
    assert_eq!(
        answer["rows"],
        json!([{"host": "a", "n": 600}, {"host": "b", "n": 600}])
    );
    for (query, said) in [
        ("query=DROP+TABLE+metrics", "not supported"),
        (
            "query=SELECT+nothing+FROM+metrics",
            "No field named nothing",
        ),
        ("query=COPY+metrics+TO+'/tmp/x.csv'", "not supported"),
        ("", "query is missing"),
    ] {
        let (status, why) = scene.refusal(Route::Sql, query).await;
        assert!(status == 400 && why.contains(said), "{query}: {why}");
    }
    let filtered = format!("{MEASURED}&filter=data%20%3E%20400");
    let points = scene.answer(Route::Points, &filtered).await;
    assert_eq!(points["series"].as_array().map(Vec::len), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_too_long_is_cut_and_what_needs_too_much_memory_is_told() {
    let hurried = Limits {
        allows_sql: true,
        timeout: Duration::from_millis(500),
        ..limits()
    };
    let scene = Scene::new(hurried);
    let product = "query=SELECT+count(*)+FROM+metrics+a,+metrics+b,+metrics+c,+metrics+d+WHERE+a.data+%2B+b.data+%2B+c.data+>+d.data";
    let (status, why) = scene.refusal(Route::Sql, product).await;
    assert!(status == 504 && why.contains("was cut"), "{status} {why}");
    let patient = Limits {
        allows_sql: true,
        ..limits()
    };
    let scene = Scene::new(patient);
    // One side of a join is held as a whole.
    let side = "(SELECT+repeat(CAST(a.ts+AS+VARCHAR),+200)+AS+x+FROM+metrics+a,+metrics+b)";
    let all = &format!("query=SELECT+count(*)+FROM+{side}+AS+l+JOIN+{side}+AS+r+ON+l.x+=+r.x");
    let (status, why) = scene.refusal(Route::Sql, all).await;
    assert!(status == 503 && why.contains("--memory"), "{status} {why}");
    let one = scene.answer(Route::Sql, "query=SELECT+1+AS+one").await;
    assert_eq!(one["rows"], json!([{"one": 1}]));
}

fn document() -> Value {
    serde_json::from_str(include_str!("openapi.json")).expect("JSON")
}

#[test]
fn the_document_has_each_path_with_the_parameters_that_it_takes() {
    let document = document();
    let paths = document["paths"].as_object().expect("paths");
    let written = paths.keys().map(String::as_str).collect::<BTreeSet<_>>();
    let routes = Route::ALL.map(Route::path).into_iter().collect();
    assert_eq!(written, routes);
    for route in Route::ALL {
        let of = &paths[route.path()]["get"]["parameters"];
        let names = of.as_array().expect("a list").iter().map(|of| {
            let name = of["$ref"].as_str().and_then(|of| of.rsplit('/').next());
            name.expect("a name")
        });
        let names = names.collect::<BTreeSet<_>>();
        let taken = route.parameters().into_iter().collect();
        assert_eq!(names, taken, "{}", route.path());
    }
}

#[test]
fn the_document_refers_to_nothing_that_is_not_in_it() {
    fn references(of: &Value, found: &mut Vec<String>) {
        match of {
            Value::Object(fields) => {
                for (name, value) in fields {
                    match value {
                        Value::String(to) if name == "$ref" => found.push(to.clone()),
                        value => references(value, found),
                    }
                }
            }
            Value::Array(all) => all.iter().for_each(|one| references(one, found)),
            _ => {}
        }
    }
    let (document, mut found) = (document(), Vec::new());
    references(&document, &mut found);
    assert!(found.len() > 50);
    for to in found {
        let pointer = to.strip_prefix('#').expect("within the document");
        assert!(document.pointer(pointer).is_some(), "{to}");
    }
    // Each parameter is called as it is looked up.
    let parameters = document["components"]["parameters"].as_object();
    for (key, parameter) in parameters.expect("parameters") {
        assert_eq!(parameter["name"], **key);
    }
}
