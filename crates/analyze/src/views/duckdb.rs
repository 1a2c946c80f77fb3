//! A view for DuckDB. Each line is read as JSON, and taken apart by the shape of the columns.

use std::path::Path;

use archiver_format::compression::Algorithm;

use super::shape::{Member, Shape};
use super::view::{Part, View, text};
use crate::definition::Dialect::DuckDb;
use crate::table::columns::{Column, Kind, Of};

/// The parts of a record that its line has.
const RECORD: &str = r#"{"topic":"VARCHAR","partition":"INTEGER","offset":"BIGINT","timestamp":"BIGINT","timestamp_type":"VARCHAR","key":"VARCHAR","value":"JSON","headers":"JSON"}"#;

/// The statement that makes it.
pub fn statements(view: &View) -> anyhow::Result<String> {
    let mut selects = Vec::new();
    for part in &view.parts {
        selects.push(select(view, part)?);
    }
    Ok(format!(
        "CREATE OR REPLACE VIEW {} AS\n{};\n",
        DuckDb.quoted(&view.name),
        selects.join("\nUNION ALL BY NAME\n")
    ))
}

fn select(view: &View, part: &Part) -> anyhow::Result<String> {
    let lines = lines(part)?;
    let columns = view.columns.iter().map(|column| {
        let of = match part.is_envelope {
            true => of_record(column),
            false => of_value(column, &view.topic),
        };
        format!("{of} AS {}", DuckDb.quoted(&column.name))
    });
    let columns = columns.collect::<Vec<_>>().join(",\n  ");
    let fields = match view.shape.0.is_empty() {
        true => String::new(),
        false => {
            let shape = DuckDb.text(&structure(&view.shape));
            format!(", from_json(CASE WHEN json_valid(text) THEN text END, {shape}) AS fields")
        }
    };
    let from = match part.is_envelope {
        true => format!(
            "SELECT *, record.value ->> '$' AS text FROM (SELECT from_json(json, {}) AS record FROM {lines})",
            DuckDb.text(RECORD)
        ),
        false => format!("SELECT CAST(json AS VARCHAR) AS text FROM {lines}"),
    };
    Ok(format!(
        "SELECT\n  {columns}\nFROM (SELECT *{fields} FROM ({from}))"
    ))
}

/// All lines. One that is no JSON is null.
fn lines(part: &Part) -> anyhow::Result<String> {
    let paths = part.paths.iter().map(|path| pattern(path));
    let paths = paths.collect::<anyhow::Result<Vec<_>>>()?;
    let compression = match part.compression {
        Algorithm::None => "uncompressed",
        other => other.name(),
    };
    Ok(format!(
        "read_ndjson_objects([{}], compression = '{compression}', ignore_errors = true)",
        paths.join(", ")
    ))
}

/// A path that means itself alone.
fn pattern(path: &Path) -> anyhow::Result<String> {
    let mut pattern = String::new();
    for letter in text(path)?.chars() {
        match letter {
            '*' | '?' | '[' => pattern.extend(['[', letter, ']']),
            letter => pattern.push(letter),
        }
    }
    Ok(DuckDb.text(&pattern))
}

fn of_record(column: &Column) -> String {
    match &column.of {
        Of::Topic => "record.topic".into(),
        Of::Partition => "record.\"partition\"".into(),
        Of::Offset => "record.\"offset\"".into(),
        Of::Timestamp => "make_timestamptz(record.\"timestamp\" * 1000)".into(),
        Of::TimestampType => "record.timestamp_type".into(),
        Of::Key => "record.key".into(),
        Of::Value => "text".into(),
        Of::Headers => "CAST(record.headers AS VARCHAR)".into(),
        Of::Field(path) => field(path),
    }
}

fn of_value(column: &Column, topic: &str) -> String {
    match &column.of {
        Of::Topic => format!("CAST({} AS VARCHAR)", DuckDb.text(topic)),
        Of::Partition => "CAST(NULL AS INTEGER)".into(),
        Of::Offset => "CAST(NULL AS BIGINT)".into(),
        Of::Timestamp => "CAST(NULL AS TIMESTAMPTZ)".into(),
        Of::TimestampType | Of::Key | Of::Headers => "CAST(NULL AS VARCHAR)".into(),
        Of::Value => "text".into(),
        Of::Field(path) => field(path),
    }
}

fn field(path: &[String]) -> String {
    let names = path.iter().map(|name| format!(".{}", DuckDb.quoted(name)));
    format!("fields{}", names.collect::<String>())
}

/// The shape, as JSON.
fn structure(shape: &Shape) -> String {
    let members = shape.0.iter().map(|(name, member)| {
        let declared = match member {
            Member::Scalar(Kind::Boolean) => "\"BOOLEAN\"".into(),
            Member::Scalar(Kind::Integer) => "\"BIGINT\"".into(),
            Member::Scalar(Kind::Number) => "\"DOUBLE\"".into(),
            Member::Scalar(Kind::Text) => "\"VARCHAR\"".into(),
            Member::Object(inside) => structure(inside),
        };
        format!("{}:{declared}", serde_json::Value::from(name.as_str()))
    });
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}
