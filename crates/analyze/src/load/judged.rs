//! Verdicts of a model on their way into a table, each in place of what was said of its record before.

use std::fmt;
use std::sync::Arc;

use anyhow::Context;
use archiver::cli::usage;
use datafusion::arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::Schema;
use futures::StreamExt;

use super::target::{How, ID, check_ids, check_name, matched, write};
use crate::caret::explained;
use crate::database::{Column, Database, Kind, Table};
use crate::engine::Engine;
use crate::model::verdicts::Verdicts;
use crate::table::columns::timestamp;

/// The column with the digest of the model's file.
const MODEL: &str = "model_sha256";
/// The column with the time, which is a number in rows that are printed.
const TIME: &str = "time";

/// What was done.
#[derive(Debug, Clone)]
pub struct Judged {
    /// So many rows were written.
    pub rows: u64,
    /// So many of them are anomalous.
    pub anomalies: u64,
    /// What is said of the table, and of what could not be judged, a line each.
    pub notes: Vec<String>,
}

impl fmt::Display for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows, {} anomalous", self.rows, self.anomalies)
    }
}

/// Puts verdicts by a model with this digest, on records of the only archive of an engine, into the table of this name.
///
/// # Errors
///
/// If the records have no ids, the archive can't be read, the table isn't what verdicts need, or the database refuses a row. What
/// was written until then is there, and the next run writes it again.
pub async fn write_verdicts(
    engine: &Engine,
    (mut verdicts, digest): (Verdicts, &str),
    database: &mut Database,
    (name, how): (&str, How),
) -> anyhow::Result<Judged> {
    check_name(name)?;
    check_ids(engine.only()?.columns())?;
    let mut table = table(name, &verdicts.rows.schema())?;
    let matched = matched(database, &mut table, how.creates).await?;
    let mut judged = Judged {
        rows: 0,
        anomalies: 0,
        notes: matched.notes(),
    };
    while let Some(batch) = verdicts.rows.next().await {
        let batch = batch.map_err(|error| explained(&error, &verdicts.query, engine))?;
        let rows = rows(&batch, digest, &table)?;
        write(database, &table, &rows, how.batch_rows, None).await?;
        judged.rows += batch.num_rows() as u64;
        judged.anomalies += anomalies(&batch)?;
    }
    judged.notes.extend(verdicts.unjudged.notes());
    Ok(judged)
}

/// A table for verdicts with these columns.
fn table(name: &str, verdicts: &Schema) -> anyhow::Result<Table> {
    if verdicts.field_with_name(MODEL).is_ok() {
        return Err(usage(&format!(
            "the table has a column {MODEL} of its own, so no field of that name can stand beside it; give the field another name by a view"
        ))
        .into());
    }
    let columns = verdicts.fields().iter().map(|field| {
        let kind = match &field.name()[..] {
            TIME => Kind::Time,
            _ => Kind::of(field.data_type()),
        };
        Column::new(field.name(), kind)
    });
    Ok(Table {
        name: name.to_owned(),
        columns: columns.chain([Column::new(MODEL, Kind::Text)]).collect(),
        id: &ID,
        kept: None,
    })
}

/// Verdicts as rows with the columns of a table.
fn rows(verdicts: &RecordBatch, digest: &str, table: &Table) -> anyhow::Result<RecordBatch> {
    let columns = table.columns.iter().map(|column| {
        let name = &column.name[..];
        let cells: ArrayRef = match name {
            MODEL => Arc::new(StringArray::from(vec![digest; verdicts.num_rows()])),
            TIME => cast(of(verdicts, TIME)?, &timestamp())?,
            name => Arc::clone(of(verdicts, name)?),
        };
        anyhow::Ok((name, cells))
    });
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    Ok(RecordBatch::try_from_iter(columns)?)
}

fn of<'b>(verdicts: &'b RecordBatch, name: &str) -> anyhow::Result<&'b ArrayRef> {
    let column = verdicts.column_by_name(name);
    column.with_context(|| format!("verdicts have no column {name}"))
}

fn anomalies(verdicts: &RecordBatch) -> anyhow::Result<u64> {
    let verdicts = of(verdicts, "is_anomaly")?.as_boolean();
    Ok(verdicts.true_count() as u64)
}
