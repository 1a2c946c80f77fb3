//! NDJSON: a JSON object on each line. The line as it stands is the value; a field of it is the time.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::fields::{Found, Wanted, text};
use super::lines::Lines;
use super::rows::{Bad, Row, Rows, of_one_line};
use super::times::{Times, shortened};
use super::wanted::{TIME_NAMES, TypedAs};
use crate::replay::Outgoing;

/// Reads NDJSON.
pub(super) struct Ndjson {
    lines: Lines,
    times: Times,
    /// Unknown until the first line that can be used, unless it was typed.
    time_field: Option<String>,
    key: Option<String>,
}

impl Ndjson {
    /// Lines with the time in this field, or in the first of [`TIME_NAMES`] that is a time in the first line.
    pub fn new(lines: Lines, typed: &TypedAs) -> Self {
        Self {
            lines,
            times: Times::new(typed.timezone.clone()),
            time_field: typed.time_field.clone(),
            key: typed.key.clone(),
        }
    }

    fn bad(&self, field: Option<&str>, why: String) -> Row {
        let place = match field {
            Some(field) => format!("line {}, field {field}", self.lines.number()),
            None => format!("line {}", self.lines.number()),
        };
        Row::Bad(Bad {
            place,
            why,
            bytes: self.lines.line().to_vec(),
        })
    }

    /// The field that the time is in by the line that was gone on to; `None` if that is no object.
    fn find_time(&self) -> Result<Option<String>, String> {
        let fields = serde_json::from_slice::<BTreeMap<String, &RawValue>>(self.lines.line());
        let Ok(fields) = fields else {
            return Ok(None);
        };
        let is_time = |value: &RawValue| self.times.clone().read(&text(value)).is_ok();
        let found = TIME_NAMES.iter().find_map(|wanted| {
            let mut fields = fields.iter();
            fields.find(|(name, value)| name.eq_ignore_ascii_case(wanted) && is_time(value))
        });
        match found {
            Some((name, _)) => Ok(Some(name.clone())),
            None => {
                let known = fields.into_keys().collect::<Vec<_>>().join(", ");
                Err(format!(
                    "line {}: no time in {}; name the field that has it with --time-field (there are {})",
                    self.lines.number(),
                    TIME_NAMES.join(", "),
                    shortened(&known)
                ))
            }
        }
    }

    /// The record of the line that was gone on to.
    fn record(&mut self, time_field: &str) -> Row {
        let wanted = Wanted {
            time: time_field,
            key: self.key.as_deref(),
        };
        let line = self.lines.line();
        let Found { time, key } = match wanted.find(line) {
            Ok(found) => found,
            Err(error) => {
                return self.bad(
                    None,
                    format!("it is no JSON object: {}", of_one_line(&error)),
                );
            }
        };
        let Some(time) = time else {
            let why = format!("it isn't there (there are {})", fields(line));
            return self.bad(Some(time_field), why);
        };
        match self.times.read(&text(time)) {
            Ok(time_ns) => Row::Record(Outgoing {
                time_ns,
                key: (key.filter(|key| key.get() != "null"))
                    .map(|key| text(key).into_owned().into_bytes()),
                value: Some(line.to_vec()),
                ..Outgoing::default()
            }),
            Err(error) => self.bad(Some(time_field), error.to_string()),
        }
    }
}

/// The names of the fields that a line has.
fn fields(line: &[u8]) -> String {
    let fields = serde_json::from_slice::<BTreeMap<String, &RawValue>>(line);
    let names = fields.map_or_else(|_| Vec::new(), |fields| fields.into_keys().collect());
    match names.is_empty() {
        true => "none".into(),
        false => shortened(&names.join(", ")),
    }
}

impl Rows for Ndjson {
    fn next(&mut self) -> Result<Row, String> {
        let is_there = self.lines.advance_to_text();
        if !is_there.map_err(|error| error.to_string())? {
            return Ok(Row::End);
        }
        let time_field = match self.time_field.take() {
            Some(field) => Some(field),
            None => self.find_time()?,
        };
        let Some(time_field) = time_field else {
            return Ok(self.record(""));
        };
        let row = self.record(&time_field);
        self.time_field = Some(time_field);
        Ok(row)
    }

    fn description(&self) -> String {
        let field = self.time_field.as_deref();
        let unit = self.times.unit().map_or("dates", |unit| unit.name());
        match field {
            Some(field) => format!("NDJSON, with times ({unit}) in the field {field}"),
            None => "NDJSON without a line".into(),
        }
    }
}
