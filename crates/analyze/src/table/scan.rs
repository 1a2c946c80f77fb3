//! A scan: several readers go through the segments side by side, each through its share of the blocks.

use std::fmt;
use std::sync::Arc;

use archiver_format::read::Share;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::coop::make_cooperative;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchReceiverStreamBuilder;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning,
    PlanProperties, ReplaceChildrenOptions,
};

use super::reading::Reading;
use super::rows::Rows;
use super::scanned::Scanned;

/// Batches that wait for whoever takes them, of each reader.
const WAITING_MOST: usize = 2;

/// A scan, as a step of the engine's plan.
#[derive(Debug)]
pub struct ArchiveScan {
    scanned: Scanned,
    schema: SchemaRef,
    readers: usize,
    properties: Arc<PlanProperties>,
}

impl ArchiveScan {
    /// By so many readers.
    pub fn new(scanned: Scanned, schema: SchemaRef, readers: usize) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            Partitioning::UnknownPartitioning(readers),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self {
            scanned,
            schema,
            readers,
            properties: Arc::new(properties),
        }
    }
}

impl DisplayAs for ArchiveScan {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Scanned {
            name,
            segments,
            selection,
            columns,
            ..
        } = &self.scanned;
        let held = segments
            .iter()
            .filter(|segment| segment.may_hold(selection));
        let held = held.collect::<Vec<_>>();
        // Counted when somebody looks at it: a query that is only run doesn't read its indexes twice.
        let blocks = held.iter().try_fold((0, 0), |(read, all), segment| {
            let reader = segment.open(segment.bytes(), selection).ok()?;
            let (held, of) = reader.count_blocks().ok()?;
            Some((read + held, all + of))
        });
        let names = columns.iter().map(|wanted| &wanted.column.name[..]);
        write!(
            f,
            "ArchiveScan: {name}, segments={} of {}",
            held.len(),
            segments.len()
        )?;
        if let Some((read, all)) = blocks {
            write!(f, ", blocks={read} of {all} in them")?;
        }
        write!(f, ", columns=[{}]", names.collect::<Vec<_>>().join(", "))?;
        match self.scanned.limit {
            Some(limit) => write!(f, ", limit={limit}"),
            None => Ok(()),
        }
    }
}

impl ExecutionPlan for ArchiveScan {
    fn name(&self) -> &'static str {
        "ArchiveScan"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match children.is_empty() {
            true => Ok(self),
            false => internal_err!("a scan of an archive has no children"),
        }
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
        self.replace_children(children, options)
    }

    fn execute(&self, number: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let share = Share {
            number: number as u64,
            of: self.readers as u64,
        };
        let scanned = self.scanned.clone();
        if number == 0 {
            scanned
                .progress
                .begin(&scanned.segments, &scanned.selection);
        }
        let schema = Arc::clone(&self.schema);
        let mut stream = RecordBatchReceiverStreamBuilder::new(schema, WAITING_MOST);
        let to = stream.tx();
        stream.spawn_blocking(move || {
            let rows = Rows::new(
                Arc::clone(&scanned.columns),
                Arc::clone(&scanned.misfits),
                scanned.batch_rows,
            );
            // Nobody takes it any more: the query has all that it needs.
            let give = |batch| to.blocking_send(Ok(batch)).is_ok();
            Reading::new(&scanned, share, rows).run(give, || to.is_closed())
        });
        Ok(make_cooperative(stream.build()))
    }
}
