//! What a model says of records.

use std::sync::Arc;

use super::rows::Rows;
use super::windows::OfSource;
use crate::caret::Explained;
use crate::definition::Named;
use crate::definition::resolve::column;
use crate::engine::{Engine, ONLY};
use crate::model::file::Model;
use crate::model::verdicts::{Verdicts, Wanted, verdicts};
use crate::plain::chained;
use crate::serve::opening::Opening;
use crate::serve::problem::Problem;
use crate::serve::question::{Prediction, of_groups};

/// So many rows with verdicts at most.
///
/// # Errors
///
/// If the source has no such fields as the model, or the engine can't answer.
pub async fn answer(
    opening: &Opening,
    (asked, model): (Prediction, Model),
    most: usize,
) -> Result<OfSource, Problem> {
    let (engine, judged) = judged(opening, &asked, model).await?;
    let rows = Rows::taken(&engine, &judged.query, judged.rows, most).await?;
    let rows = rows.with_notes(judged.unjudged.notes());
    Ok(OfSource::of(asked.source, &asked.selection, rows))
}

/// What a model says of what is asked, and the engine that has its source.
///
/// # Errors
///
/// If the source isn't there or has no such fields as the model, or the engine can't answer.
pub async fn judged(
    opening: &Opening,
    asked: &Prediction,
    model: Model,
) -> Result<(Engine, Verdicts), Problem> {
    let engine = opening.one(&asked.source, &asked.selection).await?;
    let columns = engine.only()?.columns();
    let mut groups = Vec::new();
    for name in &model.question.by {
        let column = column(columns, name, ONLY);
        let column = column.map_err(|error| Problem::wrong(chained(&error)))?;
        groups.push(Named {
            column: column.name.clone(),
            name: name.clone(),
            kind: column.kind,
        });
    }
    let only = asked.only(&model.question.by)?;
    let wanted = Wanted {
        filter: of_groups(&only, &groups, asked.filter.clone()),
        only_anomalies: asked.only_anomalies,
    };
    let judged = verdicts(&engine, &Arc::new(model), &wanted).await;
    let judged = judged.map_err(|error| match error.is::<Explained>() {
        true => error.into(),
        // The model is about other fields.
        false => Problem::wrong(chained(&error)),
    })?;
    Ok((engine, judged))
}
