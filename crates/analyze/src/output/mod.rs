//! What is printed: rows as a table, CSV, NDJSON or Parquet.

use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, bail};
use archiver::terminal::Closed;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::csv::WriterBuilder;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::json::LineDelimitedWriter;
use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::{Compression, ZstdLevel};
use datafusion::parquet::file::properties::WriterProperties;
use futures::StreamExt;

pub mod appended;
pub mod lines;
mod part;

pub use part::Part;

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A table for people
    Table,
    /// Comma-separated, with a header
    Csv,
    /// A JSON object a line
    Ndjson,
    /// A Parquet file
    Parquet,
}

/// A group of rows is held until it is written; this many bytes of one are enough.
const ROW_GROUP_BYTES: usize = 32 << 20;

/// So many rows are shown of a table: more of them nobody reads.
const TABLE_ROWS: usize = 1_000;

/// Writes all rows to a file, or to standard output.
///
/// # Errors
///
/// If the rows can't be had, or can't be written; [`Closed`] if nobody reads them.
pub async fn write(
    mut rows: SendableRecordBatchStream,
    format: Option<Format>,
    path: Option<&Path>,
) -> anyhow::Result<()> {
    let format = format.unwrap_or_else(|| usual(path));
    let part = path.map(Part::create).transpose()?;
    let to: Box<dyn Write + Send> = match &part {
        Some(part) => Box::new(part.file.try_clone()?),
        None if format == Format::Parquet => {
            bail!("Parquet isn't written to standard output; name a file with -o");
        }
        None => Box::new(io::stdout()),
    };
    let mut writer = Writer::new(format, to, &rows)?;
    while let Some(batch) = rows.next().await {
        let batch = batch?;
        let written = writer.write(&batch);
        match written {
            Err(error) if path.is_none() && is_closed(&error) => return Err(Closed.into()),
            written => written?,
        }
    }
    writer.finish()?;
    match part {
        Some(part) => part.complete(),
        None => Ok(()),
    }
}

/// Does nobody read standard output any more? The writer of CSV keeps only the words of the system's error.
fn is_closed(error: &anyhow::Error) -> bool {
    let is_pipe = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
    let mut causes = error.chain();
    causes.any(|cause| cause.downcast_ref().is_some_and(is_pipe))
        || format!("{error:#}").contains("Broken pipe")
}

/// By the file's name, or a table where somebody sees it.
fn usual(path: Option<&Path>) -> Format {
    match path.and_then(Path::extension).and_then(|of| of.to_str()) {
        Some("parquet") => Format::Parquet,
        Some("ndjson" | "jsonl" | "json") => Format::Ndjson,
        None if path.is_none() && io::IsTerminal::is_terminal(&io::stdout()) => Format::Table,
        _ => Format::Csv,
    }
}

enum Writer {
    Table {
        to: Box<dyn Write + Send>,
        empty: RecordBatch,
        shown: Vec<RecordBatch>,
        rows: usize,
    },
    Csv(Box<datafusion::arrow::csv::Writer<Box<dyn Write + Send>>>),
    Ndjson(LineDelimitedWriter<Box<dyn Write + Send>>),
    Parquet(Box<ArrowWriter<Box<dyn Write + Send>>>),
}

impl Writer {
    fn new(
        format: Format,
        mut to: Box<dyn Write + Send>,
        rows: &SendableRecordBatchStream,
    ) -> anyhow::Result<Self> {
        let schema = rows.schema();
        Ok(match format {
            Format::Table => Self::Table {
                to,
                empty: RecordBatch::new_empty(schema),
                shown: Vec::new(),
                rows: 0,
            },
            Format::Csv => {
                let mut fields = schema.fields().iter();
                if let Some(field) = fields.find(|field| field.data_type().is_nested()) {
                    bail!(
                        "CSV has no place for lists or objects, which {} has; use --format ndjson",
                        field.name()
                    );
                }
                // Also where there are no rows.
                to.write_all(csv_header(&schema).as_bytes())?;
                Self::Csv(Box::new(WriterBuilder::new().with_header(false).build(to)))
            }
            Format::Ndjson => Self::Ndjson(LineDelimitedWriter::new(to)),
            Format::Parquet => {
                let zstd = Compression::ZSTD(ZstdLevel::default());
                let properties = WriterProperties::builder()
                    .set_compression(zstd)
                    .set_max_row_group_bytes(Some(ROW_GROUP_BYTES))
                    .build();
                let writer = ArrowWriter::try_new(to, schema, Some(properties));
                Self::Parquet(Box::new(writer.context("beginning a Parquet file")?))
            }
        })
    }

    fn write(&mut self, batch: &RecordBatch) -> anyhow::Result<()> {
        match self {
            Self::Table { shown, rows, .. } => {
                let room = TABLE_ROWS.saturating_sub(*rows).min(batch.num_rows());
                if room > 0 {
                    shown.push(batch.slice(0, room));
                }
                *rows += batch.num_rows();
            }
            Self::Csv(writer) => writer.write(batch)?,
            Self::Ndjson(writer) => writer.write(batch)?,
            Self::Parquet(writer) => writer.write(batch)?,
        }
        Ok(())
    }

    fn finish(self) -> anyhow::Result<()> {
        match self {
            Self::Table {
                mut to,
                empty,
                mut shown,
                rows,
            } => {
                if shown.is_empty() {
                    shown.push(empty);
                }
                let table = pretty_format_batches(&shown)?;
                let told = match rows {
                    1 => "1 row".to_owned(),
                    rows if rows > TABLE_ROWS => {
                        format!("the first {TABLE_ROWS} of {rows} rows; --format csv writes all")
                    }
                    rows => format!("{rows} rows"),
                };
                if writeln!(to, "{table}\n{told}").is_err() {
                    return Err(Closed.into());
                }
            }
            Self::Csv(_) => {}
            Self::Ndjson(mut writer) => writer.finish()?,
            Self::Parquet(writer) => drop(writer.close()?),
        }
        Ok(())
    }
}

/// The line with the names of columns.
fn csv_header(schema: &SchemaRef) -> String {
    let names = schema.fields().iter().map(|field| quoted(field.name()));
    names.collect::<Vec<_>>().join(",") + "\n"
}

/// A name as a cell of CSV (RFC 4180).
fn quoted(name: &str) -> String {
    match name.contains(['"', ',', '\n', '\r']) {
        true => format!("\"{}\"", name.replace('"', "\"\"")),
        false => name.to_owned(),
    }
}
