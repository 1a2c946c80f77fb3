//! The way of records into a table.

use std::fmt;

use futures::StreamExt;

use super::job::Job;
use super::progress::Progress;
use super::target::{How, Matched, matched, write};
use crate::caret::explained;
use crate::database::Database;
use crate::engine::Engine;

/// What was done.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// So many rows were written.
    pub rows: u64,
    /// What was found of the table; nothing, if there was no table and no record to make one by.
    matched: Option<Matched>,
    /// It went on where an earlier run had ended.
    went_on: bool,
}

impl Loaded {
    /// What is said of the table.
    pub fn notes(&self) -> Vec<String> {
        match &self.matched {
            Some(matched) => matched.notes(),
            None => {
                vec!["no table was made: there is no record yet that says what is in it".to_owned()]
            }
        }
    }
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
    if how.creates
        && database.columns(&job.table.name).await?.is_empty()
        && !job.knows_columns(engine).await?
    {
        return Ok(loaded);
    }
    loaded.matched = Some(matched(database, &mut job.table, how.creates).await?);
    let mut progress = None;
    if let Some(origin) = engine.origin().filter(|_| job.goes_on(engine)) {
        let id = job.id(origin);
        let of = (&id[..], &job.table.name[..]);
        progress = Some(Progress::read(database, of, job.is_anew).await?);
    }
    let begun = progress.as_ref().map(Progress::begun).unwrap_or_default();
    loaded.went_on = !begun.is_empty();
    let query = job.query(&begun);
    let explain = |error| explained(&error, &query, engine);
    let frame = engine.session.sql(&query).await.map_err(explain)?;
    let mut rows = frame.execute_stream().await.map_err(explain)?;
    while let Some(batch) = rows.next().await {
        let batch = batch.map_err(explain)?;
        let progress = progress.as_mut();
        write(database, &job.table, &batch, how.batch_rows, progress).await?;
        loaded.rows += batch.num_rows() as u64;
    }
    Ok(loaded)
}
