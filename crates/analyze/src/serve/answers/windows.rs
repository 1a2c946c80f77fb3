//! What is measured, by windows of time.

use archiver_format::read::Selection;
use serde::Serialize;

use super::rows::Rows;
use crate::ask::asked::Asked;
use crate::caret::check_filter;
use crate::plain::chained;
use crate::serve::opening::Opening;
use crate::serve::problem::Problem;
use crate::serve::question::Question;

/// The rows of windows, or of anomalies.
#[derive(Debug, Serialize)]
pub struct OfSource {
    source: String,
    since_ms: Option<i64>,
    until_ms: Option<i64>,
    #[serde(flatten)]
    rows: Rows,
}

impl OfSource {
    /// These rows, as the answer to a question.
    pub fn new(question: Question, rows: Rows) -> Self {
        Self::of(question.source, &question.selection, rows)
    }

    /// These rows of a source.
    pub fn of(source: String, selection: &Selection, rows: Rows) -> Self {
        Self {
            source,
            since_ms: selection.since_ms,
            until_ms: selection.until_ms,
            rows,
        }
    }
}

/// Opens what is asked.
///
/// # Errors
///
/// If it isn't there, can't be read, or has no such fields.
pub async fn open(opening: &Opening, question: &Question) -> Result<Asked, Problem> {
    let engine = opening.one(&question.source, &question.selection).await?;
    check_filter(&engine, question.definition.filter.as_deref()).await?;
    let asked = Asked::of(engine, &question.definition);
    // What can be wrong here is what was asked.
    let mut asked = asked.map_err(|error| Problem::wrong(chained(&error)))?;
    question.narrow(&mut asked.analysis);
    Ok(asked)
}

/// So many rows of the windows at most.
///
/// # Errors
///
/// If the engine can't answer, or it is asked for no windows.
pub async fn answer(
    opening: &Opening,
    question: Question,
    most: usize,
) -> Result<OfSource, Problem> {
    if question.definition.window.is_none() {
        let why = "say one of tumbling, sliding and session";
        return Err(Problem::wrong(why));
    }
    let asked = open(opening, &question).await?;
    let query = asked.windows().unwrap_or_default();
    let rows = Rows::of(&asked.engine, &query, most).await?;
    Ok(OfSource::new(question, rows))
}
