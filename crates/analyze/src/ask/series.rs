//! From points, as the engine gives them, to series that can be drawn: one for each metric and group.

use std::ops::Range;

use anyhow::anyhow;
use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type};

use super::asked::Asked;
use crate::definition::points::metrics;
use crate::definition::{Analysis, Window, Windows};
use crate::plot::collector::Collector;
use crate::plot::columns::COLUMNS_MOST;
use crate::plot::series::{Point, Series};

/// What is drawn of the points, all of which are judged.
#[derive(Debug, Clone)]
pub struct Drawn {
    /// Those of these times alone, in milliseconds since 1970.
    pub times_ms: Range<i64>,
    /// As so many columns of time at most.
    pub columns: usize,
}

impl Default for Drawn {
    fn default() -> Self {
        Self {
            times_ms: i64::MIN..i64::MAX,
            columns: COLUMNS_MOST,
        }
    }
}

/// The series of a definition, by metrics and then by groups.
///
/// # Errors
///
/// If the engine can't answer, or there are too many groups.
pub async fn series(asked: &Asked, drawn: &Drawn) -> anyhow::Result<Vec<Series>> {
    let of = &asked.analysis;
    let by = of.by.iter().map(|field| field.name.clone());
    let by = by.collect::<Vec<_>>();
    let mut collectors = titles(of)
        .iter()
        .map(|title| Collector::with_columns(title, &by, drawn.columns))
        .collect::<Vec<_>>();
    let is_judged = of.detection.is_some();
    asked
        .each_point(|batch| collect(batch, (by.len(), is_judged), drawn, &mut collectors))
        .await?;
    let gap_ms = of.windows.as_ref().and_then(gap_ms);
    let series = collectors
        .into_iter()
        .flat_map(|collector| collector.finish(gap_ms));
    Ok(series.collect())
}

/// What metrics are called in pictures, where nobody sees of which value they are.
fn titles(of: &Analysis) -> Vec<String> {
    let metrics = metrics(of);
    match (&of.windows, &of.values[..]) {
        (Some(_), [value]) => {
            let titles = metrics
                .iter()
                .map(|metric| format!("{metric}_{}", value.name));
            titles.collect()
        }
        _ => metrics,
    }
}

/// Windows that are missing between others are a gap.
fn gap_ms(windows: &Windows) -> Option<i64> {
    let (_, every) = Window::size_and_every(&windows.window)?;
    Some(every.saturating_add(every / 2))
}

/// Adds rows of `t`, `m`, the groups, `v`, and where they are judged, `expected`, `lower`, `upper`, `score`.
fn collect(
    batch: &RecordBatch,
    (groups, is_judged): (usize, bool),
    drawn: &Drawn,
    collectors: &mut [Collector],
) -> anyhow::Result<()> {
    let column = |at: usize, kind: &DataType| cast(batch.column(at), kind);
    let times = column(0, &DataType::Int64)?;
    let times = times.as_primitive::<Int64Type>();
    let numbers = column(1, &DataType::Int64)?;
    let numbers = numbers.as_primitive::<Int64Type>();
    let by = (0..groups).map(|group| column(2 + group, &DataType::Utf8));
    let by = by.collect::<Result<Vec<_>, _>>()?;
    let by = by
        .iter()
        .map(|texts| texts.as_string::<i32>())
        .collect::<Vec<_>>();
    let measured = if is_judged { 5 } else { 1 };
    let measured = (0..measured).map(|number| column(2 + groups + number, &DataType::Float64));
    let measured = measured.collect::<Result<Vec<_>, _>>()?;
    let mut group = Vec::with_capacity(groups);
    for row in 0..batch.num_rows() {
        if !drawn.times_ms.contains(&times.value(row)) {
            continue;
        }
        let number = |at: usize| {
            let column = measured.get(at)?.as_primitive::<Float64Type>();
            column.is_valid(row).then(|| column.value(row))
        };
        let point = Point {
            time_ms: times.value(row),
            value: number(0),
            expected: number(1),
            lower: number(2),
            upper: number(3),
            score: number(4),
        };
        group.clear();
        group.extend(
            by.iter()
                .map(|texts| texts.is_valid(row).then(|| texts.value(row))),
        );
        let collector = usize::try_from(numbers.value(row)).ok();
        let collector = collector.and_then(|number| collectors.get_mut(number));
        let collector = collector
            .ok_or_else(|| anyhow!("the engine answers with a metric that nobody asked for"))?;
        collector.add(&group, point)?;
    }
    Ok(())
}
