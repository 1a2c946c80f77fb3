//! The way of records into a table.

use std::fmt;

use anyhow::{Context, bail};
use archiver::cli::usage;
use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::datatypes::{Int32Type, Int64Type};
use futures::StreamExt;

use super::job::{ID, Job};
use super::progress::Progress;
use crate::caret::explained;
use crate::database::{Database, Rows, Table};
use crate::engine::Engine;

/// How a job is done.
#[derive(Debug, Clone, Copy)]
pub struct How {
    /// So many rows are a transaction.
    pub batch_rows: usize,
    /// The table is made if it isn't there.
    pub creates: bool,
    /// Everything is written again, whatever was written before.
    pub is_anew: bool,
}

/// What was done.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// So many rows were written.
    pub rows: u64,
    /// The statement that made the table, if it was made.
    pub created: Option<String>,
    /// Fields that the table has no column for.
    pub left_out: Vec<String>,
    /// It went on where an earlier run had ended.
    pub went_on: bool,
}

impl fmt::Display for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let more = if self.went_on { " more" } else { "" };
        write!(f, "{}{more} rows", self.rows)
    }
}

/// Does a job.
///
/// # Errors
///
/// If the archive can't be read, the table isn't what the job needs, or the database refuses a row. What was written until
/// then is there, and the next run goes on behind it.
pub async fn load(
    engine: &Engine,
    database: &mut Database,
    mut job: Job,
    how: How,
) -> anyhow::Result<Loaded> {
    let mut loaded = Loaded::default();
    prepare(database, &mut job.table, how.creates, &mut loaded).await?;
    let name = &engine.tables[0].0;
    let is_anew = how.is_anew || is_empty(database, &job.table.name).await?;
    let mut progress = Progress::read(database, &job.id(name), is_anew).await?;
    loaded.went_on = !progress.begun().is_empty();
    let query = job.query(&progress.begun());
    let explain = |error| explained(&error, &query, engine);
    let frame = engine.session.sql(&query).await.map_err(explain)?;
    let mut rows = frame.execute_stream().await.map_err(explain)?;
    while let Some(batch) = rows.next().await {
        let batch = batch.map_err(explain)?;
        let mut begin = 0;
        while begin < batch.num_rows() {
            let rows = how.batch_rows.min(batch.num_rows() - begin);
            let part = batch.slice(begin, rows);
            write(database, &job.table, &part, &mut progress).await?;
            loaded.rows += rows as u64;
            begin += rows;
        }
    }
    Ok(loaded)
}

/// A transaction: rows, and that they are there.
async fn write(
    database: &mut Database,
    table: &Table,
    batch: &RecordBatch,
    progress: &mut Progress,
) -> anyhow::Result<()> {
    let rows = Rows::of(batch)?;
    progress.advance(ids(batch)?);
    database.begin().await?;
    database.upsert(table, &rows).await?;
    progress.write(database).await?;
    database.commit().await
}

/// The partition and the offset of each row.
fn ids(batch: &RecordBatch) -> anyhow::Result<impl Iterator<Item = (i64, i64)>> {
    let column = |name| batch.column_by_name(name);
    let partitions = column("partition").and_then(|column| column.as_primitive_opt::<Int32Type>());
    let offsets = column("offset").and_then(|column| column.as_primitive_opt::<Int64Type>());
    let (Some(partitions), Some(offsets)) = (partitions, offsets) else {
        bail!("an answer has no partitions and offsets");
    };
    let (partitions, offsets) = (partitions.values().to_vec(), offsets.values().to_vec());
    let partitions = partitions.into_iter().map(i64::from);
    Ok(partitions.zip(offsets))
}

/// Makes sure that the table can have each record once, and leaves to the job the columns that both have.
async fn prepare(
    database: &mut Database,
    table: &mut Table,
    creates: bool,
    loaded: &mut Loaded,
) -> anyhow::Result<()> {
    let there = database.columns(&table.name).await?;
    if there.is_empty() {
        let statement = database.dialect().create(table);
        if !creates {
            return Err(usage(&format!(
                "there is no table {}; --create makes it:\n{statement}",
                table.name
            ))
            .into());
        }
        let made = database.run(&statement).await;
        made.with_context(|| format!("making table {}", table.name))?;
        loaded.created = Some(statement);
        return Ok(());
    }
    let has = |name: &str| there.iter().any(|(column, _)| column == name);
    if let Some(missing) = ID.iter().find(|name| !has(name)) {
        bail!(
            "table {} has no column {missing}: each record is there once by its topic, partition and offset; add it, or name another table",
            table.name
        );
    }
    let mut id = ID.map(str::to_owned);
    id.sort();
    if !database
        .ids(&table.name)
        .await?
        .iter()
        .any(|found| *found == id)
    {
        bail!(
            "table {} can have a record twice; make topic, partition and offset its primary key, or a unique index of them",
            table.name
        );
    }
    let (columns, left_out) = table
        .columns
        .drain(..)
        .partition(|column| has(&column.name));
    table.columns = columns;
    loaded.left_out = left_out.into_iter().map(|column| column.name).collect();
    Ok(())
}

async fn is_empty(database: &mut Database, table: &str) -> anyhow::Result<bool> {
    let name = database.dialect().table(table);
    let query =
        format!("SELECT count(*), count(*) FROM (SELECT 1 FROM {name} LIMIT 1) AS first_row");
    let counted = database.numbers(&query).await?;
    Ok(counted.first().is_none_or(|(count, _)| *count == 0))
}
