use std::fmt::Write as _;
use std::path::Path;

use archiver_format::read::Selection;
use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::{Float64Type, Int64Type};
use datafusion::arrow::util::pretty::pretty_format_batches;
use futures::TryStreamExt;
use tempfile::TempDir;

use super::*;
use crate::engine::Settings;
use crate::model::learned::Method;
use crate::model::train::Training;

/// What is asked of a file with these lines.
struct Scene {
    directory: TempDir,
    engine: Engine,
}

impl Scene {
    async fn new(lines: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let engine = opened(directory.path(), lines).await;
        Self { directory, engine }
    }

    /// The same file with other lines.
    async fn with(self, lines: &str) -> Self {
        let engine = opened(self.directory.path(), lines).await;
        Self { engine, ..self }
    }

    async fn trained(&self, training: &Training) -> (Model, Vec<String>) {
        training.clone().run(&self.engine).await.unwrap()
    }

    /// All verdicts, and what is said beside them.
    async fn judged(&self, model: &Model, wanted: &Wanted) -> (RecordBatch, Vec<String>) {
        let model = Arc::new(model.clone());
        let answer = verdicts(&self.engine, &model, wanted).await.unwrap();
        let schema = answer.rows.schema();
        let batches = answer.rows.try_collect::<Vec<_>>().await.unwrap();
        (
            concat_batches(&schema, &batches).unwrap(),
            answer.unjudged.notes(),
        )
    }
}

async fn opened(directory: &Path, lines: &str) -> Engine {
    let path = directory.join("rows.ndjson");
    std::fs::write(&path, lines).unwrap();
    let words = [path.to_string_lossy().into_owned()];
    let settings = Settings {
        memory_bytes: 64 << 20,
        skips_damaged: false,
        declared: Vec::new(),
        samples_all: false,
    };
    let selection = Selection::default();
    Engine::open(None, &words, &selection, settings)
        .await
        .unwrap()
}

fn training(method: Method) -> Training {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Training {
        source: "rows.ndjson".to_owned(),
        question: Question {
            features: owned(&["ms", "count"]),
            by: owned(&["app"]),
            time: Some("ts".to_owned()),
            label: (method == Method::RandomForest).then(|| "odd".to_owned()),
            ..Question::default()
        },
        method,
        clusters: 3,
        seed: 7,
        range_ms: (None, None),
    }
}

/// Rows of two apps, each with three usual loads of its own; two in a hundred of them is far off.
fn lines(count: i64) -> String {
    let mut lines = String::new();
    for n in 0..count {
        let app = ["a", "b"][usize::try_from(n % 2).unwrap()];
        let load = 1 + (n * 7_919) % 3;
        // Spread evenly, whatever the app and the load.
        let near = ((n * 104_729) % 1_000) as f64 / 1_000.0;
        let is_odd = n % 100 == 50 || n % 100 == 51;
        let ms = load as f64 * if app == "a" { 10.0 } else { 1_000.0 };
        let ms = ms + near + if is_odd { 300.0 } else { 0.0 };
        let ts = 1_700_000_000_000 + n * 1_000;
        let odd = u8::from(is_odd);
        let line =
            serde_json::json!({"ts": ts, "app": app, "ms": ms, "count": load * 100, "odd": odd});
        writeln!(lines, "{line}").unwrap();
    }
    lines
}

#[tokio::test]
async fn what_is_far_from_what_was_learned_is_anomalous_and_can_be_traced() {
    let scene = Scene::new(&lines(6_000)).await;
    for method in [Method::KMeans, Method::RandomForest] {
        let mut training = training(method);
        if method == Method::KMeans {
            training.question.filter = Some("odd = 0".to_owned());
        }
        let (model, notes) = scene.trained(&training).await;
        assert_eq!((model.groups.len(), notes), (2, Vec::new()));
        let wanted = Wanted {
            only_anomalies: true,
            ..Wanted::default()
        };
        let (found, notes) = scene.judged(&model, &wanted).await;
        assert!(notes.is_empty(), "{notes:?}");
        let times = found["time"].as_primitive::<Int64Type>().values().iter();
        let odd = times.filter(|ms| matches!((*ms / 1_000) % 100, 50 | 51));
        // 1_700_000_000 is a multiple of 100. Of usual ones, one in a thousand is beyond the threshold.
        let (odd, usual) = (odd.count(), found.num_rows());
        assert!(
            odd == 120 && usual - odd <= 12,
            "{method:?}: {odd} of {usual}"
        );
        let scores = found["score"].as_primitive::<Float64Type>();
        assert!(scores.values().iter().all(|score| *score > 1.0));
    }
}

#[tokio::test]
async fn verdicts_have_the_rows_with_what_they_are_judged_by() {
    let scene = Scene::new(&lines(600)).await;
    let (model, _) = scene.trained(&training(Method::KMeans)).await;
    let wanted = Wanted {
        filter: Some("ts = 1700000000003 OR ts < 1700000002000".to_owned()),
        ..Wanted::default()
    };
    let (found, _) = scene.judged(&model, &wanted).await;
    let shown = pretty_format_batches(std::slice::from_ref(&found))
        .unwrap()
        .to_string();
    let head = shown.lines().nth(1).unwrap().replace(' ', "");
    assert_eq!(
        head,
        "|topic|partition|offset|time|app|ms|count|cluster|distance|score|is_anomaly|"
    );
    assert_eq!(found.num_rows(), 2, "{shown}");
    assert!(shown.contains("1700000000000 | a   | 10.0"), "{shown}");
}

