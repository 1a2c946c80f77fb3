//! From a query to what is printed: the same for each command that asks.

use super::common::Print;
use super::complain::complain;
use crate::caret::explained;
use crate::engine::Engine;
use crate::output::write;

/// Asks, and prints the answer.
///
/// # Errors
///
/// If the engine can't answer, or nothing can be printed.
pub(super) async fn answer(engine: &Engine, query: &str, print: &Print) -> anyhow::Result<()> {
    let explain = |error| explained(&error, query, engine);
    let frame = engine.session.sql(query).await.map_err(explain)?;
    let rows = frame.execute_stream().await.map_err(explain)?;
    let written = write(rows, print.format, print.output.as_deref()).await;
    written.map_err(|error| match error.downcast() {
        Ok(of_engine) => explain(of_engine),
        Err(other) => other,
    })
}

/// Says what must be said beside the answers.
pub(super) fn say_notes(engine: &Engine) {
    for note in engine.notes() {
        complain(&note);
    }
}
