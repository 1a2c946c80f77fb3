//! The parts of a JSON schema, of which each kind of value makes its own.

use serde_json::{Map, Value as Json, json};

use super::key_kind::{DefaultValue, Row};

/// The schema of a table that has these keys.
pub(super) fn object(rows: impl Iterator<Item = &'static Row>) -> Json {
    let mut properties = Map::new();
    let (mut required, mut alternatives) = (Vec::new(), Vec::new());
    for row in rows {
        let mut schema = row.kind.schema();
        schema["description"] = json!(row.help);
        match row.default {
            DefaultValue::Required => required.push(row.name),
            DefaultValue::RequiredWithout(other) => alternatives.push([row.name, other]),
            DefaultValue::Typed("{}") | DefaultValue::Told(_) => {}
            // Strings and numbers are the same in TOML and JSON.
            DefaultValue::Typed(value) => {
                schema["default"] = serde_json::from_str(value).unwrap_or_default();
            }
        }
        properties.insert(row.name.to_owned(), schema);
    }
    let mut object = json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    });
    let one_of = |keys: [&str; 2]| json!({ "oneOf": keys.map(|key| json!({ "required": [key] })) });
    if !alternatives.is_empty() {
        object["allOf"] = alternatives.into_iter().map(one_of).collect();
    }
    object
}

/// A string that matches a pattern or takes a value from elsewhere.
pub(super) fn text_like(pattern: &str) -> Json {
    json!({ "type": "string", "pattern": format!(r"^({pattern})$|\$\{{") })
}

/// A string that takes a value from elsewhere.
pub(super) fn from_elsewhere() -> Json {
    json!({ "type": "string", "pattern": r"\$\{" })
}
