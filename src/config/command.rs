//! Commands: a program and its arguments, each a word. There is no shell.

use serde_json::{Value as Json, json};

use super::key_kind::Kind;
use super::problem::Problem;
use super::walk::{Toml, Walker};

/// The words of a command; none stand for no command.
pub(super) struct Words;

/// What is expected, for messages.
const EXPECTED: &str = "a list of words such as [\"/usr/local/bin/upload\", \"--quiet\"]";

impl Kind for Words {
    type Value = Vec<String>;
    /// An argument may be a secret.
    const SHOWN: bool = false;

    fn read(&self, walker: &mut Walker<'_>, key: &str, value: &Toml<'_>) -> Option<Vec<String>> {
        let Some(items) = value.get_ref().as_array() else {
            walker.wrong_type(value, EXPECTED);
            return None;
        };
        let mut words = Vec::with_capacity(items.len());
        for item in items {
            let word = walker.text(item, "a word, a string")?;
            let wrong = if word.value.contains('\0') {
                "has a zero byte in it"
            } else if words.is_empty() && word.value.is_empty() {
                "begins with an empty word, where a program should be"
            } else {
                words.push(word.value);
                continue;
            };
            walker.report(Problem::at(&word.span, format!("`{key}` {wrong}")));
            return None;
        }
        Some(words)
    }

    fn limits(&self) -> String {
        "a list of words; `[]` for none".to_owned()
    }

    fn schema(&self) -> Json {
        json!({ "type": "array", "items": { "type": "string" } })
    }
}