#[tokio::test]
async fn a_filter_divides_as_it_does_everywhere() {
    let scene = Scene::new(&lines(600)).await;
    let (model, _) = scene.trained(&training(Method::KMeans)).await;
    let wanted = Wanted {
        filter: Some("count / 1000 > 0.15".to_owned()),
        ..Wanted::default()
    };
    let (found, _) = scene.judged(&model, &wanted).await;
    assert_eq!(found.num_rows(), 400);
}

#[tokio::test]
async fn the_same_seed_gives_the_same_bytes_and_an_isolation_forest_too() {
    let scene = Scene::new(&lines(3_000)).await;
    for method in [
        Method::KMeans,
        Method::IsolationForest,
        Method::RandomForest,
    ] {
        let training = training(method);
        let first = scene.trained(&training).await.0.text().unwrap();
        let again = scene.trained(&training).await.0.text().unwrap();
        assert!(first == again, "{method:?}");
        let other = Training {
            seed: 8,
            ..training
        };
        let other = scene.trained(&other).await.0.text().unwrap();
        assert!(first != other, "{method:?}");
    }
}

#[tokio::test]
async fn rows_without_a_feature_and_groups_that_nobody_knows_are_counted_and_not_judged() {
    let odd = "{\"ts\":1700000000000,\"app\":\"a\",\"count\":1}\n\
               {\"ts\":1700000000000,\"app\":\"a\",\"ms\":null,\"count\":1}\n";
    let scene = Scene::new(&(lines(600) + odd + "{\"app\":\"none\",\"count\":5}\n")).await;
    let (model, notes) = scene.trained(&training(Method::KMeans)).await;
    assert_eq!((model.groups.len(), model.learned_from.left_out), (2, 3));
    assert!(
        notes[0].starts_with("3 rows were left out: a feature"),
        "{notes:?}"
    );
    assert!(
        notes[1].starts_with("1 groups have no other rows"),
        "{notes:?}"
    );
    let new = "{\"ts\":1700000000000,\"app\":\"c\",\"ms\":1.5,\"count\":1}\n\
               {\"ts\":1700000000000,\"ms\":1.5,\"count\":1}\n";
    let scene = scene.with(&(odd.to_owned() + new)).await;
    let (found, notes) = scene.judged(&model, &Wanted::default()).await;
    assert_eq!((found.num_rows(), found["score"].null_count()), (4, 4));
    assert_eq!(
        notes[0],
        "2 rows were not judged: a feature is missing or no number"
    );
    assert!(
        notes[1].contains("the groups app=c; without app"),
        "{notes:?}"
    );
}

#[tokio::test]
async fn a_source_without_what_a_model_is_about_is_refused() {
    let scene = Scene::new(&lines(600)).await;
    let (model, _) = scene.trained(&training(Method::KMeans)).await;
    let scene = scene
        .with("{\"ts\":1,\"app\":\"a\",\"ms\":1.5,\"counts\":2}\n")
        .await;
    let answer = verdicts(&scene.engine, &Arc::new(model), &Wanted::default()).await;
    let refused = format!("{:#}", answer.err().unwrap());
    assert_eq!(
        refused,
        "the model is about ms, count, app, which must be there: there is no field count; did you mean counts?"
    );
}

#[tokio::test]
async fn nothing_to_learn_from_is_said() {
    let scene = Scene::new(&lines(10)).await;
    for (filter, said) in [
        ("ms < 0", "there is no row to learn from; look at --filter"),
        ("no = 1", "No field named no"),
    ] {
        let mut training = training(Method::KMeans);
        training.question.filter = Some(filter.to_owned());
        let refused = training.run(&scene.engine).await.unwrap_err().to_string();
        assert!(refused.contains(said), "{refused}");
    }
    let mut training = training(Method::RandomForest);
    training.question.label = Some("ts".to_owned());
    let refused = training.run(&scene.engine).await.unwrap_err().to_string();
    assert!(
        refused.contains("of 10, a feature or the label (0 or 1) is missing"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_model_that_was_read_says_what_it_said_before() {
    let scene = Scene::new(&lines(1_000)).await;
    for method in [
        Method::KMeans,
        Method::IsolationForest,
        Method::RandomForest,
    ] {
        let (model, _) = scene.trained(&training(method)).await;
        let path = scene.directory.path().join("model.json");
        model.write(&path).unwrap();
        let (read, digest) = Model::read(&path).unwrap();
        assert!(read == model && digest.len() == 64, "{method:?}");
        let wanted = Wanted::default();
        let before = scene.judged(&model, &wanted).await;
        assert_eq!(scene.judged(&read, &wanted).await, before, "{method:?}");
    }
}
