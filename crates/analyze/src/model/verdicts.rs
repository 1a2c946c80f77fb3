//! Rows with what a model says of them.

use std::sync::Arc;

use datafusion::common::Column;
use datafusion::dataframe::DataFrame;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::functions::core::expr_fn::get_field;
use datafusion::logical_expr::{Expr, ScalarUDF, cast, col};
use datafusion::arrow::datatypes::DataType;

use super::file::Model;
use super::judge::{Judge, PARTS, Unjudged};
use super::question::Question;
use crate::caret::explained;
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
    let question = Question {
        filter: wanted.filter.clone(),
        label: None,
        ..model.question.clone()
    };
    let query = question.query_again(engine.only()?.columns(), ONLY)?;
    let unjudged = Arc::<Unjudged>::default();
    let judge = Judge::new(Arc::clone(model), Arc::clone(&unjudged));
    let judge = ScalarUDF::new_from_impl(judge);
    let answered = async {
        let rows = engine.session.sql(&query).await?;
        judged(rows, &question, &judge, wanted.only_anomalies)?
            .execute_stream()
            .await
    };
    let rows = answered.await;
    let rows = rows.map_err(|error| explained(&error, &query, engine))?;
    Ok(Verdicts {
        rows,
        query,
        unjudged,
    })
}

fn judged(
    rows: DataFrame,
    of: &Question,
    judge: &ScalarUDF,
    only_anomalies: bool,
) -> datafusion::common::Result<DataFrame> {
    let by = |number: usize| col(format!("by_{number}"));
    let feature = |number: usize| col(format!("feature_{number}"));
    let (groups, features) = (0..of.by.len(), 0..of.features.len());
    let keys = groups.clone().map(|number| cast(by(number), DataType::Utf8));
    let judged = keys.chain(features.clone().map(feature)).collect();
    let judged = judge.call(judged).alias("verdict");
    let places = ["topic", "partition", "offset"].map(col);
    let time = col("event_ms").alias("time");
    let groups = groups.map(|number| by(number).alias(&of.by[number]));
    let features = features.map(|number| feature(number).alias(&of.features[number]));
    let columns = places.into_iter().chain([time]).chain(groups).chain(features);
    let columns = columns.collect::<Vec<_>>();
    let named = |name: &str| Expr::Column(Column::from_name(name));
    let names = of.by.iter().chain(&of.features);
    let names = ["topic", "partition", "offset", "time"]
        .into_iter()
        .chain(names.map(|name| &name[..]))
        .map(named);
    let parts = PARTS.map(|part| get_field(col("verdict"), part).alias(part));
    let told = names.chain(parts).collect::<Vec<_>>();
    let rows = rows.select([columns, vec![judged]].concat())?.select(told)?;
    let rows = match only_anomalies {
        true => rows.filter(col("is_anomaly"))?,
        false => rows,
    };
    let order = ["time", "topic", "partition", "offset"];
    rows.sort(order.map(|name| col(name).sort(true, false)).into())
}

#[cfg(test)]
mod tests;
