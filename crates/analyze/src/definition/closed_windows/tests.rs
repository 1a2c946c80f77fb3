//! Looks at any moments emit, taken together, what one query over all records gives.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, Float64Array, Int32Array, Int64Array, RecordBatch, StringViewArray,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::datasource::MemTable;
use datafusion::prelude::{SessionConfig, SessionContext};
use serde_json::Value;

use super::super::detection::Method;
use super::super::length::Length;
use super::super::{Aggregate, Fill, Named, Time, Written, sql};
use super::*;
use crate::engine::register_functions;
use crate::output::lines::{Lines, Shape};
use crate::table::columns::Kind;

const FIRST_MS: i64 = 1_700_000_000_000;
const POINTS: &str = "points";

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> i64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n).cast_signed()
    }
}

#[derive(Clone)]
struct Record {
    partition: i32,
    offset: i64,
    ms: i64,
    host: Option<&'static str>,
    data: f64,
}

/// Records as they come, each at most so many milliseconds behind its turn.
fn records(random: &mut Random, count: i64, disorder: u64) -> Vec<Record> {
    let mut offsets = [0; 2];
    let records = (0..count).map(|n| {
        let partition = random.below(2);
        let offset = &mut offsets[usize::try_from(partition).unwrap()];
        *offset += 1;
        let is_far = random.below(40) == 0;
        Record {
            partition: i32::try_from(partition).unwrap(),
            offset: *offset - 1,
            ms: FIRST_MS + n * 50 - random.below(disorder),
            host: [Some("a"), Some("b"), Some("\u{e4}"), None]
                [usize::try_from(random.below(4) * random.below(2)).unwrap()],
            data: if is_far {
                900.0
            } else {
                random.below(40) as f64 / 4.0
            },
        }
    });
    records.collect()
}

fn batch(records: &[Record]) -> RecordBatch {
    fn column<A: 'static + datafusion::arrow::array::Array>(array: A) -> ArrayRef {
        Arc::new(array)
    }
    let all = records.iter();
    let columns = vec![
        column(
            all.clone()
                .map(|of| Some(of.partition))
                .collect::<Int32Array>(),
        ),
        column(
            all.clone()
                .map(|of| Some(of.offset))
                .collect::<Int64Array>(),
        ),
        column(all.clone().map(|of| Some(of.ms)).collect::<Int64Array>()),
        column(all.clone().map(|of| of.host).collect::<StringViewArray>()),
        column(all.map(|of| Some(of.data)).collect::<Float64Array>()),
    ];
    let fields = [
        ("partition", DataType::Int32),
        ("offset", DataType::Int64),
        ("ts", DataType::Int64),
        ("host", DataType::Utf8View),
        ("data", DataType::Float64),
    ];
    let fields = fields.map(|(name, of)| Field::new(name, of, true));
    RecordBatch::try_new(Arc::new(Schema::new(fields.to_vec())), columns).unwrap()
}

fn session(records: &[Record]) -> SessionContext {
    let mut options = SessionConfig::new().with_target_partitions(2);
    options.options_mut().sql_parser.enable_ident_normalization = false;
    let session = SessionContext::new_with_config(options);
    register_functions(&session);
    put(&session, "records", vec![batch(records)]);
    session
}

fn put(session: &SessionContext, name: &str, batches: Vec<RecordBatch>) {
    let schema = batches[0].schema();
    let table = MemTable::try_new(schema, vec![batches]).unwrap();
    session.register_table(name, Arc::new(table)).unwrap();
}

async fn ask(session: &SessionContext, query: &str) -> Vec<RecordBatch> {
    let frame = session
        .sql(query)
        .await
        .unwrap_or_else(|e| panic!("{query}: {e}"));
    let schema = Arc::new(frame.schema().as_arrow().clone());
    let mut batches = frame
        .collect()
        .await
        .unwrap_or_else(|e| panic!("{query}: {e}"));
    batches.push(RecordBatch::new_empty(schema));
    batches
}

