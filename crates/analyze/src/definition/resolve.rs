//! From the names of a definition to the columns of a table.

use anyhow::{anyhow, bail};
use archiver::cli::{UsageError, usage};
use archiver::terminal::nearest;

use super::condition::condition;
use super::points::metrics;
use super::written::Definition;
use super::{Aggregate, Analysis, Named, Time, Windows, Written};
use crate::table::columns::{Column, Kind, Of};

/// What the answer of an analysis calls its own columns, beside those of groups.
const TAKEN: [&str; 10] = [
    "window_start",
    "window_end",
    "metric",
    "time",
    "value",
    "expected",
    "lower",
    "upper",
    "score",
    "method",
];

/// The definition, with the columns of this table in place of names.
///
/// # Errors
///
/// If the table has no such columns, or the definition makes no sense.
pub fn resolve(
    definition: &Definition,
    columns: &[Column],
    table: &str,
) -> anyhow::Result<Analysis> {
    let named = |name: &String| {
        column(columns, name, table).map(|column| Named {
            column: column.name.clone(),
            name: name.clone(),
            kind: column.measured(),
        })
    };
    check_names(definition)?;
    let windows = windows(definition)?;
    let has_timestamps = columns
        .iter()
        .any(|column| column.of == Of::Timestamp && column.name == "timestamp");
    if definition.time.is_none() && !has_timestamps {
        return Err(
            usage("a file has no timestamps of records: name the field with the time").into(),
        );
    }
    let analysis = Analysis {
        source: table.to_owned(),
        time: definition
            .time
            .as_ref()
            .map(|name| time(columns, name, table))
            .transpose()?,
        values: definition
            .value
            .iter()
            .map(named)
            .collect::<Result<_, _>>()?,
        by: definition.by.iter().map(named).collect::<Result<_, _>>()?,
        filter: definition.filter.as_deref().map(condition).transpose()?,
        windows,
        detection: definition.anomalies,
    };
    let measures = metrics(&analysis);
    if let Some(taken) = definition.by.iter().find(|name| measures.contains(name)) {
        return Err(usage(&format!(
            "the answer has {taken} as what is measured, so records can't be told apart by a field of that name; have two values, and it is called {taken}_… there"
        ))
        .into());
    }
    Ok(analysis)
}

/// Names that can't stand together.
fn check_names(definition: &Definition) -> anyhow::Result<()> {
    if let Some(taken) = definition.by.iter().find(|name| TAKEN.contains(&&name[..])) {
        bail!(
            "the answer has a column {taken} of its own, so records can't be told apart by a field of that name; give the field another name by a view"
        );
    }
    for names in [&definition.by, &definition.value] {
        if let Some(twice) = twice(names) {
            return Err(usage(&format!("{twice} is named twice")).into());
        }
    }
    if let Some(twice) = twice(&definition.aggregates) {
        return Err(usage(&format!("{twice} is asked for twice")).into());
    }
    if let Some(detection) = definition.anomalies
        && detection.history.ms().min(detection.period.ms()) == 0
    {
        return Err(usage("a history and a period can't be shorter than a millisecond").into());
    }
    if definition.value.is_empty() {
        return Err(usage("name at least one field that is measured").into());
    }
    Ok(())
}

/// The windows, and what is measured in them.
fn windows(definition: &Definition) -> Result<Option<Windows>, UsageError> {
    let windows = definition.window.map(|window| window.window()).transpose();
    let windows = windows.map_err(|e| usage(&e))?;
    if windows.is_none() && definition.fill.is_some() {
        return Err(usage("only windows can be empty: fill needs a window"));
    }
    if windows.is_none() && !definition.aggregates.is_empty() {
        return Err(usage("aggregates are of windows: say which window"));
    }
    let aggregates = match &definition.aggregates[..] {
        [] => vec![Aggregate::Count],
        some => some.to_vec(),
    };
    let windows = windows.map(|window| Windows {
        window,
        aggregates,
        fill: definition.fill,
    });
    if matches!(&windows, Some(windows) if windows.fill.is_some() && windows.window.size_and_every().is_none())
    {
        return Err(usage(
            "a session is never empty: fill needs tumbling or sliding windows",
        ));
    }
    Ok(windows)
}

/// The first that stands there twice.
pub fn twice<T: PartialEq>(all: &[T]) -> Option<&T> {
    let mut numbered = all.iter().enumerate();
    let found = numbered.find(|(number, one)| all[..*number].contains(one));
    found.map(|(_, one)| one)
}

/// The column of a field: that of the value, if a part of the record is called the same.
///
/// # Errors
///
/// If there is none.
pub fn column<'t>(columns: &'t [Column], name: &str, table: &str) -> anyhow::Result<&'t Column> {
    let is_field =
        |column: &&Column| matches!(&column.of, Of::Field(path) if path.join(".") == name);
    let is_called = |column: &&Column| column.name == name;
    let found = columns.iter().find(is_field);
    found
        .or_else(|| columns.iter().find(is_called))
        .ok_or_else(|| no_field(name, columns, table))
}

/// What is said of a name that no column has, with the one that may be meant.
pub fn no_field(name: &str, columns: &[Column], table: &str) -> anyhow::Error {
    match nearest(name, columns.iter().map(|column| &column.name[..])) {
        Some(near) => anyhow!("there is no field {name}; did you mean {near}?"),
        None => anyhow!("there is no field {name}; DESCRIBE {table} shows those that there are"),
    }
}

/// The column with the time, and how it says it.
///
/// # Errors
///
/// If there is none, or it can't be a time.
pub fn time(columns: &[Column], name: &str, table: &str) -> anyhow::Result<Time> {
    let column = column(columns, name, table)?;
    let written = match (&column.of, column.kind) {
        (Of::Timestamp, _) => Written::Timestamp,
        (Of::Field(_), Kind::Integer) => Written::Integer,
        (Of::Field(_), Kind::Number) => Written::Number,
        (Of::Field(_), Kind::Text) => Written::Text,
        _ => return Err(anyhow!("{name} is no time")),
    };
    Ok(Time {
        column: column.name.clone(),
        written,
    })
}
