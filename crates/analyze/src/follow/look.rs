//! One look at an archive: what has come since the last one.

use std::collections::BTreeMap;

use anyhow::Context;
use archiver_format::archive::Archive;
use archiver_format::position::Positions;
use archiver_format::read::Selection;
use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::prelude::ParquetReadOptions;

use super::checkpoint::Checkpoint;
use super::source::Source;
use super::state::State;
use crate::caret::explained;
use crate::definition::closed_windows::{self, CLOSED_BEFORE};
use crate::definition::{Analysis, Windows};
use crate::engine::Engine;
use crate::file_url::file_url;
use crate::table::columns::Column;

/// One look at an archive.
pub struct Look<'a> {
    /// What the analysis is called.
    pub name: &'a str,
    /// Which archive.
    pub source: &'a Source,
    /// As it is now.
    pub archive: &'a Archive,
    /// The columns that it has.
    pub columns: &'a [Column],
    /// What is measured.
    pub analysis: &'a Analysis,
    /// By which windows.
    pub windows: &'a Windows,
    /// Where closed windows are.
    pub state: &'a State,
}

impl Look<'_> {
    /// The engine with the records from these positions on, and the windows that were closed before.
    ///
    /// # Errors
    ///
    /// If they can't be read.
    pub async fn engine(&self, before: &Checkpoint, from: Positions) -> anyhow::Result<Engine> {
        let selection = Selection {
            since_ms: before.since_ms,
            from,
            ..Selection::default()
        };
        let columns = Some(self.columns.to_vec());
        let engine = self.source.engine(self.archive, columns, &selection)?;
        if let Some(number) = before.closed {
            let path = self.state.closed(number);
            let url = file_url(&path)?;
            let registered = engine
                .session
                .register_parquet(CLOSED_BEFORE, url, ParquetReadOptions::default())
                .await;
            registered.with_context(|| format!("reading {}", path.display()))?;
        }
        Ok(engine)
    }

    /// Notes what has come since the last look: the latest times, how much of it was late, and how much had no
    /// time. Returns what is to be said.
    ///
    /// # Errors
    ///
    /// If it can't be read.
    pub async fn note(
        &self,
        before: &Checkpoint,
        next: &mut Checkpoint,
    ) -> anyhow::Result<Vec<String>> {
        let engine = self.engine(before, before.partitions.seen()).await?;
        let mut earliest = None;
        for row in numbers(&engine, &closed_windows::times(self.analysis)).await? {
            let untimed = row.last().copied().flatten().unwrap_or(0);
            next.counts.untimed += u64::try_from(untimed)?;
            if let [Some(partition), Some(first), Some(latest), _] = row[..] {
                next.partitions.note_time(i32::try_from(partition)?, latest);
                earliest = Some(earliest.unwrap_or(first).min(first));
            }
        }
        let closed = before.frontier();
        let may_be_late = earliest
            .is_some_and(|first| closed.watermark.is_some_and(|watermark| first < watermark));
        if may_be_late {
            let query = closed_windows::late(self.analysis, self.windows, closed);
            let rows = numbers(&engine, &query).await?;
            let late = rows.first().and_then(|row| row[0]).unwrap_or(0);
            next.counts.late += u64::try_from(late)?;
        }
        Ok(engine.notes())
    }
}

/// The rows of a query that gives whole numbers.
///
/// # Errors
///
/// If the engine can't answer.
pub async fn numbers(engine: &Engine, query: &str) -> anyhow::Result<Vec<Vec<Option<i64>>>> {
    let explain = |error| explained(&error, query, engine);
    let frame = engine.session.sql(query).await.map_err(explain)?;
    let mut rows = Vec::new();
    for batch in frame.collect().await.map_err(explain)? {
        let mut columns = Vec::new();
        for column in batch.columns() {
            columns.push(cast(column, &DataType::Int64)?);
        }
        for number in 0..batch.num_rows() {
            let row = columns.iter().map(|column| {
                let column = column.as_primitive::<Int64Type>();
                column.is_valid(number).then(|| column.value(number))
            });
            rows.push(row.collect());
        }
    }
    Ok(rows)
}

/// Rows with a partition in front, by it.
///
/// # Errors
///
/// If it is none.
pub fn by_partition(
    rows: Vec<Vec<Option<i64>>>,
) -> anyhow::Result<BTreeMap<i32, Vec<Option<i64>>>> {
    let mut by = BTreeMap::new();
    for mut row in rows {
        if let Some(partition) = row.first().copied().flatten() {
            by.insert(i32::try_from(partition)?, row.split_off(1));
        }
    }
    Ok(by)
}
