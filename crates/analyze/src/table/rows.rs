//! From records to batches of rows, with the columns that are wanted and no others.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::array::RecordBatchOptions;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;

use super::builder::{Builder, Fit};
use super::columns::{Column, Of, schema};
use super::row::Row;
use crate::json::fields::{Fields, Found};

/// What could not be read as what its column holds, since the table was opened.
#[derive(Debug, Default)]
pub struct Misfits {
    /// Values that are no JSON objects, where a field of them was wanted.
    pub values: AtomicU64,
    /// Fields that hold something else, by the number of their column.
    pub fields: Vec<AtomicU64>,
}

impl Misfits {
    /// None yet, of so many columns.
    pub fn new(columns: usize) -> Self {
        Self {
            values: AtomicU64::new(0),
            fields: (0..columns).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// What is said of them, a line each, if it is these columns of this source.
    pub fn said(&self, source: &str, columns: &[Column]) -> Vec<String> {
        let mut said = Vec::new();
        let values = self.values.load(Ordering::Relaxed);
        match values {
            0 => {}
            1 => said.push(format!(
                "{source}: 1 value is no JSON object, so all its fields are null"
            )),
            _ => said.push(format!(
                "{source}: {values} values are no JSON objects, so all their fields are null"
            )),
        }
        for (column, count) in columns.iter().zip(&self.fields) {
            let (column, count) = (&column.name, count.load(Ordering::Relaxed));
            if count > 0 {
                said.push(format!(
                    "{source}: {column} is something else in {count} records than in the first ones, and null there; --field {column}=number or =text reads them as that"
                ));
            }
        }
        said
    }
}

/// A column that is wanted.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// It.
    pub column: Column,
    /// Its number in the table.
    pub number: usize,
}

/// The columns of a table that the engine asks for, all if it doesn't say which, and the schema of these.
///
/// # Errors
///
/// If there are no such columns.
pub fn wanted(
    columns: &[Column],
    schema: &Schema,
    projection: Option<&Vec<usize>>,
) -> Result<(Arc<[Wanted]>, SchemaRef), ArrowError> {
    let all = (0..columns.len()).collect();
    let numbers = projection.unwrap_or(&all);
    let schema = schema.project(numbers)?;
    let wanted = numbers.iter().map(|&number| Wanted {
        column: columns[number].clone(),
        number,
    });
    Ok((wanted.collect(), Arc::new(schema)))
}

/// The rows of one batch.
pub struct Rows {
    columns: Arc<[Wanted]>,
    schema: SchemaRef,
    misfits: Arc<Misfits>,
    fields: Fields,
    found: Vec<Found>,
    builders: Vec<Builder>,
    rows: usize,
    /// So many are a batch, unless their keys and values have [`BATCH_BYTES`] before.
    batch_rows: usize,
    bytes: usize,
}

/// A batch whose keys and values have as many bytes is given as it is: a few of them wait beside what `--memory` counts.
const BATCH_BYTES: usize = 4 << 20;

impl Rows {
    /// None yet, with these columns, in batches of so many rows.
    pub fn new(columns: Arc<[Wanted]>, misfits: Arc<Misfits>, batch_rows: usize) -> Self {
        let plain = columns.iter().map(|wanted| wanted.column.clone());
        let schema = schema(&plain.collect::<Vec<_>>());
        let paths = columns.iter().filter_map(|wanted| match &wanted.column.of {
            Of::Field(path) => Some(&path[..]),
            _ => None,
        });
        let paths = paths.collect::<Vec<_>>();
        let builders = columns
            .iter()
            .map(|wanted| Builder::new(&wanted.column, batch_rows));
        Self {
            found: vec![None; paths.len()],
            fields: Fields::new(paths),
            builders: builders.collect(),
            columns,
            schema,
            misfits,
            rows: 0,
            batch_rows,
            bytes: 0,
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Are there as many as a batch has?
    pub fn is_full(&self) -> bool {
        self.rows >= self.batch_rows || self.bytes >= BATCH_BYTES
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Is more of a record wanted than an index knows?
    pub fn needs_lines(&self) -> bool {
        let mut columns = self.columns.iter();
        columns.any(|wanted| {
            let of = &wanted.column.of;
            !matches!(of, Of::Topic | Of::Partition | Of::Offset | Of::Timestamp)
        })
    }

    /// Adds a record.
    pub fn push(&mut self, row: &Row<'_>) {
        let text = self.find_fields(row.value);
        let mut fields = self.found.iter();
        for (wanted, builder) in self.columns.iter().zip(&mut self.builders) {
            let raw = match &wanted.column.of {
                Of::Field(_) => fields.next().cloned().flatten(),
                _ => None,
            };
            let raw = raw.and_then(|range| text.get(range));
            if builder.push(row, raw) == Fit::Misfit
                && let Some(count) = self.misfits.fields.get(wanted.number)
            {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
        self.rows += 1;
        self.bytes += row.value.map_or(0, <[u8]>::len) + row.key.map_or(0, <[u8]>::len);
    }

    /// Finds the fields that are wanted of a value, and returns it as text.
    fn find_fields<'v>(&mut self, value: Option<&'v [u8]>) -> &'v str {
        if self.found.is_empty() {
            return "";
        }
        let text = value.and_then(|value| std::str::from_utf8(value).ok());
        if let Some(text) = text
            && self.fields.find(text, &mut self.found) == Ok(true)
        {
            return text;
        }
        self.found.fill(None);
        if value.is_some() {
            self.misfits.values.fetch_add(1, Ordering::Relaxed);
        }
        ""
    }

    /// The rows until now, as a batch.
    pub fn take(&mut self) -> Result<RecordBatch, ArrowError> {
        let arrays = self.builders.iter_mut().map(Builder::finish).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        (self.rows, self.bytes) = (0, 0);
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)
    }
}