fn json(batches: &[RecordBatch]) -> Vec<Value> {
    let mut lines = Lines::new(Shape::Ndjson);
    let mut rows = Vec::new();
    for batch in batches {
        let text = String::from_utf8(lines.of(batch).unwrap().to_vec()).unwrap();
        let whole = text.lines().filter(|line| !line.is_empty());
        rows.extend(whole.map(|line| serde_json::from_str::<Value>(line).unwrap()));
    }
    rows
}

fn analysis(window: Window, fill: Option<Fill>) -> (Analysis, Windows) {
    let named = |name: &str| Named {
        column: name.to_owned(),
        name: name.to_owned(),
        kind: Kind::Number,
    };
    let windows = Windows {
        window,
        aggregates: vec![Aggregate::Count, Aggregate::Sum, Aggregate::Percentile(50)],
        fill,
    };
    let analysis = Analysis {
        source: "records".to_owned(),
        time: Some(Time {
            column: "ts".to_owned(),
            written: Written::Number,
        }),
        values: vec![named("data")],
        by: vec![named("host")],
        filter: Some("data <> 3".to_owned()),
        windows: Some(windows.clone()),
        detection: Some(Detection {
            method: Method::RollingSigma,
            sigmas: 3.0,
            history: Length(std::time::Duration::from_secs(20)),
            period: Length::DAY,
        }),
    };
    (analysis, windows)
}

/// What looks have emitted.
#[derive(Default)]
struct Emitted {
    rows: Vec<Value>,
    anomalies: Vec<Value>,
    late: i64,
    watermark: i64,
    /// The watermark before the look that each record came with.
    before: Vec<Option<i64>>,
}

/// Looks again and again, as a follower does.
async fn followed(
    (of, windows): &(Analysis, Windows),
    records: &[Record],
    random: &mut Random,
    lateness: i64,
) -> Emitted {
    let (mut emitted, mut closed) = (Emitted::default(), Frontier::default());
    let (mut seen, mut latest) = (0, i64::MIN);
    let mut lows = BTreeMap::<i64, i64>::new();
    let mut kept = None::<Vec<RecordBatch>>;
    while seen < records.len() {
        let end = records
            .len()
            .min(seen + 1 + usize::try_from(random.below(60)).unwrap());
        let new = &records[seen..end];
        emitted.before.extend(new.iter().map(|_| closed.watermark));
        let before = |session: &SessionContext| {
            if let Some(kept) = &kept {
                put(session, CLOSED_BEFORE, kept.clone());
            }
        };
        let just = session(new);
        before(&just);
        for row in json(&ask(&just, &times(of)).await) {
            latest = latest.max(row["latest"].as_i64().unwrap());
        }
        if closed.watermark.is_some() {
            let rows = json(&ask(&just, &late(of, windows, closed)).await);
            emitted.late += rows[0]["late"].as_i64().unwrap();
        }
        seen = end;
        let to = closed.watermark.max(Some(latest - lateness)).unwrap();
        if !may_close(windows.window, closed.watermark, to) {
            closed.watermark = Some(to);
            continue;
        }
        let is_needed =
            |of: &&Record| of.offset >= lows.get(&i64::from(of.partition)).copied().unwrap_or(0);
        let needed = records[..seen].iter().filter(is_needed).cloned();
        let session = session(&needed.collect::<Vec<_>>());
        before(&session);
        let now = ask(&session, &closing(of, windows, closed, to)).await;
        put(&session, CLOSED_NOW, now);
        let opened = json(&ask(&session, &open(of, windows, closed, to)).await);
        let firsts = opened.iter().map(|row| row["first"].as_i64().unwrap());
        let floor = firsts.fold(to, i64::min);
        for partition in 0..2 {
            let of_it = |of: &&Record| i64::from(of.partition) == partition;
            let count = records[..seen].iter().filter(of_it).count();
            let mut low = opened
                .iter()
                .filter(|row| row["record_partition"] == partition);
            let low = low.next().map(|row| row["low"].as_i64().unwrap());
            lows.insert(partition, low.unwrap_or(i64::try_from(count).unwrap()));
        }
        let has_before = closed.has_before;
        emitted
            .rows
            .extend(json(&ask(&session, &rows(of, windows, has_before)).await));
        put(
            &session,
            POINTS,
            ask(&session, &closed_points(of, windows, has_before)).await,
        );
        emitted.anomalies.extend(json(
            &ask(&session, &anomalies(of, POINTS, has_before)).await,
        ));
        closed = Frontier {
            watermark: Some(to),
            floor: Some(floor),
            has_before,
        };
        let query = super::kept(of, windows, closed).unwrap();
        kept = Some(ask(&session, &query).await);
        closed.has_before = true;
    }
    emitted.watermark = closed.watermark.unwrap();
    emitted
}

