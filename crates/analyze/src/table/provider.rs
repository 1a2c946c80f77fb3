//! An archive as the engine sees it.

use std::sync::Arc;

use archiver_format::archive::{Archive, Segment};
use archiver_format::read::{ReadError, Selection};
use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;

use super::columns::{Column, columns, schema};
use super::damaged::Damaged;
use super::progress::Progress;
use super::rows::{Misfits, wanted};
use super::sample::Sample;
use super::scan::ArchiveScan;
use super::scanned::Scanned;
use super::selection::{is_known, narrow};

/// The segments that are looked into: the first and the last that may hold what is selected.
pub fn ends<'s>(segments: &'s [Segment], selection: &Selection) -> Vec<&'s Segment> {
    let held = segments.iter();
    let held = held.filter(|segment| segment.may_hold(selection) && segment.bytes() > 0);
    let held = held.collect::<Vec<_>>();
    let (first, last) = (held.first(), held.get(1..).and_then(<[_]>::last));
    [first, last].into_iter().flatten().copied().collect()
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
    let look = |selection: &Selection| {
        let ends = ends(segments, selection).into_iter();
        Sample::looking_into(ends, selection, skips_damaged)
    };
    let mut sample = look(selection)?;
    if sample.values == 0 && !selection.is_all() {
        // Nothing is selected: the fields are those of the other records, and the answer has no rows.
        sample = look(&Selection::default())?;
    }
    let widened = sample.widened.clone();
    Ok((columns(sample.fields()), widened))
}

/// The same, whatever is selected: columns that hold what is in other records too, so that they are the same each day.
///
/// # Errors
///
/// If segments that may hold what is selected can't be read, unless what is damaged is left out.
pub fn look_at_all(
    segments: &[Segment],
    selection: &Selection,
    skips_damaged: bool,
) -> Result<(Vec<Column>, Vec<String>), ReadError> {
    // What can't be read of the others keeps nobody from reading what is selected.
    let mut sample = Sample::of(segments, true)?;
    let ends = ends(segments, selection).into_iter();
    sample.look_into(ends, selection, skips_damaged)?;
    let widened = sample.widened.clone();
    Ok((columns(sample.fields()), widened))
}

/// An archive as a table.
#[derive(Debug, Clone)]
pub struct ArchiveTable {
    name: String,
    topic: Arc<str>,
    segments: Arc<[Segment]>,
    selection: Selection,
    columns: Vec<Column>,
    schema: SchemaRef,
    misfits: Arc<Misfits>,
    damaged: Option<Arc<Damaged>>,
    progress: Arc<Progress>,
}

impl ArchiveTable {
    /// One without segments yet, with these columns.
    pub fn new(
        name: String,
        archive: &Archive,
        selection: Selection,
        columns: Vec<Column>,
    ) -> Self {
        Self {
            topic: archive.checkpoint.identity.topic.as_str().into(),
            schema: schema(&columns),
            segments: Arc::new([]),
            misfits: Arc::new(Misfits::new(columns.len())),
            name,
            selection,
            columns,
            damaged: None,
            progress: Arc::default(),
        }
    }

    /// The same with these segments. What doesn't fit is counted together.
    pub fn of(&self, segments: Vec<Segment>, damaged: Option<Arc<Damaged>>) -> Self {
        Self {
            segments: segments.into(),
            damaged,
            ..self.clone()
        }
    }

    /// The same, whose readers count here how far they have come.
    pub fn watched(self, progress: Arc<Progress>) -> Self {
        Self { progress, ..self }
    }

    /// Whose records are in it.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// Its columns.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The latest timestamp in its segments, in milliseconds since 1970, whatever is selected; nothing, if none is known.
    pub fn latest_ms(&self) -> Option<i64> {
        let segments = self.segments.iter();
        segments
            .filter_map(|segment| segment.contents().latest())
            .max()
    }

    /// What did not fit its columns until now, a line each.
    pub fn notes(&self, name: &str) -> Vec<String> {
        self.misfits.said(&format!("archive {name}"), &self.columns)
    }
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
        let (columns, schema) = wanted(&self.columns, &self.schema, projection)?;
        let scanned = Scanned {
            name: self.name.clone(),
            topic: Arc::clone(&self.topic),
            segments: Arc::clone(&self.segments),
            selection,
            columns,
            batch_rows: state.config().batch_size(),
            limit,
            misfits: Arc::clone(&self.misfits),
            damaged: self.damaged.clone(),
            progress: Arc::clone(&self.progress),
        };
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
