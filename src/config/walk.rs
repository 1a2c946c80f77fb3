//! Taking typed values out of the parsed tree, noting everything that isn't as it should be.

use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::mask::Masked;
use super::problem::{At, Problem, Span, Text, quote};
use super::substitute::{Env, substitute};
use super::{duration, keys};

/// Walks one file.
pub(super) struct Walker<'a> {
    pub env: Env<'a>,
    pub text: &'a str,
    pub masked: &'a Masked,
    /// Where the syntax errors are.
    pub broken: &'a [Span],
    pub problems: Vec<Problem>,
}

/// Keys that may stand in a table, and the words for it.
pub(super) struct Shape {
    pub keys: &'static [&'static str],
    /// As in "unknown key … in `[defaults]`".
    pub place: &'static str,
}

impl Walker<'_> {
    pub fn report(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Whether a syntax error lies between a header and the next line that looks like one.
    pub fn is_damaged(&self, header: &Span) -> bool {
        let after = self.text.get(header.end..).unwrap_or_default();
        let end = after
            .find("\n[")
            .map_or(self.text.len(), |next| header.end + next);
        self.broken
            .iter()
            .any(|error| (header.start..=end).contains(&error.start))
    }

    /// The key for a message, unless it may be a secret in the wrong place.
    pub fn quoted_key(&self, key: &Spanned<impl AsRef<str>>) -> Option<String> {
        let visible = !self.masked.hides(&key.span());
        visible.then(|| quote(key.get_ref().as_ref()))
    }

    /// Reports the keys that can't stand in this table.
    pub fn refuse_unknown(&mut self, table: &DeTable<'_>, shape: &Shape) {
        for key in table.keys() {
            let typed = key.get_ref().as_ref();
            if shape.keys.contains(&typed) {
                continue;
            }
            let shown = self
                .quoted_key(key)
                .map(|key| format!(" {key}"))
                .unwrap_or_default();
            let problem = Problem::at(&key.span(), format!("unknown key{shown} {}", shape.place));
            let problem = if shown.is_empty() {
                problem
            } else if let Some(home) = keys::home(typed) {
                problem.label(format!("it belongs {home}"))
            } else if let Some(meant) = keys::nearest(typed, shape.keys.iter().copied()) {
                problem.label(format!("did you mean `{meant}`?"))
            } else {
                let known = shape
                    .keys
                    .iter()
                    .map(|key| format!("`{key}`"))
                    .collect::<Vec<_>>();
                problem.help(format!("the keys here are {}", known.join(", ")))
            };
            self.report(problem);
        }
    }

    /// A value that is there, unless a syntax error took its place.
    pub fn value<'t, 'i>(
        &self,
        table: &'t DeTable<'i>,
        key: &str,
    ) -> Option<&'t Spanned<DeValue<'i>>> {
        let value = table.get(key)?;
        let is_lost = value.span().is_empty() && !value.get_ref().is_table();
        (!is_lost).then_some(value)
    }

    pub fn wrong_type(&mut self, value: &Spanned<DeValue<'_>>, expected: &str) {
        let found = type_name(value.get_ref());
        self.report(Problem::at(
            &value.span(),
            format!("expected {expected}, found {found}"),
        ));
    }

    /// A table, or nothing.
    pub fn table<'t, 'i>(
        &mut self,
        table: &'t DeTable<'i>,
        key: &str,
        expected: &str,
    ) -> Option<At<&'t DeTable<'i>>> {
        let value = self.value(table, key)?;
        let Some(inner) = value.get_ref().as_table() else {
            self.wrong_type(value, expected);
            return None;
        };
        Some(At {
            value: inner,
            span: value.span(),
        })
    }

    /// A string with its `${…}` replaced.
    pub fn text(&mut self, table: &DeTable<'_>, key: &str, expected: &str) -> Option<Text> {
        let value = self.value(table, key)?;
        self.text_of(value, expected)
    }

    /// A string that isn't empty.
    pub fn filled(&mut self, table: &DeTable<'_>, key: &str) -> Option<Text> {
        let text = self.text(table, key, "a string")?;
        if text.value.is_empty() {
            self.report(Problem::at(&text.span, format!("`{key}` is empty")));
            return None;
        }
        if text.value.contains('\0') {
            self.report(Problem::at(
                &text.span,
                format!("`{key}` has a zero byte in it"),
            ));
            return None;
        }
        Some(text)
    }

    pub fn text_of(&mut self, value: &Spanned<DeValue<'_>>, expected: &str) -> Option<Text> {
        let Some(typed) = value.get_ref().as_str() else {
            self.wrong_type(value, expected);
            return None;
        };
        let span = value.span();
        let hidden = self.masked.hides(&span);
        match substitute(typed, self.env) {
            Ok(text) => {
                let text = Text::new(typed, text, span);
                Some(if hidden { text.hidden() } else { text })
            }
            Err(_) if hidden && !self.broken.is_empty() => {
                // Where quotes are lost, what looks like a name can be anything.
                self.report(Problem::at(&span, "a `${…}` in here has no value"));
                None
            }
            Err(faults) => {
                for fault in faults {
                    let message = if hidden { fault.hidden } else { fault.message };
                    self.report(Problem::at(&span, message).help(fault.help));
                }
                None
            }
        }
    }

    pub fn integer(&mut self, table: &DeTable<'_>, key: &str) -> Option<At<i64>> {
        let value = self.value(table, key)?;
        let Some(integer) = value.get_ref().as_integer() else {
            self.wrong_type(value, "an integer");
            return None;
        };
        let span = value.span();
        match i64::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(value) => Some(At { value, span }),
            Err(_) => {
                self.report(Problem::at(&span, format!("`{key}` is out of range")));
                None
            }
        }
    }

    /// One of a few words.
    pub fn choice<T: Copy>(
        &mut self,
        table: &DeTable<'_>,
        key: &str,
        choices: &[(&'static str, T)],
    ) -> Option<At<T>> {
        let words = choices
            .iter()
            .map(|(word, _)| format!("\"{word}\""))
            .collect::<Vec<_>>();
        let text = self.text(table, key, &format!("one of {}", words.join(", ")))?;
        if let Some((_, value)) = choices.iter().find(|(word, _)| *word == text.value) {
            return Some(At {
                value: *value,
                span: text.span,
            });
        }
        let message = format!("`{key}` can't be {}", text.quoted());
        let problem = Problem::at(&text.span, message);
        let meant = keys::nearest(&text.value, choices.iter().map(|(word, _)| *word));
        let problem = match meant.filter(|_| text.is_shown()) {
            Some(meant) => problem.label(format!("did you mean \"{meant}\"?")),
            None => problem,
        };
        self.report(problem.help(format!("it is one of {}", words.join(", "))));
        None
    }

    /// A duration within limits.
    pub fn duration(
        &mut self,
        table: &DeTable<'_>,
        key: &str,
        (min, max): (Duration, Duration),
    ) -> Option<Duration> {
        let text = self.text(table, key, "a duration such as \"1s\"")?;
        let Some(found) = duration::parse(&text.value) else {
            let message = format!("{} is not a duration", text.quoted());
            self.report(Problem::at(&text.span, message).help(
                "whole numbers with a unit each (h, m, s, ms), such as \"500ms\", \"1s\" or \"1m30s\"",
            ));
            return None;
        };
        if found < min || max < found {
            let limits = format!("{} to {}", duration::show(min), duration::show(max));
            let message = format!("`{key}` is out of its limits");
            self.report(Problem::at(&text.span, message).label(format!("{limits} are possible")));
            return None;
        }
        Some(found)
    }
}

fn type_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}
