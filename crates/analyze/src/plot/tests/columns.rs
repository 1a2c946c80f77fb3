//! Many points become few, and nothing that can be seen is lost.

use super::{MIDNIGHT_MS, MINUTE_MS, at, judged, series};
use crate::plot::collector::{Collector, GROUPS_MOST};
use crate::plot::columns::{ANOMALIES_MOST, COLUMNS_MOST};
use crate::plot::series::{Point, extremes};

/// What comes out of a million points: out of order, with one far above the others.
fn million() -> crate::plot::series::Series {
    series((0..1_000_000_i64).map(|n| {
        let n = (n * 7_919) % 1_000_000;
        let value = if n == 654_321 { 500.0 } else { (n % 97) as f64 };
        judged(at(n * 13, value), 50.0 + value % 10.0)
    }))
}

#[test]
fn few_points_stay_as_they_are() {
    let points = (0..100).map(|n| at(n * MINUTE_MS, (n * n) as f64));
    let points = points.collect::<Vec<_>>();
    assert_eq!(series(points.clone()).points, points);
    let backwards = points.iter().rev().copied();
    assert_eq!(series(backwards).points, points);
}

#[test]
fn a_million_points_become_some_thousand_with_their_ends_extremes_and_anomalies() {
    let few = million();
    assert_eq!(few.count.values, 1_000_000);
    assert!(few.points.len() <= 6 * COLUMNS_MOST, "{}", few.points.len());
    assert!(few.points.len() > COLUMNS_MOST, "{}", few.points.len());
    assert!(few.points.is_sorted_by_key(|point| point.time_ms));
    assert_eq!(few.points[0].time_ms, MIDNIGHT_MS);
    let last = few.points.last().map(|point| point.time_ms);
    assert_eq!(last, Some(MIDNIGHT_MS + 999_999 * 13));
    assert_eq!(few.extremes(), Some((0.0, 500.0)));
    let odd = few.points.iter().find(|point| point.value == Some(500.0));
    let odd = odd.expect("is kept");
    assert!(odd.is_anomaly() && odd.time_ms == MIDNIGHT_MS + 654_321 * 13);
    // It has the highest score.
    assert_eq!(few.anomalies.len(), ANOMALIES_MOST);
    assert!(few.anomalies.contains(odd));
}

#[test]
fn each_part_of_the_time_keeps_its_least_and_greatest_value() {
    let value = |n: i64| ((n * 7_919) % 10_007) as f64;
    let few = series((0..300_000).map(|n| at(n, value(n))));
    // Wider than a column.
    const PART: i64 = 1_024;
    for part in 0..300_000 / PART {
        let times = part * PART..(part + 1) * PART;
        let all = extremes(times.clone().map(value));
        let kept = few
            .points
            .iter()
            .filter(|point| times.contains(&(point.time_ms - MIDNIGHT_MS)));
        assert_eq!(extremes(kept.filter_map(|point| point.value)), all);
    }
}

#[test]
fn what_is_no_number_is_a_gap_and_counted() {
    let numbers = [1.0, f64::NAN, 2.0, f64::INFINITY, f64::NEG_INFINITY, 3.0];
    let points = (0..).zip(numbers).map(|(n, value)| at(n, value));
    let found = series(points);
    let values = found.points.iter().map(|point| point.value);
    let values = values.collect::<Vec<_>>();
    assert_eq!(values, [Some(1.0), None, Some(2.0), None, None, Some(3.0)]);
    assert_eq!((found.count.values, found.count.missing), (3, 3));
}

#[test]
fn a_time_in_no_year_is_left_out_and_counted() {
    let odd = [i64::MIN, i64::MAX].map(|time_ms| Point {
        time_ms,
        ..at(0, 1.0)
    });
    let found = series(odd.into_iter().chain([at(0, 2.0)]));
    assert_eq!(found.points, [at(0, 2.0)]);
    assert_eq!((found.count.values, found.count.missing), (1, 2));
}

#[test]
fn missing_windows_are_a_gap() {
    let mut collector = Collector::new("data", &[]);
    for n in [0, 1, 2, 5, 6] {
        let point = at(n * MINUTE_MS, 1.0);
        collector.add(&[], point).expect("one group");
    }
    let found = collector.finish(Some(MINUTE_MS * 3 / 2));
    let has_value = found[0].points.iter().map(|point| point.value.is_some());
    let has_value = has_value.collect::<Vec<_>>();
    assert_eq!(has_value, [true, true, true, false, true, true]);
    assert_eq!(found[0].count.missing, 0);
}

#[test]
fn groups_are_told_apart_whatever_their_values_are() {
    let mut collector = Collector::new("data", &["a".into(), "b".into()]);
    let groups = [
        [Some("x"), Some("1:y")],
        [Some("x1:"), Some("y")],
        [Some("-"), None],
        [None, Some("-")],
        [None, None],
        [Some(""), Some("")],
    ];
    for group in groups.iter().chain(&groups) {
        collector.add(group, at(0, 1.0)).expect("few groups");
    }
    let found = collector.finish(None);
    assert_eq!(found.len(), groups.len());
    assert!(found.iter().all(|series| series.count.values == 2));
    assert_eq!(found[0].group.to_string(), "a = null, b = null");
}

#[test]
fn too_many_groups_are_refused_with_what_to_do() {
    let mut collector = Collector::new("data", &["host".into()]);
    let mut add = |n: usize| collector.add(&[Some(&n.to_string())], at(0, 1.0));
    for n in 0..GROUPS_MOST {
        add(n).expect("not too many");
    }
    let refused = add(GROUPS_MOST).expect_err("one too many");
    assert_eq!(
        refused.to_string(),
        "data has more than 200 groups of host; leave some out with --filter, or name fewer fields with --by"
    );
}