/// What a row is of, and what is measured.
fn keyed(rows: &[Value], columns: &[&str]) -> BTreeSet<String> {
    let text = rows.iter().map(|row| {
        let cells = columns.iter().map(|column| row[column].to_string());
        cells.collect::<Vec<_>>().join(" ")
    });
    let keyed = text.collect::<BTreeSet<_>>();
    assert_eq!(keyed.len(), rows.len(), "something is there twice");
    keyed
}

const WINDOWS: [Window; 4] = [
    Window::Tumbling {
        size: 1_000,
        offset: 300,
    },
    Window::Sliding {
        size: 2_500,
        every: 900,
        offset: 0,
    },
    // With gaps between them.
    Window::Sliding {
        size: 300,
        every: 1_000,
        offset: 0,
    },
    Window::Session { gap: 150 },
];

/// So many runs by chance; `ARCHIVER_FOLLOW_SEEDS` asks for more, each of which takes a minute here.
fn seeds() -> u64 {
    let asked = std::env::var("ARCHIVER_FOLLOW_SEEDS").ok();
    asked.and_then(|seeds| seeds.parse().ok()).unwrap_or(1)
}

#[tokio::test]
async fn looks_at_any_moments_emit_what_one_query_gives() {
    for seed in 0..seeds() {
        for window in WINDOWS {
            for fill in [None, Some(Fill::Zero)] {
                if fill.is_some() && window.size_and_every().is_none() {
                    continue;
                }
                let mut random = Random(seed);
                let mut all = records(&mut random, 900, 400);
                if seed % 2 == 1 {
                    // A group that is there for a moment between long times without it, longer than its history.
                    let is_rest = |ms: i64| (5_000..40_000).contains(&ms);
                    let is_moment = |ms: i64| (30_000..30_500).contains(&ms);
                    all.retain(|record| {
                        let ms = record.ms - FIRST_MS;
                        record.host != Some("b") || !is_rest(ms) || is_moment(ms)
                    });
                }
                let asked = analysis(window, fill);
                let (of, windows) = &asked;
                let emitted = followed(&asked, &all, &mut random, 450).await;
                assert_eq!(emitted.late, 0, "seed {seed}, {window:?}");
                let last = last_end(emitted.watermark, window);
                let end = |row: &Value| row["window_end"].as_i64().unwrap();
                let mut ends = BTreeMap::new();
                for row in &emitted.rows {
                    let held = ends.entry(row["host"].to_string()).or_insert(0);
                    *held = end(row).max(*held);
                }
                let session = session(&all);
                let whole = json(&ask(&session, &sql::query(of, windows, HERE)).await);
                // An empty window comes with the next one that isn't.
                let is_due = |row: &&Value| {
                    let is_empty = fill.is_some() && row["count"] == 0;
                    end(row) <= last
                        && !(is_empty
                            && ends
                                .get(&row["host"].to_string())
                                .is_none_or(|of| end(row) > *of))
                };
                let due = whole.iter().filter(is_due).cloned().collect::<Vec<_>>();
                let columns = ["window_start", "window_end", "host", "count", "sum", "p50"];
                assert_eq!(
                    keyed(&emitted.rows, &columns),
                    keyed(&due, &columns),
                    "seed {seed}, {window:?}, {fill:?}"
                );
                let points = ask(&session, &points::points(of, HERE)).await;
                put(&session, POINTS, points);
                let whole = json(&ask(&session, &points::anomalies(of, POINTS, HERE)).await);
                let columns = ["metric", "time", "host", "value"];
                let due = keyed(&emitted.rows, &["window_start", "host"]);
                let is_due =
                    |row: &&Value| due.contains(&format!("{} {}", row["time"], row["host"]));
                let whole = whole.iter().filter(is_due).cloned().collect::<Vec<_>>();
                assert_eq!(keyed(&emitted.anomalies, &columns), keyed(&whole, &columns));
                assert!(
                    !whole.is_empty() || fill.is_none(),
                    "seed {seed}, {window:?}: nothing is odd"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_late_record_is_in_its_open_windows_alone_and_counted_once() {
    for seed in 0..seeds() {
        for window in &WINDOWS[..3] {
            let mut random = Random(seed);
            let all = records(&mut random, 600, 3_000);
            let emitted = followed(&analysis(*window, None), &all, &mut random, 200).await;
            let (size, every) = window.size_and_every().unwrap();
            let offset = match window {
                Window::Tumbling { offset, .. } => *offset,
                _ => 0,
            };
            let (mut counts, mut late) = (BTreeMap::<(i64, String), i64>::new(), 0);
            for (record, before) in all.iter().zip(&emitted.before) {
                if record.data == 3.0 {
                    continue;
                }
                let latest = record.ms - (record.ms - offset).rem_euclid(every);
                let starts = (0..=size / every).map(|n| latest - n * every);
                let mut is_late = false;
                for start in starts.filter(|start| record.ms < start + size) {
                    if before.is_some_and(|before| start + size <= before) {
                        is_late = true;
                    } else if start + size <= emitted.watermark {
                        let host = serde_json::to_string(&record.host).unwrap();
                        *counts.entry((start, host)).or_default() += 1;
                    }
                }
                late += i64::from(is_late);
            }
            assert!(late > 0, "seed {seed}");
            assert_eq!(emitted.late, late, "seed {seed}, {window:?}");
            let found = emitted.rows.iter().map(|row| {
                let start = row["window_start"].as_i64().unwrap();
                (
                    (start, row["host"].to_string()),
                    row["count"].as_i64().unwrap(),
                )
            });
            assert_eq!(
                found.collect::<BTreeMap<_, _>>(),
                counts,
                "seed {seed}, {window:?}"
            );
        }
    }
}

#[tokio::test]
async fn no_record_is_in_two_sessions_however_late_it_comes() {
    for seed in 0..seeds() {
        let mut random = Random(seed);
        let all = records(&mut random, 600, 3_000);
        let window = Window::Session { gap: 150 };
        let emitted = followed(&analysis(window, None), &all, &mut random, 200).await;
        assert!(emitted.late > 0, "seed {seed}");
        let mut ends = BTreeMap::<String, Vec<(i64, i64)>>::new();
        for row in &emitted.rows {
            let of = |column: &str| row[column].as_i64().unwrap();
            let host = ends.entry(row["host"].to_string()).or_default();
            host.push((of("window_start"), of("window_end")));
        }
        for sessions in ends.values_mut() {
            sessions.sort_unstable();
            assert!(
                sessions.is_sorted_by(|one, next| one.1 < next.0),
                "seed {seed}: {sessions:?}"
            );
        }
        let counts = emitted
            .rows
            .iter()
            .map(|row| row["count"].as_i64().unwrap());
        let emitted_records = counts.sum::<i64>();
        let of_sessions = all.iter().filter(|of| of.data != 3.0).count();
        assert!(emitted_records + emitted.late <= i64::try_from(of_sessions).unwrap());
    }
}
