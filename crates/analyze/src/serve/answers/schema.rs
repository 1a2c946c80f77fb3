//! The columns of an archive or a file.

use archiver_format::read::Selection;
use serde::Serialize;

use crate::serve::opening::Opening;
use crate::serve::problem::Problem;
use crate::table::columns::{Column, Kind, Of};

/// The columns of an archive or a file.
#[derive(Debug, Serialize)]
pub struct Schema {
    source: String,
    columns: Vec<Shown>,
    /// Do its records have timestamps? Without, since and until choose nothing.
    has_timestamps: bool,
    notes: Vec<String>,
}

/// A column.
#[derive(Debug, Serialize)]
struct Shown {
    name: String,
    kind: &'static str,
    /// A field of the value, not a part of the record.
    is_field: bool,
}

impl From<&Column> for Shown {
    fn from(column: &Column) -> Self {
        let is_field = matches!(column.of, Of::Field(_));
        let kind = match (&column.of, column.kind) {
            (Of::Timestamp, _) => "timestamp",
            (Of::Partition | Of::Offset, _) | (Of::Field(_), Kind::Integer) => "integer",
            (Of::Field(_), Kind::Boolean) => "boolean",
            (Of::Field(_), Kind::Number) => "number",
            _ => "text",
        };
        Self {
            name: column.name.clone(),
            kind,
            is_field,
        }
    }
}

/// The columns of what is called like this.
///
/// # Errors
///
/// If it isn't there, or can't be read.
pub async fn answer(opening: &Opening, source: String) -> Result<Schema, Problem> {
    let engine = opening.one(&source, &Selection::default()).await?;
    let columns = engine.only()?.columns();
    let is_time = |column: &Column| column.of == Of::Timestamp && column.name == "timestamp";
    Ok(Schema {
        columns: columns.iter().map(Shown::from).collect(),
        has_timestamps: columns.iter().any(is_time),
        notes: engine.notes(),
        source,
    })
}
