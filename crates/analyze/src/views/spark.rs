//! A view for Spark: one over the lines of the files, and over that one with the columns.

use std::path::Path;

use super::shape::{Member, Shape};
use super::view::{Part, View, text};
use crate::definition::Dialect;
use crate::table::columns::{Column, Kind, Of};

/// The parts of a record that its line has.
const RECORD: &str = "topic STRING, `partition` INT, `offset` BIGINT, `timestamp` BIGINT, timestamp_type STRING, \
                      key STRING, value STRING, headers STRING";

/// The statements that make it.
pub fn statements(view: &View) -> anyhow::Result<String> {
    let (mut statements, mut selects) = (String::new(), Vec::new());
    for (number, part) in view.parts.iter().enumerate() {
        let lines = Dialect::Spark.quoted(&format!("{} lines {number}", view.name));
        let paths = part.paths.iter().map(|path| pattern(path));
        let paths = paths.collect::<anyhow::Result<Vec<_>>>()?;
        let paths = match &paths[..] {
            [path] => path.clone(),
            // What doesn't begin with a slash is taken for a relative one.
            paths => {
                let below = paths.iter().map(|path| path.trim_start_matches('/'));
                format!("/{{{}}}", below.collect::<Vec<_>>().join(","))
            }
        };
        statements += &format!(
            "CREATE OR REPLACE TEMPORARY VIEW {lines} USING text OPTIONS (path {}, lineSep '\\n');\n",
            literal(&paths)
        );
        selects.push(select(view, part, &lines));
    }
    Ok(format!(
        "{statements}CREATE OR REPLACE TEMPORARY VIEW {} AS\n{};\n",
        Dialect::Spark.quoted(&view.name),
        selects.join("\nUNION ALL\n")
    ))
}

fn select(view: &View, part: &Part, lines: &str) -> String {
    let columns = view.columns.iter().map(|column| {
        let of = match part.is_envelope {
            true => of_record(column),
            false => of_value(column, &view.topic),
        };
        format!("{of} AS {}", Dialect::Spark.quoted(&column.name))
    });
    let columns = columns.collect::<Vec<_>>().join(",\n  ");
    let fields = match view.shape.0.is_empty() {
        true => String::new(),
        false => format!(
            ", from_json(text, {}) AS fields",
            literal(&members(&view.shape, " "))
        ),
    };
    let from = match part.is_envelope {
        true => format!(
            "SELECT *, record.value AS text FROM (SELECT from_json(value, {}) AS record FROM {lines})",
            literal(RECORD)
        ),
        false => format!("SELECT value AS text FROM {lines}"),
    };
    format!("SELECT\n  {columns}\nFROM (SELECT *{fields} FROM ({from}))")
}

/// A path that means itself alone, in a list between braces too.
fn pattern(path: &Path) -> anyhow::Result<String> {
    let mut pattern = String::new();
    for letter in text(path)?.chars() {
        if matches!(letter, '*' | '?' | '[' | ']' | '{' | '}' | ',' | '\\' | '^') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    Ok(pattern)
}

fn of_record(column: &Column) -> String {
    match &column.of {
        Of::Topic => "record.topic".into(),
        Of::Partition => "record.`partition`".into(),
        Of::Offset => "record.`offset`".into(),
        Of::Timestamp => "timestamp_millis(record.`timestamp`)".into(),
        Of::TimestampType => "record.timestamp_type".into(),
        Of::Key => "record.key".into(),
        Of::Value => "text".into(),
        Of::Headers => "record.headers".into(),
        Of::Field(path) => field(path),
    }
}

fn of_value(column: &Column, topic: &str) -> String {
    match &column.of {
        Of::Topic => literal(topic),
        Of::Partition => "CAST(NULL AS INT)".into(),
        Of::Offset => "CAST(NULL AS BIGINT)".into(),
        Of::Timestamp => "CAST(NULL AS TIMESTAMP)".into(),
        Of::TimestampType | Of::Key | Of::Headers => "CAST(NULL AS STRING)".into(),
        Of::Value => "text".into(),
        Of::Field(path) => field(path),
    }
}

fn field(path: &[String]) -> String {
    let names = path
        .iter()
        .map(|name| format!(".{}", Dialect::Spark.quoted(name)));
    format!("fields{}", names.collect::<String>())
}

/// The members of an object, with this between a name and its type.
fn members(shape: &Shape, between: &str) -> String {
    let members = shape.0.iter().map(|(name, member)| {
        let declared = match member {
            Member::Scalar(Kind::Boolean) => "BOOLEAN".into(),
            Member::Scalar(Kind::Integer) => "BIGINT".into(),
            Member::Scalar(Kind::Number) => "DOUBLE".into(),
            Member::Scalar(Kind::Text) => "STRING".into(),
            Member::Object(inside) => format!("STRUCT<{}>", members(inside, ": ")),
        };
        format!("{}{between}{declared}", Dialect::Spark.quoted(name))
    });
    members.collect::<Vec<_>>().join(", ")
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}
