//! What the methods find, over series with faults that are known.

use std::sync::Arc;

use datafusion::arrow::array::{AsArray, Float64Array, Int32Array, Int64Array, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, Float64Type, Int64Type, Schema};
use datafusion::prelude::{SessionConfig, SessionContext};

use super::detection::{Detection, Method};
use super::dialect::Dialect;
use super::length::Length;
use super::methods::scored;
use crate::engine::register_functions;

const METHODS: [Method; 4] = [
    Method::ThreeSigma,
    Method::RollingSigma,
    Method::Mad,
    Method::Seasonal,
];
const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;
/// A Monday in 2024, in milliseconds since 1970.
const FIRST: i64 = 1_704_067_200_000;
/// A series has a point every so often.
const STEP: i64 = 4 * MINUTE;
/// Twelve days of them.
const POINTS: i64 = 12 * DAY / STEP;
/// One point in so many is a fault.
const FAULTS: i64 = 100;

fn detection(method: Method, sigmas: f64) -> Detection {
    Detection {
        method,
        sigmas,
        history: Length::DAY,
        period: Length::DAY,
    }
}

/// A point, and what was said of it.
struct Judged {
    t: i64,
    v: Option<f64>,
    expected: Option<f64>,
    score: Option<f64>,
}

/// The points of one metric, judged, by their time.
async fn judged(points: &[(i64, Option<f64>)], detection: Detection) -> Vec<Judged> {
    let config = SessionConfig::new().with_target_partitions(1);
    let session = SessionContext::new_with_config(config);
    register_functions(&session);
    let columns = [
        ("t", DataType::Int64),
        ("m", DataType::Int32),
        ("v", DataType::Float64),
    ];
    let fields = columns.map(|(name, kind)| Field::new(name, kind, true));
    let batch = RecordBatch::try_new(
        Arc::new(Schema::new(fields.to_vec())),
        vec![
            Arc::new(Int64Array::from_iter_values(points.iter().map(|(t, _)| *t))),
            Arc::new(Int32Array::from_iter_values(points.iter().map(|_| 0))),
            Arc::new(points.iter().map(|(_, v)| *v).collect::<Float64Array>()),
        ],
    );
    session.register_batch("points", batch.unwrap()).unwrap();
    let query = scored("points", 0, detection, None, Dialect::DataFusion);
    let query = format!("SELECT t, v, expected, score FROM ({query}) AS s ORDER BY t, v");
    let batches = session.sql(&query).await.unwrap().collect().await.unwrap();
    let mut all = Vec::new();
    for batch in batches {
        let number = |column: usize| batch.column(column).as_primitive::<Float64Type>().clone();
        let times = batch.column(0).as_primitive::<Int64Type>();
        let (values, expected, scores) = (number(1), number(2), number(3));
        for (row, t) in times.values().iter().enumerate() {
            let [v, expected, score] =
                [&values, &expected, &scores].map(|of| of.iter().nth(row).flatten());
            all.push(Judged {
                t: *t,
                v,
                expected,
                score,
            });
        }
    }
    all
}

fn is_anomalous(judged: &Judged) -> bool {
    judged.score.is_some_and(|score| score > 1.0)
}

/// Numbers that are normally distributed, nearly: the same each time.
struct Noise(u64);

