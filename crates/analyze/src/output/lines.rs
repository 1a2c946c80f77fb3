//! Rows as lines, batch by batch.

use std::path::Path;

use archiver::cli::{UsageError, usage};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::csv::WriterBuilder;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::json::LineDelimitedWriter;

use super::{Format, csv_header, usual};

/// Of what shape lines are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Comma-separated, behind a header.
    Csv,
    /// JSON objects.
    Ndjson,
}

impl Shape {
    /// The one of this format, or else the usual one of a file of this name.
    ///
    /// # Errors
    ///
    /// If it is a format that rows can't be added to.
    pub fn of(format: Option<Format>, path: Option<&Path>) -> Result<Self, UsageError> {
        let usual = || match (path, usual(path)) {
            (None, _) => Format::Csv,
            (Some(_), usual) => usual,
        };
        match format.unwrap_or_else(usual) {
            Format::Csv => Ok(Self::Csv),
            Format::Ndjson => Ok(Self::Ndjson),
            Format::Parquet => Err(usage(
                "a Parquet file can't grow, as its end says what is in it; write CSV or NDJSON (.csv, .ndjson)",
            )),
            Format::Table => Err(usage(
                "a table can't grow, as its columns are as wide as all that is in them; write csv or ndjson",
            )),
        }
    }
}

/// Makes lines of rows.
pub struct Lines {
    shape: Shape,
    bytes: Vec<u8>,
}

impl Lines {
    /// Of this shape.
    pub fn new(shape: Shape) -> Self {
        Self {
            shape,
            bytes: Vec::new(),
        }
    }

    /// What stands before the first row.
    pub fn header(&self, schema: &SchemaRef) -> Vec<u8> {
        if self.shape == Shape::Ndjson {
            return Vec::new();
        }
        csv_header(schema).into_bytes()
    }

    /// The lines of these rows.
    ///
    /// # Errors
    ///
    /// If a value can't be written.
    pub fn of(&mut self, batch: &RecordBatch) -> Result<&[u8], ArrowError> {
        self.bytes.clear();
        match self.shape {
            Shape::Csv => {
                let builder = WriterBuilder::new().with_header(false);
                builder.build(&mut self.bytes).write(batch)?;
            }
            Shape::Ndjson => {
                let mut writer = LineDelimitedWriter::new(&mut self.bytes);
                writer.write(batch)?;
                writer.finish()?;
            }
        }
        Ok(&self.bytes)
    }
}
