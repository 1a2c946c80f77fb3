//! Files that the engine reads by itself: CSV and Parquet. Their times become those of archives.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{anyhow, bail};
use archiver_format::read::Selection;
use datafusion::arrow::datatypes::DataType;
use datafusion::catalog::TableProvider;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr, cast, lit};
use datafusion::prelude::{CsvReadOptions, DataFrame, ParquetReadOptions, SessionContext};

use super::{Kind, known};
use crate::file_url::file_url;
use crate::plain::plain;
use crate::table::columns::{self, Column, Of, timestamp};

/// So many rows of CSV are looked at, to know the types of its columns.
const SAMPLE_ROWS: usize = 100_000;

/// A file, or a directory with Parquet files, as a table, and its columns. Only rows of the selection, if it says
/// something of times and there is a column `timestamp` with times.
///
/// # Errors
///
/// If it can't be read, or has no times that are asked for.
pub async fn open(
    session: &SessionContext,
    path: &Path,
    kind: Kind,
    selection: &Selection,
) -> anyhow::Result<(Arc<dyn TableProvider>, Vec<Column>)> {
    let shown = path.display();
    let told = |error| anyhow!("reading {shown}: {}", plain(&error));
    let url = file_url(path)?;
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let ending = name.rfind('.').map_or("", |dot| &name[dot..]);
    let frame = match kind {
        Kind::Csv(delimiter) => {
            let options = CsvReadOptions::new()
                .delimiter(delimiter)
                .file_extension(ending)
                .newlines_in_values(true)
                .schema_infer_max_records(SAMPLE_ROWS);
            session.read_csv(url, options).await.map_err(told)?
        }
        _ if path.is_dir() => {
            if let Some(aside) = aside(path) {
                bail!(
                    "{shown} has Parquet files in {}, which is read by itself only: it isn't called key=value; name it, or move them",
                    aside.display()
                );
            }
            let options = ParquetReadOptions::default();
            session.read_parquet(url, options).await.map_err(told)?
        }
        _ => {
            let options = ParquetReadOptions::new().file_extension(ending);
            session.read_parquet(url, options).await.map_err(told)?
        }
    };
    if frame.schema().fields().is_empty() {
        bail!("{shown} has no columns");
    }
    let mut frame = with_times(frame).map_err(told)?;
    let columns = columns_of(&frame);
    if selection.since_ms.or(selection.until_ms).is_some() {
        let is_time = |column: &Column| column.name == "timestamp" && column.of == Of::Timestamp;
        if !columns.iter().any(is_time) {
            return Err(without_times(path));
        }
        let condition = |since: Option<i64>| {
            since.map(|ms| {
                lit(ScalarValue::TimestampMillisecond(
                    Some(ms),
                    Some("+00:00".into()),
                ))
            })
        };
        let time = || Expr::Column("timestamp".into());
        if let Some(since) = condition(selection.since_ms) {
            frame = frame.filter(time().gt_eq(since)).map_err(told)?;
        }
        if let Some(until) = condition(selection.until_ms) {
            frame = frame.filter(time().lt(until)).map_err(told)?;
        }
    }
    Ok((frame.into_view(), columns))
}

/// A file has no timestamps of records, and these are asked for.
#[derive(Debug, thiserror::Error)]
#[error(
    "{} has no column timestamp with times, by which --since and --until choose; say it as a condition in SQL",
    path.display()
)]
pub struct WithoutTimes {
    path: PathBuf,
}

/// What is said of a file without timestamps of records, where these are asked for.
pub fn without_times(path: &Path) -> anyhow::Error {
    WithoutTimes { path: path.into() }.into()
}

/// Times of all units and days become milliseconds in UTC.
fn with_times(frame: DataFrame) -> datafusion::common::Result<DataFrame> {
    let columns = frame.schema().fields().iter().map(|field| {
        let column = Expr::Column(datafusion::common::Column::from_name(field.name()));
        match field.data_type() {
            time if *time == timestamp() => column,
            DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 => {
                cast(column, timestamp()).alias(field.name())
            }
            _ => column,
        }
    });
    let columns = columns.collect::<Vec<_>>();
    frame.select(columns)
}

fn columns_of(frame: &DataFrame) -> Vec<Column> {
    let fields = frame.schema().fields().iter();
    let columns = fields.map(|field| {
        let of_type = field.data_type();
        Column {
            name: field.name().clone(),
            of: match of_type {
                DataType::Timestamp(..) => Of::Timestamp,
                _ => Of::Field(vec![field.name().clone()]),
            },
            kind: match of_type {
                DataType::Boolean => columns::Kind::Boolean,
                of_type if of_type.is_integer() => columns::Kind::Integer,
                of_type if of_type.is_numeric() => columns::Kind::Number,
                _ => columns::Kind::Text,
            },
        }
    });
    columns.collect()
}

/// The first directory below one, with Parquet files below it, that a reader of this one doesn't enter.
fn aside(directory: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut below = entries.map(|entry| entry.path()).filter(|path| {
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        path.is_dir() && !name.starts_with(b".")
    });
    below.find_map(|path| {
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        match name.contains(&b'=') {
            true => aside(&path),
            false => has_parquet(&path).then_some(path),
        }
    })
}

/// Is there a Parquet file below a directory? What begins with a dot is not looked at.
pub fn has_parquet(directory: &Path) -> bool {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.into_iter().any(|entry| {
        let (path, name) = (entry.path(), entry.file_name());
        let is_hidden = name.as_encoded_bytes().starts_with(b".");
        match entry.file_type() {
            Ok(of) if of.is_dir() => !is_hidden && has_parquet(&path),
            _ => matches!(known(&path), Some((_, Kind::Parquet))),
        }
    })
}