impl Noise {
    fn uniform(&mut self) -> f64 {
        // Marsaglia, "Xorshift RNGs", 2003.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

/// What a series is like without faults, by the number of the point.
type Shape = fn(i64) -> f64;

const SHAPES: [(&str, Shape); 3] = [
    ("steady", |_| 100.0),
    ("by the time of day", |number| {
        100.0 + 30.0 * day(number).sin()
    }),
    ("by the time of day, and growing", |number| {
        100.0 + 30.0 * day(number).sin() + number as f64 / 50.0
    }),
];

fn day(number: i64) -> f64 {
    (number * STEP) as f64 / DAY as f64 * std::f64::consts::TAU
}

/// A series with noise of 1, and in it, far apart, values that are 6 to 12 off. Which these are stands beside it.
fn series(shape: Shape) -> (Vec<(i64, Option<f64>)>, Vec<bool>) {
    let mut noise = Noise(88_172_645_463_325_252);
    let points = (0..POINTS).map(|number| {
        let usual = shape(number) + noise.normal();
        let is_fault = number % FAULTS == 37;
        let off = 6.0 + 6.0 * noise.uniform();
        let sign = if noise.uniform() < 0.5 { -1.0 } else { 1.0 };
        let value = if is_fault {
            shape(number) + sign * off
        } else {
            usual
        };
        ((FIRST + number * STEP, Some(value)), is_fault)
    });
    points.unzip()
}

/// Of what is called anomalous, so many in a hundred are; of what is, so many in a hundred are found.
async fn precision_and_recall(shape: Shape, detection: Detection) -> (f64, f64) {
    let (points, faults) = series(shape);
    let judged = judged(&points, detection).await;
    let called = judged.iter().map(is_anomalous).collect::<Vec<_>>();
    let count = |of: &[bool]| of.iter().filter(|is| **is).count() as f64;
    let both = called
        .iter()
        .zip(&faults)
        .map(|(called, fault)| *called && *fault);
    let both = count(&both.collect::<Vec<_>>());
    (
        100.0 * both / count(&called).max(1.0),
        100.0 * both / count(&faults),
    )
}

#[tokio::test]
async fn the_docs_say_what_each_method_finds() {
    let docs = include_str!("../../../../docs/analyze.md");
    let mut missing = Vec::new();
    for (name, shape) in SHAPES {
        for method in METHODS {
            let mut row = format!("| {name} | `{}` |", method.name());
            for sigmas in [3.0, 5.0] {
                let (precision, recall) =
                    precision_and_recall(shape, detection(method, sigmas)).await;
                row += &format!(" {precision:.0} | {recall:.0} |");
            }
            if !docs.contains(&row) {
                missing.push(row);
            }
        }
    }
    assert!(
        missing.is_empty(),
        "docs/analyze.md lacks:\n{}",
        missing.join("\n")
    );
}

#[tokio::test]
async fn a_constant_series_has_no_anomalies() {
    for value in [0.0, 0.1, -1e300, 1e-300, 0.3 + 1e9] {
        let points = (0..3_000)
            .map(|n| (FIRST + n * MINUTE, Some(value)))
            .collect::<Vec<_>>();
        for method in METHODS {
            let judged = judged(&points, detection(method, 3.0)).await;
            let found = judged.iter().filter(|judged| is_anomalous(judged)).count();
            assert_eq!((found, judged.len()), (0, 3_000), "{value} by {method:?}");
        }
    }
}

#[tokio::test]
async fn the_only_value_that_differs_is_anomalous() {
    let points = (0..7_201).map(|n| (FIRST + n * MINUTE, Some(if n == 3_000 { 5.0 } else { 0.0 })));
    let points = points.collect::<Vec<_>>();
    for method in METHODS {
        let judged = judged(&points, detection(method, 3.0)).await;
        let found = judged.iter().filter(|judged| is_anomalous(judged));
        let found = found.map(|judged| (judged.t, judged.v)).collect::<Vec<_>>();
        assert_eq!(found, [(FIRST + 3_000 * MINUTE, Some(5.0))], "{method:?}");
    }
}

#[tokio::test]
async fn a_point_alone_and_a_null_are_never_anomalous() {
    for method in METHODS {
        for points in [
            vec![],
            vec![(FIRST, Some(1.0))],
            vec![(FIRST, None), (FIRST + 1, None)],
        ] {
            let judged = judged(&points, detection(method, 3.0)).await;
            assert_eq!(judged.len(), points.len());
            assert!(!judged.iter().any(is_anomalous), "{points:?} by {method:?}");
        }
    }
}

#[tokio::test]
async fn rolling_sigma_looks_only_back_and_not_at_the_same_time() {
    // Ten values of one or two, then at one time, two large ones: neither excuses the other.
    let mut points = (0..10)
        .map(|n| (FIRST + n, Some(1.0 + (n % 2) as f64)))
        .collect::<Vec<_>>();
    points.extend([
        (FIRST + 10, Some(50.0)),
        (FIRST + 10, Some(51.0)),
        (FIRST + 11, Some(1.0)),
    ]);
    let history = Length(std::time::Duration::from_millis(10));
    let detection = Detection {
        history,
        ..detection(Method::RollingSigma, 3.0)
    };
    let judged = judged(&points, detection).await;
    let found = judged
        .iter()
        .filter(|judged| is_anomalous(judged))
        .map(|judged| judged.t);
    assert_eq!(found.collect::<Vec<_>>(), [FIRST + 10, FIRST + 10]);
    assert_eq!(judged[9].expected, None, "nine values are too few");
    assert_eq!(judged[10].expected, Some(1.5));
}

#[tokio::test]
async fn what_left_the_history_leaves_no_trace() {
    // A value of a million for the history; a day later nothing of it may be left in what is expected.
    let mut points = (0..200)
        .map(|n| (FIRST + n * MINUTE, Some(1.0 + (n % 2) as f64)))
        .collect::<Vec<_>>();
    points[0].1 = Some(1e9);
    let history = Length(std::time::Duration::from_secs(60 * 60));
    let detection = Detection {
        history,
        ..detection(Method::RollingSigma, 3.0)
    };
    let without = judged(&points[1..], detection).await;
    let with = judged(&points, detection).await;
    let (with, without) = (with.last().unwrap(), without.last().unwrap());
    for (one, other) in [
        (with.expected, without.expected),
        (with.score, without.score),
    ] {
        let (one, other) = (one.unwrap(), other.unwrap());
        assert!((one - other).abs() < 1e-9, "{one} and {other}");
    }
}
