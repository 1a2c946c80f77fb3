//! Inputs: archives and files as records in an order that never changes.
//!
//! [`sources`] says what words mean, [`open`] opens one of them. What a file is shows in its first line: a record as an
//! archive writes them, another JSON object (NDJSON), or the first row of a table. How it is compressed shows in its first
//! bytes. Archives are in `archive`. What is common to all of them is in `rows`: which records are asked for, and what is done with those that can't
//! be used.

mod archive;
mod cells;
mod deferred;
mod envelopes;
mod fields;
mod lines;
mod ndjson;
mod open;
mod rows;
mod source;
mod table;
mod times;
mod wanted;

use std::io;

use memchr::memchr;

use self::archive::ArchiveRows;
use self::cells::Cells;
use self::deferred::Deferred;
use self::envelopes::Envelopes;
use self::lines::Lines;
use self::ndjson::Ndjson;
use self::rows::{Choice, RowInput};
use self::table::Table;
use super::{Input, InputError};

pub use self::source::{Source, sources};
pub use self::wanted::{FileFormat, OnBad, Shape, TypedAs, Wanted};

/// The error of a process that has as many files open as it may.
const EMFILE: i32 = rustix::io::Errno::MFILE.raw_os_error();

/// Opens an input.
///
/// # Errors
///
/// If it can't be read, or its first record can't be used.
pub fn open(source: &Source, wanted: &Wanted) -> Result<Box<dyn Input>, InputError> {
    let name = source.name();
    let bytes = match source {
        Source::Archive(chosen) => {
            without_key(&name, wanted)?;
            let opened = ArchiveRows::open(chosen, wanted);
            let (rows, topic) = opened.map_err(|why| InputError(format!("{name}: {why}")))?;
            let choice = Choice::new(name, topic, wanted);
            return Ok(Box::new(RowInput::open(rows, choice)?));
        }
        Source::File(path) => open::file(path),
        Source::StandardInput => open::standard_input(),
    };
    let lines = bytes.map_err(|error| {
        let advice = match error.raw_os_error() == Some(EMFILE) {
            true => "; so many are read at the same time that more must be allowed (ulimit -n)",
            false => "",
        };
        InputError(format!("reading {name}: {error}{advice}"))
    });
    let lines = Lines::new(lines?);
    file(lines, name.clone(), source.topic(), wanted)
}

/// The same, but closed until it is due if it can be opened again: for those who read many.
///
/// # Errors
///
/// As [`open`].
pub fn open_later(source: &Source, wanted: &Wanted) -> Result<Box<dyn Input>, InputError> {
    match open_again(source) {
        true => Ok(Box::new(Deferred::new(source, wanted, open)?)),
        false => open(source, wanted),
    }
}

/// Can it be opened as often as one likes, with the same records? A pipe can't, nor can a device.
pub fn open_again(source: &Source) -> bool {
    match source {
        Source::Archive(_) => true,
        Source::File(path) => path.is_file(),
        Source::StandardInput => false,
    }
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
    if lines.advance_to_text().map_err(failed)? {
        lines.step_back();
    }
    let first = lines.line();
    if memchr(0, first).is_some() {
        let binary = "it is binary, and neither lines of JSON nor a table";
        return Err(InputError(format!("reading {name}: {binary}")));
    }
    let choice = Choice::new(name, topic, wanted);
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
            without_key(&choice.name, wanted)?;
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

/// Refuses a field that is to be the key where records have what they have.
fn without_key(name: &str, wanted: &Wanted) -> Result<(), InputError> {
    match &wanted.typed.key {
        None => Ok(()),
        Some(key) => Err(InputError(format!(
            "{name}: its records are sent with the keys that they had, and --key {key} is for lines of JSON and tables; leave \
             it out"
        ))),
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

#[cfg(test)]
#[path = "tests/deferred.rs"]
mod deferred_tests;
