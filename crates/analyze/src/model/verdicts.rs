//! Rows with what a model says of them.

use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::col;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use futures::{StreamExt, stream};

use super::file::Model;
use super::judge::{Judge, Unjudged};
use super::question::Question;
use crate::caret::{check_filter, explained};
use crate::definition::condition::condition;
use crate::engine::{Engine, ONLY};

/// Rows with verdicts.
pub struct Verdicts {
    /// The rows: `topic`, `partition`, `offset` and `time` (in milliseconds since 1970), the groups, the features, `cluster`,
    /// `distance`, `score` and `is_anomaly`, in the order of their times and places.
    pub rows: SendableRecordBatchStream,
    /// The query for what was judged, for messages.
    pub query: String,
    /// What could not be judged, once the rows were taken.
    pub unjudged: Arc<Unjudged>,
}

/// Which rows are wanted.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Only rows of which this holds, in SQL.
    pub filter: Option<String>,
    /// Only those that are anomalous.
    pub only_anomalies: bool,
}

/// Judges rows of the only source of an engine by a model. What it holds is bounded by the engine's memory: rows pass by, and
/// are sorted in temporary files where they are too many.
///
/// # Errors
///
/// If the source has no such fields as the model, or the engine can't answer.
pub async fn verdicts(
    engine: &Engine,
    model: &Arc<Model>,
    wanted: &Wanted,
) -> anyhow::Result<Verdicts> {
    check_filter(engine, wanted.filter.as_deref()).await?;
    let question = Question {
        filter: wanted.filter.as_deref().map(condition).transpose()?,
        label: None,
        ..model.question.clone()
    };
    let query = question.query_again(engine.only()?.columns(), ONLY)?;
    let unjudged = Arc::<Unjudged>::default();
    let answered = judged(engine, &query, model, &unjudged, wanted.only_anomalies).await;
    let rows = answered.map_err(|error| explained(&error, &query, engine))?;
    Ok(Verdicts {
        rows,
        query,
        unjudged,
    })
}

async fn judged(
    engine: &Engine,
    query: &str,
    model: &Arc<Model>,
    unjudged: &Arc<Unjudged>,
    only_anomalies: bool,
) -> Result<SendableRecordBatchStream> {
    let session = &engine.session;
    let plan = session.sql(query).await?.create_physical_plan().await?;
    let judge = Judge::new(Arc::clone(model), &plan.schema(), Arc::clone(unjudged));
    let judge = Arc::new(judge);
    let partitions = 0..plan.output_partitioning().partition_count();
    let partitions = partitions.map(|number| {
        let partition = Partition {
            plan: Arc::clone(&plan),
            number,
            judge: Arc::clone(&judge),
        };
        Arc::new(partition) as Arc<dyn PartitionStream>
    });
    let table = StreamingTable::try_new(Arc::clone(judge.schema()), partitions.collect())?;
    let rows = session.read_table(Arc::new(table))?;
    let rows = match only_anomalies {
        true => rows.filter(col("is_anomaly"))?,
        false => rows,
    };
    let order = ["time", "topic", "partition", "offset"];
    let order = order.map(|name| col(name).sort(true, false));
    rows.sort(order.into())?.execute_stream().await
}

/// A share of the rows, which are judged as somebody takes them: each once, which no function of the engine promises.
#[derive(Debug)]
struct Partition {
    plan: Arc<dyn ExecutionPlan>,
    number: usize,
    judge: Arc<Judge>,
}

impl PartitionStream for Partition {
    fn schema(&self) -> &SchemaRef {
        self.judge.schema()
    }

    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let schema = Arc::clone(self.judge.schema());
        let judge = Arc::clone(&self.judge);
        let rows = match self.plan.execute(self.number, context) {
            Ok(rows) => rows.map(move |batch| Ok(judge.judge(&batch?)?)).boxed(),
            Err(error) => stream::once(async { Err(error) }).boxed(),
        };
        Box::pin(RecordBatchStreamAdapter::new(schema, rows))
    }
}

#[cfg(test)]
mod tests;
