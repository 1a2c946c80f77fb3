//! From verdicts of a model, as they come, to series that can be drawn: the scores of each group by time, of which those up to 1
//! are expected.

use anyhow::anyhow;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type};
use futures::StreamExt;

use crate::caret::explained;
use crate::engine::Engine;
use crate::model::verdicts::Verdicts;
use crate::plot::collector::Collector;
use crate::plot::series::{Point, Series};

/// The series of verdicts by a model that tells rows apart by these fields, in so many columns of time. Rows without a score
/// or a time aren't in them.
///
/// # Errors
///
/// If the rows can't be had, or there are too many groups.
pub async fn scores(
    engine: &Engine,
    verdicts: &mut Verdicts,
    by: &[String],
    columns: usize,
) -> anyhow::Result<Vec<Series>> {
    let mut collector = Collector::with_columns("score", by, columns);
    while let Some(batch) = verdicts.rows.next().await {
        let batch = batch.map_err(|error| explained(&error, &verdicts.query, engine))?;
        collect(&batch, by.len(), &mut collector)?;
    }
    Ok(collector.finish(None))
}

/// Adds the scores of rows that say when they were.
fn collect(batch: &RecordBatch, groups: usize, to: &mut Collector) -> anyhow::Result<()> {
    let named = |name: &str, of: &DataType| -> anyhow::Result<ArrayRef> {
        let column = batch.column_by_name(name);
        let column = column.ok_or_else(|| anyhow!("verdicts have no column {name}"))?;
        Ok(cast(column, of)?)
    };
    let times = named("time", &DataType::Int64)?;
    let times = times.as_primitive::<Int64Type>();
    let scores = named("score", &DataType::Float64)?;
    let scores = scores.as_primitive::<Float64Type>();
    // Groups are behind the places and the time.
    let texts = (4..4 + groups).map(|number| cast(batch.column(number), &DataType::Utf8));
    let texts = texts.collect::<Result<Vec<_>, _>>()?;
    for row in 0..batch.num_rows() {
        if times.is_null(row) || scores.is_null(row) {
            continue;
        }
        let group = texts.iter().map(|texts| {
            let texts = texts.as_string::<i32>();
            texts.is_valid(row).then(|| texts.value(row))
        });
        let score = Some(scores.value(row));
        let point = Point {
            time_ms: times.value(row),
            value: score,
            expected: None,
            lower: Some(0.0),
            upper: Some(1.0),
            score,
        };
        to.add(&group.collect::<Vec<_>>(), point)?;
    }
    Ok(())
}
