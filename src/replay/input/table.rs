//! Tables: CSV and TSV. The first row has the names of the columns, unless a cell of it is a number or a date: then they are
//! called `column1`, `column2` and so on. The value of a row is a JSON object of all its cells.

use super::cells::{Cells, to_json, to_json_text};
use super::rows::{Bad, Row, Rows};
use super::times::{Times, is_likely, is_number_or_date, shortened};
use super::wanted::{Shape, TIME_NAMES, TypedAs};
use crate::replay::Outgoing;

/// Reads a table.
pub(super) struct Table {
    cells: Cells,
    times: Times,
    columns: Vec<Column>,
    time: usize,
    key: Option<usize>,
    shape: Shape,
    /// Are there names in the first row?
    has_header: bool,
}

struct Column {
    name: String,
    /// As a name in a JSON object, with its colon.
    json: Vec<u8>,
}

impl Table {
    /// Reads the names of the columns, and finds the one that has the time: the one that was typed, or one that is called
    /// like a time, or else the first one whose first value can hardly be anything else.
    ///
    /// # Errors
    ///
    /// If it can't be read, or it isn't known where the times are.
    pub fn open(mut cells: Cells, typed: &TypedAs) -> Result<Self, String> {
        let io = |error: std::io::Error| error.to_string();
        let mut has_header = false;
        let mut names = Vec::new();
        let any = cells.advance().map_err(io)?;
        if any {
            let row = cells
                .iter()
                .map(String::from_utf8_lossy)
                .collect::<Vec<_>>();
            let is_named = |cell| typed.time_field.as_deref() == Some(cell);
            has_header = row.iter().any(|cell| is_named(cell))
                || !row.iter().any(|cell| is_number_or_date(cell));
            names.extend((1..).zip(row).map(|(number, cell)| match cell.trim() {
                name if has_header && !name.is_empty() => name.to_owned(),
                _ => format!("column{number}"),
            }));
        }
        if any && (!has_header || cells.advance().map_err(io)?) {
            cells.step_back();
        }
        let time = match names.is_empty() {
            true => 0,
            false => find_time(&names, &cells, typed)?,
        };
        let key = typed.key.as_deref().filter(|_| any);
        let key = key.map(|key| named(&names, key)).transpose()?;
        if any && typed.shape == Shape::Pair && names.len() != 2 {
            let columns = names.len();
            return Err(format!(
                "--shape pair is for a table of two columns, a time and a value; it has {columns}"
            ));
        }
        let column = |name: String| {
            let json = format!("{}:", serde_json::Value::from(name.as_str()));
            let json = json.into_bytes();
            Column { name, json }
        };
        Ok(Self {
            cells,
            times: Times::new(typed.timezone.clone()),
            columns: names.into_iter().map(column).collect(),
            time,
            key,
            shape: typed.shape,
            has_header,
        })
    }

    /// What a column is called in messages.
    fn called(&self, column: &Column) -> String {
        match column.name.strip_prefix("column") {
            Some(number) if !self.has_header => format!("column {number}"),
            _ => format!("column {}", column.name),
        }
    }

    fn bad(&self, column: Option<usize>, why: String) -> Row {
        let line = self.cells.line();
        let column = column.and_then(|column| self.columns.get(column));
        Row::Bad(Bad {
            place: match column {
                Some(column) => format!("line {line}, {}", self.called(column)),
                None => format!("line {line}"),
            },
            why,
            bytes: self.cells.raw().to_vec(),
        })
    }

    /// The record of the row that was gone on to.
    fn record(&mut self) -> Row {
        let (found, expected) = (self.cells.len(), self.columns.len());
        if found == expected && self.cells.is_run_together() {
            let last = self.cells.last_line();
            let why = format!(
                "text stands behind a quote that ends a cell; one that is opened here isn't closed before line {last}"
            );
            return self.bad(None, why);
        }
        if found != expected {
            let (first, last) = (self.cells.line(), self.cells.last_line());
            let quoted = match first < last {
                true => format!(", and its quotes go on up to line {last}"),
                false => String::new(),
            };
            return self.bad(
                None,
                format!("it has {found} cells, where there are {expected} columns{quoted}"),
            );
        }
        let time = std::str::from_utf8(self.cells.get(self.time));
        let time_ns = match time.map(|time| self.times.read(time)) {
            Ok(Ok(time_ns)) => time_ns,
            Ok(Err(error)) => return self.bad(Some(self.time), error.to_string()),
            Err(_) => return self.bad(Some(self.time), NOT_UTF8.into()),
        };
        let value = match self.value() {
            Ok(value) => value,
            Err(column) => return self.bad(Some(column), NOT_UTF8.into()),
        };
        let key = self.key.map(|key| self.cells.get(key));
        Row::Record(Outgoing {
            time_ns,
            key: key.filter(|key| !key.is_empty()).map(<[u8]>::to_vec),
            value: Some(value),
            ..Outgoing::default()
        })
    }

    /// The value of the row; or the column that can't be in it.
    fn value(&self) -> Result<Vec<u8>, usize> {
        let mut json = Vec::with_capacity(64 + self.cells.raw().len() + 16 * self.columns.len());
        json.push(b'{');
        if self.shape == Shape::Pair {
            let value = 1 - self.time;
            to_json_text(self.cells.get(self.time), &mut json).map_err(|_| self.time)?;
            json.push(b':');
            to_json(self.cells.get(value), &mut json).map_err(|_| value)?;
        } else {
            for (number, column) in self.columns.iter().enumerate() {
                if number > 0 {
                    json.push(b',');
                }
                json.extend_from_slice(&column.json);
                to_json(self.cells.get(number), &mut json).map_err(|_| number)?;
            }
        }
        json.push(b'}');
        Ok(json)
    }
}

const NOT_UTF8: &str = "it is no UTF-8, which JSON is";

/// The column of a name.
fn named(names: &[String], name: &str) -> Result<usize, String> {
    let found = names.iter().position(|known| known == name);
    found.ok_or_else(|| {
        let known = shortened(&names.join(", "));
        format!("it has no column {name}; there are {known}")
    })
}

/// The column that has the time, by its name or by the row that comes next.
fn find_time(names: &[String], next: &Cells, typed: &TypedAs) -> Result<usize, String> {
    if let Some(name) = &typed.time_field {
        return named(names, name);
    }
    let called = TIME_NAMES.iter().find_map(|wanted| {
        let mut names = names.iter();
        names.position(|name| name.eq_ignore_ascii_case(wanted))
    });
    let mut first = next.iter().map(std::str::from_utf8);
    let likely = || first.position(|cell| cell.is_ok_and(is_likely));
    called.or_else(likely).ok_or_else(|| {
        let known = shortened(&names.join(", "));
        format!("it isn't known which column has the time; name it with --time-field (there are {known})")
    })
}

impl Rows for Table {
    fn next(&mut self) -> Result<Row, String> {
        match self.cells.advance().map_err(|error| error.to_string())? {
            true => Ok(self.record()),
            false => Ok(Row::End),
        }
    }

    fn description(&self) -> String {
        let unit = self.times.unit().map_or("dates", |unit| unit.name());
        let header = match self.has_header {
            true => "",
            false => " without a row of names",
        };
        match self.columns.get(self.time) {
            Some(time) => format!(
                "a table{header}, with times ({unit}) in {}",
                self.called(time)
            ),
            None => "a table without a row".into(),
        }
    }
}
