//! An archive as the engine sees it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use archiver_format::archive::{Archive, Segment};
use archiver_format::envelope::decode;
use archiver_format::read::{ReadError, Selection};
use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;

use super::columns::{Column, columns, schema};
use super::damaged::Damaged;
use super::rows::{Misfits, Wanted};
use super::sample::Sample;
use super::scan::ArchiveScan;
use super::scanned::Scanned;
use super::selection::{is_known, narrow};

/// So many values are looked at of a segment, to know which fields they have.
const SAMPLE_VALUES: u64 = 1_000;

/// An archive as a table.
#[derive(Debug)]
pub struct ArchiveTable {
    name: String,
    topic: Arc<str>,
    segments: Arc<[Segment]>,
    selection: Selection,
    columns: Vec<Column>,
    schema: SchemaRef,
    misfits: Arc<Misfits>,
    damaged: Option<Arc<Damaged>>,
}

impl ArchiveTable {
    /// Some segments of an archive, which of their records are asked for, and the columns that it has.
    pub fn new(
        name: &str,
        archive: &Archive,
        segments: Vec<Segment>,
        selection: Selection,
        columns: Vec<Column>,
        damaged: Option<Arc<Damaged>>,
    ) -> Self {
        let misfits = Misfits {
            values: AtomicU64::new(0),
            fields: columns.iter().map(|_| AtomicU64::new(0)).collect(),
        };
        Self {
            topic: archive.checkpoint.identity.topic.as_str().into(),
            schema: schema(&columns),
            segments: segments.into(),
            misfits: Arc::new(misfits),
            name: name.to_owned(),
            selection,
            columns,
            damaged,
        }
    }

    /// Its columns.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// What did not fit its columns until now, a line each.
    pub fn notes(&self, name: &str) -> Vec<String> {
        let mut notes = Vec::new();
        let values = self.misfits.values.load(Ordering::Relaxed);
        if values > 0 {
            notes.push(format!(
                "archive {name}: {values} values are no JSON objects, so all their fields are null"
            ));
        }
        for (column, count) in self.columns.iter().zip(&self.misfits.fields) {
            let (column, count) = (&column.name, count.load(Ordering::Relaxed));
            if count > 0 {
                notes.push(format!(
                    "archive {name}: {column} is something else in {count} records than in the first ones, and null there"
                ));
            }
        }
        notes
    }
}

/// Looks at some values of these segments, to know which columns their fields make; returns beside them the names of fields
/// that hold different things and are text therefore.
///
/// # Errors
///
/// If these can't be read, unless what is damaged is left out.
pub fn look_at(
    segments: &[Segment],
    selection: &Selection,
    skips_damaged: bool,
) -> Result<(Vec<Column>, Vec<String>), ReadError> {
    let mut sample = Sample::default();
    let held = segments.iter();
    let held = held.filter(|segment| segment.may_hold(selection) && segment.bytes() > 0);
    let held = held.collect::<Vec<_>>();
    let (first, last) = (held.first(), held.get(1..).and_then(<[_]>::last));
    for segment in [first, last].into_iter().flatten() {
        match look(segment, selection, &mut sample) {
            Err(error) if !skips_damaged => return Err(error),
            _ => {}
        }
    }
    let widened = sample.widened.clone();
    Ok((columns(sample.fields()), widened))
}

/// Looks at the first values of a segment.
fn look(segment: &Segment, selection: &Selection, sample: &mut Sample) -> Result<(), ReadError> {
    let mut reader = segment.open(segment.bytes(), selection)?;
    if reader.left_out() > 0 {
        reader = segment.open(segment.bytes(), &Selection::default())?;
    }
    let is_raw = segment.format == "raw";
    let until = sample.values + SAMPLE_VALUES;
    while sample.values < until && reader.next_line()? {
        let line = reader.line().bytes;
        let decoded = (!is_raw).then(|| decode(line).ok()).flatten();
        let value = match (&decoded, is_raw) {
            (_, true) => Some(line),
            (Some(decoded), false) => decoded.value.as_deref(),
            (None, false) => None,
        };
        match value.map(std::str::from_utf8) {
            Some(Ok(value)) => sample.note(value),
            _ => sample.values += 1,
        }
    }
    Ok(())
}

#[async_trait]
impl TableProvider for ArchiveTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut selection = self.selection.clone();
        narrow(&mut selection, filters);
        let all = (0..self.columns.len()).collect();
        let wanted = projection.unwrap_or(&all);
        let columns = wanted.iter().map(|&number| Wanted {
            column: self.columns[number].clone(),
            number,
        });
        let scanned = Scanned {
            name: self.name.clone(),
            topic: Arc::clone(&self.topic),
            segments: Arc::clone(&self.segments),
            selection,
            columns: columns.collect(),
            limit,
            misfits: Arc::clone(&self.misfits),
            damaged: self.damaged.clone(),
        };
        let schema = Arc::new(self.schema.project(wanted)?);
        let readers = state.config().target_partitions().max(1);
        Ok(Arc::new(ArchiveScan::new(scanned, schema, readers)))
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        let pushed = filters.iter().map(|filter| match is_known(filter) {
            true => TableProviderFilterPushDown::Inexact,
            false => TableProviderFilterPushDown::Unsupported,
        });
        Ok(pushed.collect())
    }
}
