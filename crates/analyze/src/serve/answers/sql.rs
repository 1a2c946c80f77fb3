//! A query in SQL over all that is served.

use super::rows::Rows;
use archiver_format::read::Selection;

use crate::serve::opening::Opening;
use crate::serve::problem::Problem;

/// So many rows of the answer to a query at most.
///
/// # Errors
///
/// If the engine can't answer.
pub async fn answer(
    opening: &Opening,
    query: &str,
    selection: &Selection,
    most: usize,
) -> Result<Rows, Problem> {
    let engine = opening.all(selection).await?;
    Ok(Rows::of(&engine, query, most).await?)
}
