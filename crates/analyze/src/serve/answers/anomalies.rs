//! Values outside of what is usual.

use super::rows::Rows;
use super::windows::{OfSource, open};
use crate::definition::detection::{Detection, Method};
use crate::serve::opening::Opening;
use crate::serve::problem::Problem;
use crate::serve::question::Question;

/// So many of the anomalous values at most; by three sigmas if no method is said.
///
/// # Errors
///
/// If the engine can't answer.
pub async fn answer(
    opening: &Opening,
    mut question: Question,
    most: usize,
) -> Result<OfSource, Problem> {
    if question.definition.anomalies.is_none() {
        let usual = Detection::typed(Method::ThreeSigma, None, None, None);
        question.definition.anomalies = Some(usual.map_err(Problem::wrong)?);
    }
    let asked = open(opening, &question).await?;
    let _points = asked.points().await?;
    let rows = Rows::of(&asked.engine, &asked.anomalies_of_points(), most).await?;
    Ok(OfSource::new(question, rows))
}
