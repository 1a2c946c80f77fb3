//! The scores of records by time, for a plot: few enough to be drawn.

use super::points::{COLUMNS, Points};
use super::predict::judged;
use crate::ask::scores::scores;
use crate::model::file::Model;
use crate::serve::opening::Opening;
use crate::serve::problem::Problem;
use crate::serve::question::Prediction;

/// The scores by a model, so many series at most.
///
/// # Errors
///
/// If the source has no such fields as the model, the engine can't answer, or there are too many groups.
pub async fn answer(
    opening: &Opening,
    (asked, model): (Prediction, Model),
    most: usize,
) -> Result<Points, Problem> {
    let by = model.question.by.clone();
    let (engine, mut verdicts) = judged(opening, &asked, model).await?;
    let series = scores(&engine, &mut verdicts, &by, COLUMNS).await?;
    let notes = [engine.notes(), verdicts.unjudged.notes()].concat();
    let source = (asked.source, &asked.selection);
    Ok(Points::of(source, series, most, notes))
}
