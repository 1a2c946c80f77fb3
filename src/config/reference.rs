//! What the documentation says of the keys: tables for the reference page, and a JSON schema for editors.

use serde_json::{Value as Json, json};

use super::key_kind::{DefaultValue, Row};
use super::keys::{KEYS, TOP};
use super::schema::object;

/// What there is to say of a key, with code between backquotes.
pub struct Described {
    /// The key.
    pub name: &'static str,
    /// What holds without it; nothing if it is empty then.
    pub default: String,
    /// What its value can be.
    pub limits: String,
    /// What it means.
    pub help: &'static str,
}

/// For each kind of table, its header (nothing for the top of the file) and its keys.
pub fn keys() -> Vec<(&'static str, Vec<Described>)> {
    let mut tables: Vec<(&'static str, Vec<Described>)> = Vec::new();
    for row in KEYS {
        let Some(place) = row.places.first() else {
            continue;
        };
        let header = place.header();
        let table = tables.iter_mut().find(|(name, _)| *name == header);
        match table {
            Some((_, keys)) => keys.push(described(row)),
            None => tables.push((header, vec![described(row)])),
        }
    }
    tables
}

fn described(row: &Row) -> Described {
    let default = match row.default {
        DefaultValue::Required => "required".to_owned(),
        DefaultValue::RequiredWithout(other) => format!("required without `{other}`"),
        DefaultValue::Typed("{}") => String::new(),
        DefaultValue::Typed(value) => format!("`{value}`"),
        DefaultValue::Told(words) => words.to_owned(),
    };
    Described {
        name: row.name,
        default,
        limits: row.kind.limits(),
        help: row.help,
    }
}

/// The same as tables in Markdown.
pub fn tables() -> Vec<(&'static str, String)> {
    let tables = keys().into_iter().map(|(header, keys)| {
        let head = "| key | default | possible | meaning |\n|---|---|---|---|\n";
        let lines = keys.iter().map(line).collect::<String>();
        (header, head.to_owned() + &lines)
    });
    tables.collect()
}

/// A key's row in the reference's table.
fn line(key: &Described) -> String {
    let Described {
        name,
        default,
        limits,
        help,
    } = key;
    format!("| `{name}` | {default} | {limits} | {help} |\n")
}

/// The JSON schema of a configuration.
pub fn schema() -> Json {
    let mut schema = object(TOP.rows());
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    schema["title"] = json!("The configuration of archiver");
    schema
}
