//! What pictures show.

mod axes;
mod columns;
mod names;
mod pictures;
mod report;

use jiff::tz::TimeZone;

use super::collector::Collector;
use super::series::{Point, Series};

/// 2026-10-25 00:00 in Berlin, an hour of which comes twice.
const MIDNIGHT_MS: i64 = 1_792_879_200_000;
const MINUTE_MS: i64 = 60_000;

fn berlin() -> TimeZone {
    TimeZone::get("Europe/Berlin").expect("a zone")
}

/// A value so long after midnight.
fn at(ms: i64, value: f64) -> Point {
    Point {
        time_ms: MIDNIGHT_MS + ms,
        value: Some(value),
        ..Point::default()
    }
}

/// Judged by what was expected, give or take 10.
fn judged(point: Point, expected: f64) -> Point {
    Point {
        expected: Some(expected),
        lower: Some(expected - 10.0),
        upper: Some(expected + 10.0),
        score: point.value.map(|value| (value - expected).abs() / 10.0),
        ..point
    }
}

/// A series of no group.
fn series(points: impl IntoIterator<Item = Point>) -> Series {
    let mut collector = Collector::new("data", &[]);
    for point in points {
        collector.add(&[], point).expect("is one of one group");
    }
    let found = collector.finish(None).pop();
    found.unwrap_or_else(|| Series {
        metric: "data".into(),
        ..Series::default()
    })
}

/// Of each of these groups a series of a few values.
fn groups(values: &[Option<&str>]) -> Vec<Series> {
    let mut collector = Collector::new("data", &["host".into()]);
    for value in values {
        for n in 0..3 {
            let point = at(n * MINUTE_MS, 1.0);
            collector.add(&[*value], point).expect("few groups");
        }
    }
    collector.finish(None)
}
