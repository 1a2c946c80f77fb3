//! What the documentation says of the keys: tables for the reference page, and a JSON schema for editors.

use serde_json::{Value as Json, json};

use super::key_kind::{DefaultValue, Row};
use super::keys::{KEYS, TOP};
use super::schema::object;

/// For each kind of table, its header (nothing for the top of the file) and a table of its keys in Markdown.
pub fn tables() -> Vec<(&'static str, String)> {
    let mut tables: Vec<(&'static str, String)> = Vec::new();
    for row in KEYS {
        let Some(place) = row.places.first() else {
            continue;
        };
        let index = tables
            .iter()
            .position(|(header, _)| *header == place.header());
        let index = index.unwrap_or_else(|| {
            let head = "| key | default | possible | meaning |\n|---|---|---|---|\n";
            tables.push((place.header(), head.to_owned()));
            tables.len() - 1
        });
        tables[index].1.push_str(&line(row));
    }
    tables
}

/// A key's row in the reference's table.
fn line(row: &Row) -> String {
    let default = match row.default {
        DefaultValue::Required => "required".to_owned(),
        DefaultValue::RequiredWithout(other) => format!("required without `{other}`"),
        DefaultValue::Typed("{}") => String::new(),
        DefaultValue::Typed(value) => format!("`{value}`"),
        DefaultValue::Told(words) => words.to_owned(),
    };
    let (name, limits, help) = (row.name, row.kind.limits(), row.help);
    format!("| `{name}` | {default} | {limits} | {help} |\n")
}

/// The JSON schema of a configuration.
pub fn schema() -> Json {
    let mut schema = object(TOP.rows());
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    schema["title"] = json!("The configuration of archiver");
    schema
}
