//! librdkafka's properties: which are archiver's own, which exist, which values they take.
//!
//! librdkafka itself is asked, on a scratch configuration: no client is made, nothing is opened.
//! Its error texts may quote the value, so they are never passed on.

use std::collections::BTreeMap;

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaConfRes;
use serde_json::{Value as Json, json};
use toml::de::{DeTable, DeValue};

use super::key_kind::Kind;
use super::named_files;
use super::problem::{Problem, Span, quote};
use super::walk::{Toml, Walker};
use crate::terminal::nearest;

/// A property that a consumer can have and that is set as text.
pub(super) struct Property {
    pub name: &'static str,
    /// The values that it takes, where these can be listed; else nothing.
    takes: &'static str,
    /// Why it is archiver's own to set; nothing if it isn't.
    pub owned: &'static str,
}

/// All properties by name, from librdkafka's CONFIGURATION.md. Apart from those that are archiver's own they serve
/// messages only: librdkafka itself decides what it takes.
pub(super) fn all() -> impl Iterator<Item = Property> {
    include_str!("properties.txt").lines().map(|line| {
        let mut columns = line.split(" | ");
        let mut column = || columns.next().unwrap_or_default();
        Property {
            name: column(),
            takes: column(),
            owned: column(),
        }
    })
}

/// What librdkafka says about a property.
pub(super) enum Verdict {
    Fine,
    Unknown,
    Invalid,
    /// It exists, but not in this build of librdkafka.
    NotBuilt,
    /// It exists, but takes no text.
    NoText,
}

/// What librdkafka says of a property and its value.
pub(super) fn ask(key: &str, value: &str) -> Verdict {
    let mut scratch = ClientConfig::new();
    scratch.set(key, value);
    match scratch.create_native_config() {
        Ok(_) => Verdict::Fine,
        Err(KafkaError::ClientConfig(RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN, ..)) => {
            Verdict::Unknown
        }
        Err(KafkaError::ClientConfig(_, text, ..))
            if text.contains("not supported in this build") =>
        {
            Verdict::NotBuilt
        }
        Err(KafkaError::ClientConfig(_, text, ..))
            if text.contains("must be set through") || text.contains("not settable") =>
        {
            Verdict::NoText
        }
        Err(_) => Verdict::Invalid,
    }
}

/// librdkafka properties by name.
pub(super) struct Properties;

impl Kind for Properties {
    type Value = BTreeMap<String, String>;
    const SHOWN: bool = false;

    fn read(&self, walker: &mut Walker<'_>, _: &str, value: &Toml<'_>) -> Option<Self::Value> {
        let Some(table) = value.get_ref().as_table() else {
            walker.wrong_type(value, "a table of librdkafka properties");
            return None;
        };
        let mut properties = BTreeMap::new();
        read(walker, table, "", &mut properties);
        Some(properties)
    }

    fn schema(&self) -> Json {
        // A table, too: `security.protocol` without quotes is one in TOML's eyes.
        json!({
            "type": "object",
            "additionalProperties": { "type": ["string", "integer", "boolean", "object"] },
        })
    }
}

fn read(
    walker: &mut Walker<'_>,
    table: &DeTable<'_>,
    prefix: &str,
    properties: &mut BTreeMap<String, String>,
) {
    for (key, value) in table {
        let name = format!("{prefix}{}", key.get_ref());
        let set = match value.get_ref() {
            DeValue::Table(inner) => {
                read(walker, inner, &format!("{name}."), properties);
                continue;
            }
            DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
                .ok()
                .map(|number| number.to_string()),
            DeValue::Boolean(boolean) => Some(boolean.to_string()),
            _ => None,
        };
        let expected = "a string, an integer or a boolean";
        let Some(set) = set.or_else(|| Some(walker.text(value, expected)?.value)) else {
            continue;
        };
        if let Some(problem) = check(&name, &set, &key.span(), &value.span()) {
            walker.report(problem);
        } else if let Some(why) = named_files::fault(&name, &set) {
            // As it was typed: what was put in could be a secret.
            let typed = value.get_ref().as_str().map_or_else(String::new, quote);
            let message = format!("reading the file {typed} of {}: {why}", quote(&name));
            let problem = Problem::at(&value.span(), message);
            walker.report(problem.help("the path is relative to the working directory"));
        }
        if properties.insert(name.clone(), set).is_some() {
            let message = format!("the property {} is given twice", quote(&name));
            walker.report(Problem::at(&key.span(), message));
        }
    }
}

/// What is wrong with a property, if anything; its value is never shown.
fn check(name: &str, set: &str, key: &Span, value: &Span) -> Option<Problem> {
    let shown = quote(name);
    let at_key = |message: String| Problem::at(key, message);
    let listed = all().find(|property| property.name == name);
    let (takes, owned) = listed.map_or(("", ""), |property| (property.takes, property.owned));
    if !owned.is_empty() {
        return Some(at_key(format!("{shown} is archiver's own")).label(owned));
    }
    Some(match ask(name, set) {
        Verdict::Fine => return None,
        Verdict::Unknown => {
            let problem = at_key(format!("unknown librdkafka property {shown}"));
            let settable = all().filter(|property| property.owned.is_empty());
            match nearest(name, settable.map(|property| property.name)) {
                Some(meant) => problem.label(format!("did you mean `{meant}`?")),
                None => problem.help("librdkafka's CONFIGURATION.md lists what there is"),
            }
        }
        Verdict::Invalid => {
            let problem = Problem::at(value, format!("{shown} can't have this value"));
            match takes {
                "" => problem,
                takes => problem.help(format!("possible: {takes}")),
            }
        }
        Verdict::NotBuilt => at_key(format!(
            "{shown} is not supported by the librdkafka in this program"
        )),
        Verdict::NoText => at_key(format!("{shown} can't be set in a configuration")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_property_exists() {
        let scratch = ClientConfig::new().create_native_config().unwrap();
        for Property { name, .. } in all() {
            // librdkafka answers `get` for what has a value, `set` for the rest.
            let exists = scratch.get(name).is_ok() || !matches!(ask(name, ""), Verdict::Unknown);
            assert!(exists, "{name}");
        }
    }

    #[test]
    fn the_list_is_sorted_and_without_doubles() {
        assert!(all().is_sorted_by(|one, next| one.name < next.name));
    }
}
