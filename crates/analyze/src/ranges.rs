//! Plans that turn ranges of numbers into rows, as windows without records are: few of them at once.
//!
//! The engine makes the lists of a whole batch before it makes rows of them. A gap of a day has 86 million windows of a
//! millisecond, and a batch may have thousands of gaps: nothing would bound that, and nobody could end it.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::coop::make_cooperative;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::unnest::UnnestExec;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties,
    ReplaceChildrenOptions,
};
use futures::{StreamExt, TryStreamExt, stream};

/// Ranges with so many numbers in all are made into lists at once, or one that has more.
const NUMBERS_MOST: i64 = 1 << 16;

/// Has ranges be made into lists by few rows at a time.
#[derive(Debug)]
pub struct FewRanges;

impl PhysicalOptimizerRule for FewRanges {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(few).data()
    }

    fn name(&self) -> &'static str {
        "few_ranges"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn few(node: Arc<dyn ExecutionPlan>) -> Result<Transformed<Arc<dyn ExecutionPlan>>> {
    let Some(unnest) = node.downcast_ref::<UnnestExec>() else {
        return Ok(Transformed::no(node));
    };
    let [lists] = unnest.children()[..] else {
        return Ok(Transformed::no(node));
    };
    let Some(projection) = lists.downcast_ref::<ProjectionExec>() else {
        return Ok(Transformed::no(node));
    };
    let Some(range) = projection.expr().iter().find_map(|of| range(&of.expr)) else {
        return Ok(Transformed::no(node));
    };
    let rows = Arc::new(FewRows::new(Arc::clone(projection.input()), range));
    let lists = with_child(Arc::clone(lists), rows)?;
    with_child(node, lists).map(Transformed::yes)
}

fn with_child(
    node: Arc<dyn ExecutionPlan>,
    child: Arc<dyn ExecutionPlan>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
    node.replace_children(vec![child], options)
}

/// From where to where, and by which steps.
type Range = [Arc<dyn PhysicalExpr>; 3];

fn range(expression: &Arc<dyn PhysicalExpr>) -> Option<Range> {
    let function = expression.downcast_ref::<ScalarFunctionExpr>()?;
    let arguments = <Range>::try_from(function.args().to_vec()).ok()?;
    (function.fun().name() == "range").then_some(arguments)
}

/// Gives the rows of its input by so few at a time that their ranges aren't long.
#[derive(Debug)]
struct FewRows {
    input: Arc<dyn ExecutionPlan>,
    range: Range,
    properties: Arc<PlanProperties>,
}

impl FewRows {
    fn new(input: Arc<dyn ExecutionPlan>, range: Range) -> Self {
        let properties = Arc::clone(input.properties());
        Self {
            input,
            range,
            properties,
        }
    }
}

impl DisplayAs for FewRows {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [from, to, step] = &self.range;
        write!(f, "FewRows: range({from}, {to}, {step})")
    }
}

impl ExecutionPlan for FewRows {
    fn name(&self) -> &'static str {
        "FewRows"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match children.pop() {
            Some(input) if children.is_empty() => {
                Ok(Arc::new(Self::new(input, self.range.clone())))
            }
            _ => internal_err!("few rows are of one input"),
        }
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
        self.replace_children(children, options)
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let (range, schema) = (self.range.clone(), self.schema());
        let batches = self.input.execute(partition, context)?;
        let few = batches.map(move |batch| batch.and_then(|batch| cut(&batch, &range)));
        let few = few.map_ok(|cut| stream::iter(cut.into_iter().map(Ok)));
        let few = RecordBatchStreamAdapter::new(schema, few.try_flatten());
        Ok(make_cooperative(Box::pin(few)))
    }
}

/// The same rows, in batches of ranges that aren't long.
fn cut(batch: &RecordBatch, range: &Range) -> Result<Vec<RecordBatch>> {
    let numbers = |of: &Arc<dyn PhysicalExpr>| -> Result<ArrayRef> {
        let values = of.evaluate(batch)?.into_array(batch.num_rows())?;
        Ok(cast(&values, &DataType::Int64)?)
    };
    let [from, to, step] = [
        numbers(&range[0])?,
        numbers(&range[1])?,
        numbers(&range[2])?,
    ];
    let [from, to, step] = [&from, &to, &step].map(|of| of.as_primitive::<Int64Type>());
    let length = |row: usize| {
        let is_there = from.is_valid(row) && to.is_valid(row) && step.is_valid(row);
        let span = is_there.then(|| to.value(row).saturating_sub(from.value(row)));
        // A list that can't be made has none.
        let length = span.and_then(|span| span.checked_div(step.value(row)));
        length.unwrap_or_default().max(0).saturating_add(1)
    };
    let (mut cut, mut begun, mut sum) = (Vec::new(), 0, 0_i64);
    for row in 0..batch.num_rows() {
        let length = length(row);
        if row > begun && sum.saturating_add(length) > NUMBERS_MOST {
            cut.push(batch.slice(begun, row - begun));
            (begun, sum) = (row, 0);
        }
        sum = sum.saturating_add(length);
    }
    cut.push(batch.slice(begun, batch.num_rows() - begun));
    Ok(cut)
}

#[cfg(test)]
mod tests {
    use datafusion::execution::SessionStateBuilder;
    use datafusion::prelude::SessionContext;

    use super::*;

    fn session() -> SessionContext {
        let state = SessionStateBuilder::new_with_default_features();
        let state = state.with_physical_optimizer_rule(Arc::new(FewRanges));
        SessionContext::new_with_state(state.build())
    }

    #[tokio::test]
    async fn rows_of_long_ranges_come_in_small_batches_and_none_is_missing() {
        let sql = "SELECT n, unnest(range(0, n * 100, 1)) AS m FROM (SELECT unnest(range(0, 1000, 1)) AS n) AS numbers";
        let frame = session().sql(sql).await.expect("a query");
        let batches = frame.collect().await.expect("rows");
        let rows = batches.iter().map(RecordBatch::num_rows);
        let most = rows.clone().max().unwrap_or_default();
        assert_eq!(rows.sum::<usize>(), 100 * 999 * 1000 / 2);
        assert!(most <= 2 * (1 << 16), "{most}");
    }

    #[tokio::test]
    async fn what_makes_no_list_is_no_row() {
        let sql = "SELECT unnest(range(a, b, 1)) AS m FROM (VALUES (1, 3), (3, 1), (NULL, 5), (-9223372036854775807, NULL)) AS t(a, b)";
        let frame = session().sql(sql).await.expect("a query");
        let rows = frame.count().await.expect("rows");
        assert_eq!(rows, 2);
    }
}
