//! A query for another engine: a line that says what it reads, in which the engine's own package reads how, then SQL.

use archiver::cli::{UsageError, usage};
use serde::Serialize;

use crate::ask::asked::POINTS;
use crate::definition::{Analysis, Dialect, live, points, sql};
use crate::table::columns::{Column, Kind, Of};

/// What a query reads.
#[derive(Serialize)]
struct Header<'a> {
    dialect: String,
    archive: &'a str,
    time: &'a str,
    event_ms: String,
    fields: Vec<Field<'a>>,
}

/// A field of the value, and the column that it is.
#[derive(Serialize)]
struct Field<'a> {
    column: &'a str,
    path: &'a [String],
    kind: &'static str,
}

/// The query of an analysis, for this engine, over a table with these columns.
///
/// # Errors
///
/// If the engine can't do it.
pub(super) fn emitted(
    of: &Analysis,
    dialect: Dialect,
    columns: &[Column],
) -> anyhow::Result<String> {
    let query = query(of, dialect)?;
    let fields = columns.iter().filter_map(|column| match &column.of {
        Of::Field(path) => Some(Field {
            column: &column.name,
            path,
            kind: match column.kind {
                Kind::Boolean => "boolean",
                Kind::Integer => "integer",
                Kind::Number => "number",
                Kind::Text => "text",
            },
        }),
        _ => None,
    });
    let header = Header {
        dialect: dialect.to_string(),
        archive: &of.source,
        time: of.time.as_ref().map_or("timestamp", |time| &time.column),
        event_ms: sql::event_ms(of, dialect),
        fields: fields.collect(),
    };
    let header = serde_json::to_string(&header)?;
    Ok(format!("-- archiver-analyze {header}\n{query}"))
}

fn query(of: &Analysis, dialect: Dialect) -> anyhow::Result<String> {
    let refused = |what: &str| usage(&format!("{dialect} {what}"));
    let windows = match (&of.windows, of.detection) {
        (Some(windows), None) => windows,
        (None, None) => return Err(nothing_to_do().into()),
        _ if dialect == Dialect::FlinkLive => {
            return Err(refused("has windows alone; ask for no anomalies").into());
        }
        _ => {
            let anomalies = points::anomalies(of, POINTS, dialect);
            let points = points::points(of, dialect);
            return Ok(format!("WITH {POINTS} AS ({points})\n{anomalies}"));
        }
    };
    if windows.fill.is_some() && dialect.starts("", "", 1).is_none() {
        return Err(refused("can't make rows for empty windows; leave fill out").into());
    }
    match dialect {
        Dialect::FlinkLive => Ok(live::query(of, windows).map_err(|e| usage(&e))?),
        dialect => Ok(sql::query(of, windows, dialect)),
    }
}

/// Points can be drawn as they are; rows of an answer need more.
pub(super) fn nothing_to_do() -> UsageError {
    usage("there is nothing to do: say windows, or how anomalies are found")
}
