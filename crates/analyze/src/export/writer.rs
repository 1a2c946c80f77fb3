//! From rows in the order of their times to Parquet files, one at a time.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use datafusion::arrow::array::{Array, AsArray, PrimitiveArray, RecordBatch};
use datafusion::arrow::datatypes::{SchemaRef, TimestampMillisecondType};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::arrow::arrow_writer::ArrowWriterOptions;
use datafusion::parquet::basic::{Compression, ZstdLevel};
use datafusion::parquet::file::metadata::SortingColumn;
use datafusion::parquet::file::properties::WriterProperties;

use super::layout::{Layout, Place};
use super::target::Target;

/// How large a row group becomes, in bytes: large enough for readers, which take one at a time.
const GROUP_BYTES_MOST: usize = 128 << 20;
/// So much of the memory is for the row group that is being written.
const GROUP_PART: usize = 8;

/// By which columns rows are in order.
pub const ORDER: [&str; 3] = ["timestamp", "partition", "offset"];

/// How files are written.
#[derive(Debug, Clone)]
pub struct Properties(WriterProperties);

impl Properties {
    /// For rows with these columns. The filter on the key is left out where no record has one.
    pub fn new(schema: &SchemaRef, is_zstd: bool, has_keys: bool, memory_bytes: usize) -> Self {
        let compression = match is_zstd {
            true => Compression::ZSTD(ZstdLevel::default()),
            false => Compression::SNAPPY,
        };
        let order = ORDER.iter().filter_map(|name| schema.index_of(name).ok());
        let order = order.filter_map(|column| column.try_into().ok());
        let order = order.map(|column_idx| SortingColumn {
            column_idx,
            descending: false,
            nulls_first: false,
        });
        let group_bytes = (memory_bytes / GROUP_PART).clamp(1, GROUP_BYTES_MOST);
        let properties = WriterProperties::builder()
            .set_compression(compression)
            .set_max_row_group_bytes(Some(group_bytes))
            .set_sorting_columns(Some(order.collect()))
            .set_created_by(format!("archiver-analyze {}", env!("CARGO_PKG_VERSION")))
            .set_column_bloom_filter_enabled("key".into(), has_keys);
        Self(properties.build())
    }
}

/// A file that is written and synced, and has no name yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFile {
    /// Where it belongs.
    pub place: Place,
    /// How many rows it has.
    pub rows: u64,
}

/// Writes the temporary files of one segment.
pub struct Writer<'t> {
    target: &'t Target,
    layout: &'t Layout,
    schema: SchemaRef,
    properties: Properties,
    open: Option<Open>,
    done: Vec<NewFile>,
}

struct Open {
    path: PathBuf,
    file: NewFile,
    writer: ArrowWriter<File>,
}

impl<'t> Writer<'t> {
    /// Has written none yet.
    pub fn new(
        target: &'t Target,
        layout: &'t Layout,
        schema: SchemaRef,
        properties: Properties,
    ) -> Self {
        Self {
            target,
            layout,
            schema,
            properties,
            open: None,
            done: Vec::new(),
        }
    }

    /// Writes rows, to another file wherever the place is another one.
    ///
    /// # Errors
    ///
    /// If that can't be done.
    pub fn write(&mut self, rows: &RecordBatch) -> anyhow::Result<()> {
        let times = rows.column_by_name("timestamp").context("no timestamps")?;
        let times = times.as_primitive::<TimestampMillisecondType>();
        let mut from = 0;
        while from < rows.num_rows() {
            let place = self.layout.place(time(times, from));
            let others = (from + 1..rows.num_rows())
                .find(|row| self.layout.place(time(times, *row)) != place);
            let to = others.unwrap_or(rows.num_rows());
            self.write_to(place, &rows.slice(from, to - from))?;
            from = to;
        }
        Ok(())
    }

    fn write_to(&mut self, place: Place, rows: &RecordBatch) -> anyhow::Result<()> {
        if self
            .open
            .as_ref()
            .is_some_and(|open| open.file.place != place)
        {
            self.close()?;
        }
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.begin(place)?,
        };
        let written = open.writer.write(rows);
        written.with_context(|| format!("writing {}", open.path.display()))?;
        open.file.rows += rows.num_rows() as u64;
        self.open = Some(open);
        Ok(())
    }

    fn begin(&self, place: Place) -> anyhow::Result<Open> {
        let path = self.target.temporary(self.done.len());
        let file = File::create(&path).with_context(|| format!("making {}", path.display()))?;
        // Readers have types of their own for text, and none needs to know how it is held here.
        let options = ArrowWriterOptions::new()
            .with_properties(self.properties.0.clone())
            .with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(file, Arc::clone(&self.schema), options);
        Ok(Open {
            writer: writer.with_context(|| format!("writing {}", path.display()))?,
            path,
            file: NewFile { place, rows: 0 },
        })
    }

    fn close(&mut self) -> anyhow::Result<()> {
        if let Some(Open { path, file, writer }) = self.open.take() {
            let written = writer.into_inner().map_err(anyhow::Error::from);
            let synced = written.and_then(|file| Ok(file.sync_all()?));
            synced.with_context(|| format!("writing {}", path.display()))?;
            self.done.push(file);
        }
        Ok(())
    }

    /// The files, each whole and synced, in the order of the temporary ones.
    ///
    /// # Errors
    ///
    /// If the last one can't be written.
    pub fn finish(mut self) -> anyhow::Result<Vec<NewFile>> {
        self.close()?;
        Ok(self.done)
    }
}

fn time(times: &PrimitiveArray<TimestampMillisecondType>, row: usize) -> Option<i64> {
    times.is_valid(row).then(|| times.value(row))
}
