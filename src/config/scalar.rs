//! Kinds of single values; durations and sizes have files of their own.

use std::ops::RangeInclusive;

use serde_json::{Value as Json, json};

use super::key_kind::Kind;
use super::problem::{Problem, Text};
use super::schema;
use super::walk::{Toml, Walker};
use crate::terminal::nearest;
use crate::world::fs::real::FileMode;

/// A string that isn't empty.
pub(super) struct Filled;

impl Kind for Filled {
    type Value = Text;

    fn read(&self, walker: &mut Walker<'_>, key: &str, value: &Toml<'_>) -> Option<Text> {
        let text = walker.text(value, "a string")?;
        let wrong = if text.value.is_empty() {
            "is empty"
        } else if text.value.contains('\0') {
            "has a zero byte in it"
        } else {
            return Some(text);
        };
        walker.report(Problem::at(&text.span, format!("`{key}` {wrong}")));
        None
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "minLength": 1 })
    }
}

/// Whole numbers within limits.
pub(super) struct Integers(pub RangeInclusive<u32>);

impl Kind for Integers {
    type Value = u32;

    fn read(&self, walker: &mut Walker<'_>, key: &str, value: &Toml<'_>) -> Option<u32> {
        let Some(typed) = value.get_ref().as_integer() else {
            walker.wrong_type(value, "an integer");
            return None;
        };
        let number = u32::from_str_radix(typed.as_str(), typed.radix()).ok();
        let number = number.filter(|number| self.0.contains(number));
        if number.is_none() {
            let problem = Problem::at(&value.span(), format!("`{key}` is out of range"));
            walker.report(problem.label(format!("{} are possible", Kind::limits(self))));
        }
        number
    }

    fn limits(&self) -> String {
        format!("{} to {}", self.0.start(), self.0.end())
    }

    fn schema(&self) -> Json {
        json!({ "type": "integer", "minimum": self.0.start(), "maximum": self.0.end() })
    }
}

/// `true` or `false`.
pub(super) struct Switch;

impl Kind for Switch {
    type Value = bool;

    fn read(&self, walker: &mut Walker<'_>, _: &str, value: &Toml<'_>) -> Option<bool> {
        let typed = value.get_ref().as_bool();
        if typed.is_none() {
            walker.wrong_type(value, "`true` or `false`");
        }
        typed
    }

    fn limits(&self) -> String {
        "`true`, `false`".to_owned()
    }

    fn schema(&self) -> Json {
        json!({ "type": "boolean" })
    }
}

/// One of a few words, each with what it stands for and, where the word alone doesn't say it, what it means.
pub(super) struct Choice<T: 'static>(pub &'static [(&'static str, T, &'static str)]);

impl<T: Copy + Sync> Kind for Choice<T> {
    type Value = T;

    fn read(&self, walker: &mut Walker<'_>, key: &str, value: &Toml<'_>) -> Option<T> {
        let words = || self.0.iter().map(|(word, ..)| *word);
        let quoted: Vec<String> = words().map(|word| format!("\"{word}\"")).collect();
        let one_of = format!("one of {}", quoted.join(", "));
        let text = walker.text(value, &one_of)?;
        if let Some((_, value, _)) = self.0.iter().find(|(word, ..)| *word == text.value) {
            return Some(*value);
        }
        let problem = Problem::at(&text.span, format!("`{key}` can't be {}", text.quoted()));
        let meant = nearest(&text.value, words()).filter(|_| text.is_shown());
        let label = meant.map(|meant| format!("did you mean \"{meant}\"?"));
        let problem = problem.label(label.unwrap_or_default());
        walker.report(problem.help(format!("it is {one_of}")));
        None
    }

    fn limits(&self) -> String {
        let told = |(word, _, meaning): &(&str, T, &str)| match *meaning {
            "" => format!("`\"{word}\"`"),
            meaning => format!("`\"{word}\"` ({meaning})"),
        };
        self.0.iter().map(told).collect::<Vec<_>>().join(", ")
    }

    fn schema(&self) -> Json {
        let words: Vec<&str> = self.0.iter().map(|(word, ..)| *word).collect();
        json!({ "anyOf": [{ "enum": words }, schema::from_elsewhere()] })
    }
}

/// The mode of a file.
pub(super) struct Mode;

impl Kind for Mode {
    type Value = FileMode;

    fn read(&self, walker: &mut Walker<'_>, _: &str, value: &Toml<'_>) -> Option<FileMode> {
        let text = walker.text(value, "a mode such as \"0640\"")?;
        let is_octal = (3..=4).contains(&text.value.len())
            && text.value.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
        let bits = u32::from_str_radix(&text.value, 8).ok();
        let mode = bits.filter(|_| is_octal).and_then(FileMode::new);
        if mode.is_none() {
            let message = format!("{} is not a mode for files", text.quoted());
            walker.report(Problem::at(&text.span, message).help(
                "three or four octal digits, such as \"0640\": the owner can read and write, nobody can execute; \
                 directories get an x for each r",
            ));
        }
        mode
    }

    fn limits(&self) -> String {
        "three or four octal digits".to_owned()
    }

    fn schema(&self) -> Json {
        schema::text_like("[0-7]{3,4}")
    }
}
