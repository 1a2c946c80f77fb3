//! What the documentation says of the keys: tables for the reference page, and a JSON schema for editors.

use serde_json::{Map, Value as Json, json};

use super::key::{DefaultValue, Position, Row};
use super::keys::KEYS;

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

fn line(row: &Row) -> String {
    let default = match row.default {
        DefaultValue::Required => "required".to_owned(),
        DefaultValue::Typed("{}") => String::new(),
        DefaultValue::Typed(value) => format!("`{value}`"),
        DefaultValue::Told(words) => words.to_owned(),
    };
    let (name, limits, help) = (row.name, row.kind.limits(), row.help);
    format!("| `{name}` | {default} | {limits} | {help} |\n")
}

/// The JSON schema of a configuration.
pub fn schema() -> Json {
    let mut schema = object(Position::Top);
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    schema["title"] = json!("The configuration of archiver");
    schema
}

/// The schema of a table.
pub(super) fn object(place: Position) -> Json {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for row in place.rows() {
        let mut schema = row.kind.schema();
        schema["description"] = json!(row.help);
        match row.default {
            DefaultValue::Required => required.push(row.name),
            DefaultValue::Typed("{}") | DefaultValue::Told(_) => {}
            // Strings and numbers are the same in TOML and JSON.
            DefaultValue::Typed(value) => {
                schema["default"] = serde_json::from_str(value).unwrap_or_default();
            }
        }
        properties.insert(row.name.to_owned(), schema);
    }
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// A string that matches a pattern or takes a value from elsewhere.
pub(super) fn text_like(pattern: &str) -> Json {
    json!({ "type": "string", "pattern": format!(r"^({pattern})$|\$\{{") })
}

/// A string that takes a value from elsewhere.
pub(super) fn from_elsewhere() -> Json {
    json!({ "type": "string", "pattern": r"\$\{" })
}
