//! What is wrong with a query, and where in it: one line, and then the query's line with a caret.

use archiver::terminal::nearest;
use datafusion::common::diagnostic::Diagnostic;
use datafusion::error::DataFusionError;

use crate::definition::condition::condition;
use crate::definition::sql::TOO_MANY;
use crate::engine::{Engine, ONLY};
use crate::plain::plain;

/// Why the engine doesn't answer.
#[derive(Debug, thiserror::Error)]
#[error("{said}")]
pub struct Explained {
    said: String,
    /// Of which kind that is.
    pub why: Why,
}

/// What keeps the engine from answering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// What is asked can't be answered, or not of these records.
    Query,
    /// It needs more memory than it may have.
    Memory,
    /// Something can't be read.
    Reading,
}

/// The error, as it is printed.
pub fn explained(error: &DataFusionError, sql: &str, engine: &Engine) -> anyhow::Error {
    let why = match error.find_root() {
        DataFusionError::ResourcesExhausted(_) => Why::Memory,
        DataFusionError::External(_)
        | DataFusionError::IoError(_)
        | DataFusionError::ObjectStore(_)
        | DataFusionError::ParquetError(_) => Why::Reading,
        _ => Why::Query,
    };
    let said = said(error, sql, engine);
    Explained { said, why }.into()
}

/// Looks at a filter as it was typed, before it stands in the middle of a query.
///
/// # Errors
///
/// If it names what the only source doesn't have; the caret is in what was typed.
pub async fn check_filter(engine: &Engine, typed: Option<&str>) -> anyhow::Result<()> {
    let Some(typed) = typed else {
        return Ok(());
    };
    // What can't be parsed is told where it is made a condition.
    condition(typed)?;
    let records = engine.session.table(ONLY).await;
    let parsed = records.and_then(|records| records.parse_sql_expr(typed));
    match parsed {
        Ok(_) => Ok(()),
        Err(error) => Err(explained(&error, typed, engine).context("reading the filter")),
    }
}

fn said(error: &DataFusionError, sql: &str, engine: &Engine) -> String {
    let mut said = plain(error);
    if said.contains(TOO_MANY) {
        return format!(
            "{TOO_MANY} of a group: is each time right? leave fill out, or ask for less with --since or --filter"
        );
    }
    if let Some(known) = meant(&said, engine) {
        said = known;
    }
    let place = place(error, &said).or_else(|| unknown(&said, sql));
    match place.and_then(|(line, column)| pointed(sql, line, column)) {
        Some(pointed) => format!("{said}\n{pointed}"),
        None => said,
    }
}

/// A table that doesn't exist, and the one that was meant.
fn meant(said: &str, engine: &Engine) -> Option<String> {
    let rest = said.strip_prefix("table '")?;
    let name = rest.split('\'').next()?.rsplit('.').next()?;
    let mut names = engine
        .tables
        .iter()
        .map(|(name, _)| &name[..])
        .collect::<Vec<_>>();
    if let [_] = names[..] {
        names.push(ONLY);
    }
    let known = names.join(", ");
    Some(match nearest(name, names) {
        Some(near) => format!("there is no table {name}; did you mean {near}? There is {known}"),
        None => format!("there is no table {name}; there is {known}"),
    })
}

/// Where it is, line and column from 1 on.
fn place(error: &DataFusionError, said: &str) -> Option<(usize, usize)> {
    let span = error.diagnostic().and_then(|Diagnostic { span, .. }| *span);
    if let Some(span) = span {
        let (line, column) = (span.start.line, span.start.column);
        return Some((usize::try_from(line).ok()?, usize::try_from(column).ok()?));
    }
    let behind = said.split_once("Line: ")?.1;
    let (line, behind) = behind.split_once(", Column: ")?;
    let digits = behind.find(|c: char| !c.is_ascii_digit());
    let column = &behind[..digits.unwrap_or(behind.len())];
    Some((line.parse().ok()?, column.parse().ok()?))
}

/// Where a field stands that there is none of.
fn unknown(said: &str, sql: &str) -> Option<(usize, usize)> {
    let behind = said.strip_prefix("No field named ")?;
    let (name, _) = behind.split_once(". ").or(behind.split_once('.'))?;
    let name = name.rsplit('.').next()?.trim_matches('"');
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let (at, _) = sql.match_indices(name).find(|(at, _)| {
        let (before, behind) = (&sql[..*at], &sql[at + name.len()..]);
        !before.ends_with(is_part) && !behind.starts_with(is_part)
    })?;
    let line = sql[..at].matches('\n').count() + 1;
    let begins = sql[..at].rfind('\n').map_or(0, |end| end + 1);
    Some((line, sql[begins..at].chars().count() + 1))
}

/// A line of the query, and a caret below this column of it.
fn pointed(sql: &str, line: usize, column: usize) -> Option<String> {
    let text = sql.lines().nth(line.checked_sub(1)?)?;
    let before = text.chars().take(column.checked_sub(1)?);
    let blanks = before.map(|c| if c == '\t' { '\t' } else { ' ' });
    Some(format!("    {text}\n    {}^", blanks.collect::<String>()))
}
