//! From a query to what is printed: the same for each command that asks.

use std::io::{IsTerminal, Write, stdout};
use std::path::Path;

use anyhow::bail;
use archiver::terminal::Closed;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{StreamExt, stream};

use super::common::Print;
use super::complain::complain;
use super::progress::watched;
use crate::cache::recorder::Recorder;
use crate::caret::explained;
use crate::engine::{Engine, only_queries};
use crate::output::write;

/// Asks, and prints the answer, which is written down as well where somebody wants that.
///
/// # Errors
///
/// If the engine can't answer, or nothing can be printed.
pub(super) async fn answer(
    engine: &Engine,
    query: &str,
    print: &Print,
    recorder: Option<&Recorder>,
) -> anyhow::Result<()> {
    let explain = |error| explained(&error, query, engine);
    let frame = engine.session.sql_with_options(query, only_queries());
    let frame = frame.await.map_err(explain)?;
    let rows = frame.execute_stream().await.map_err(explain)?;
    let rows = match recorder {
        Some(recorder) => recorder.record(rows),
        None => rows,
    };
    print_rows(engine, query, rows, print).await
}

/// Prints the rows of an answer to a query.
///
/// # Errors
///
/// If they can't be had, or can't be printed.
pub(super) async fn print_rows(
    engine: &Engine,
    query: &str,
    rows: SendableRecordBatchStream,
    print: &Print,
) -> anyhow::Result<()> {
    check_output(print, |path| engine.reads(path))?;
    let output = print.output.as_deref();
    let written = if output.is_none() && stdout().is_terminal() {
        let rows = watched(&engine.progress, begun(rows)).await;
        write(rows, print.format, output).await
    } else {
        watched(&engine.progress, write(rows, print.format, output)).await
    };
    written.map_err(|error| match error.downcast() {
        Ok(of_engine) => explained(&of_engine, query, engine),
        Err(other) => other,
    })
}

/// Refuses to write an answer over what it is read from.
///
/// # Errors
///
/// If it would be.
pub(super) fn check_output(print: &Print, is_read: impl Fn(&Path) -> bool) -> anyhow::Result<()> {
    match print.output.as_deref() {
        Some(path) if is_read(path) => bail!(
            "writing {}: that file is read for the answer; write to another one",
            path.display()
        ),
        _ => Ok(()),
    }
}

/// Prints a query instead of its answer.
///
/// # Errors
///
/// [`Closed`] if nobody reads it.
pub(super) fn print_query(query: &str) -> anyhow::Result<()> {
    writeln!(stdout(), "{query}").map_err(|_| Closed.into())
}

/// The rows once the first of them are there: rows and a bar on one terminal would be in each other's way.
async fn begun(mut rows: SendableRecordBatchStream) -> SendableRecordBatchStream {
    let schema = rows.schema();
    let first = rows.next().await;
    let all = stream::iter(first).chain(rows);
    Box::pin(RecordBatchStreamAdapter::new(schema, all))
}

/// Says what must be said beside the answers.
pub(super) fn say_notes(engine: &Engine) {
    say(&engine.notes());
}

/// Says each of these.
pub(super) fn say(notes: &[String]) {
    notes.iter().for_each(|note| complain(note));
}
