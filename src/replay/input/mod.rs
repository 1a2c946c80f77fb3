//! Inputs: archives and files as records in an order that never changes.
//!
//! [`sources`] says what words mean, [`open`] opens one of them. What a file is shows in its first line: a record as an
//! archive writes them, another JSON object (NDJSON), or the first row of a table. How it is compressed shows in its first
//! bytes. Archives are in `archive`. What is common to all of them is in `rows`: which records are asked for, and what is done with those that can't
//! be used.

mod archive;
mod cells;
mod envelopes;
mod fields;
mod lines;
mod ndjson;
mod open;
mod rows;
mod source;
mod table;
mod times;

use std::io;

use jiff::tz::TimeZone;

use self::archive::ArchiveRows;
use self::cells::Cells;
use self::envelopes::Envelopes;
use self::lines::Lines;
use self::ndjson::Ndjson;
use self::rows::{Choice, RowInput};
use self::table::Table;
use super::{Input, InputError};

pub use self::source::{Source, sources};

/// What a field or a column with the time is called, where nobody says which it is.
const TIME_NAMES: [&str; 4] = ["timestamp", "time", "ts", "@timestamp"];

/// What is wanted of an input.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// How the file is read; by its first line if it isn't said.
    pub format: Option<FileFormat>,
    /// How its rows become records.
    pub typed: TypedAs,
    /// What is done with a row that can't be used.
    pub on_bad: OnBad,
    /// Only records of this time or later, in milliseconds since 1970.
    pub since_ms: Option<i64>,
    /// Only records before this time, in milliseconds since 1970.
    pub until_ms: Option<i64>,
    /// What there was of it when it was opened first, as [`Input::extent`] said then: the same records are given again.
    pub extent: Option<String>,
}

/// How the rows of a file become records.
#[derive(Debug, Clone)]
pub struct TypedAs {
    /// The field or the column that has the time; found if it isn't said. Lines that are whole records are nothing but
    /// lines then.
    pub time_field: Option<String>,
    /// The field or the column that is the key.
    pub key: Option<String>,
    /// The value of a row of a table.
    pub shape: Shape,
    /// By whose clock times are that don't say it.
    pub timezone: TimeZone,
}

impl Default for TypedAs {
    /// Nothing is said, and times are in UTC.
    fn default() -> Self {
        Self {
            time_field: None,
            key: None,
            shape: Shape::default(),
            timezone: TimeZone::UTC,
        }
    }
}

/// How a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum FileFormat {
    /// Cells between commas.
    Csv,
    /// Cells between tabs.
    Tsv,
    /// A JSON object on each line.
    Ndjson,
}

/// The value of a row of a table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Shape {
    /// An object of all columns.
    #[default]
    Object,
    /// `{"<time>": value}`, of a table of two columns.
    Pair,
}

/// What is done with a row that can't be used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum OnBad {
    /// It ends the input with an error.
    #[default]
    Stop,
    /// It is left out, and counted.
    Skip,
    /// It is sent as it stands, at the time of the row before, and counted.
    SendRaw,
}

/// Opens an input.
///
/// # Errors
///
/// If it can't be read, or its first record can't be used.
pub fn open(source: &Source, wanted: &Wanted) -> Result<Box<dyn Input>, InputError> {
    let name = source.name();
    let bytes = match source {
        Source::Archive(chosen) => {
            let opened = ArchiveRows::open(chosen, wanted);
            let (rows, topic) = opened.map_err(|why| InputError(format!("{name}: {why}")))?;
            let choice = Choice::new(name, topic, wanted);
            return Ok(Box::new(RowInput::open(rows, choice)?));
        }
        Source::File(path) => open::file(path),
        Source::StandardInput => open::standard_input(),
    };
    let failed = |error: io::Error| InputError(format!("reading {name}: {error}"));
    let lines = Lines::new(bytes.map_err(failed)?);
    file(lines, name.clone(), source.topic(), wanted)
}

/// Opens the lines of a file.
fn file(
    mut lines: Lines,
    name: String,
    topic: String,
    wanted: &Wanted,
) -> Result<Box<dyn Input>, InputError> {
    let failed = |error: io::Error| InputError(format!("reading {name}: {error}"));
    // Empty lines before the first one change nothing.
    while lines.advance().map_err(failed)? {
        if !lines.line().trim_ascii().is_empty() {
            lines.step_back();
            break;
        }
    }
    let choice = Choice::new(name, topic, wanted);
    let first = lines.line();
    let is_object = first.trim_ascii_start().starts_with(b"{");
    let delimiter = match wanted.format {
        Some(FileFormat::Csv) => Some(b','),
        Some(FileFormat::Tsv) => Some(b'\t'),
        Some(FileFormat::Ndjson) => None,
        None if is_object => None,
        None => Some(delimiter(first)),
    };
    if let Some(delimiter) = delimiter {
        let table = Table::open(Cells::new(lines, delimiter), &wanted.typed);
        let table = table.map_err(|why| InputError(format!("{}: {why}", choice.name)))?;
        return Ok(Box::new(RowInput::open(table, choice)?));
    }
    let may_be_records = wanted.format.is_none() && wanted.typed.time_field.is_none();
    match envelopes::topic(first).filter(|_| may_be_records) {
        Some(topic) => {
            let choice = Choice {
                topic: topic.clone(),
                ..choice
            };
            let records = Envelopes::new(lines, topic);
            Ok(Box::new(RowInput::open(records, choice)?))
        }
        None => {
            let rows = Ndjson::new(lines, &wanted.typed);
            Ok(Box::new(RowInput::open(rows, choice)?))
        }
    }
}

/// What stands between the cells of a table, by its first row.
fn delimiter(first: &[u8]) -> u8 {
    let known = [b'\t', b',', b';'].into_iter();
    let mut found = known.filter(|delimiter| first.contains(delimiter));
    found.next().unwrap_or(b',')
}

#[cfg(test)]
#[path = "tests/files.rs"]
mod tests;
