//! Takes texts out of the parsed file, and notes everything that isn't as it should be.

use std::collections::HashSet;
use std::ops::Range;

use toml::Spanned;
use toml::de::DeValue;

use super::problem::{Problem, Span, Text};
use super::substitute::{Env, substitute};

/// A value as the parser gives it.
pub(super) type Toml<'i> = Spanned<DeValue<'i>>;

/// Walks one file.
pub(super) struct Walker<'a> {
    text: &'a str,
    env: Env<'a>,
    pub problems: Vec<Problem>,
    /// Where the values start that a report may show.
    pub shown: HashSet<usize>,
}

impl<'a> Walker<'a> {
    pub fn new(text: &'a str, env: Env<'a>) -> Self {
        Self {
            text,
            env,
            problems: Vec::new(),
            shown: HashSet::new(),
        }
    }

    pub fn report(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Lets reports show a value of a key that is archiver's own, if it stands on one line. (A default of the program
    /// starts at 0, where no value in a file does.)
    pub fn show(&mut self, value: &Toml<'_>) {
        let typed = self.text.get(value.span());
        if typed.is_some_and(|text| !text.contains('\n')) {
            self.shown.insert(value.span().start);
        }
    }

    /// Says that a value has another type than its key takes.
    pub fn wrong_type(&mut self, value: &Toml<'_>, expected: &str) {
        let found = match value.get_ref() {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a float",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date or time",
            DeValue::Array(_) => "an array",
            DeValue::Table(_) => "a table",
        };
        let message = format!("expected {expected}, found {found}");
        self.report(Problem::at(&value.span(), message));
    }

    /// A string with its `${…}` replaced.
    pub fn text(&mut self, value: &Toml<'_>, expected: &str) -> Option<Text> {
        let Some(typed) = value.get_ref().as_str() else {
            self.wrong_type(value, expected);
            return None;
        };
        let span = value.span();
        let hidden = !self.shown.contains(&span.start);
        match substitute(typed, self.env) {
            Ok(text) => {
                let text = Text::new(typed, text, span);
                Some(if hidden { text.hidden() } else { text })
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

    /// Where a part of a text stands, if that can be told: not of one that is hidden, came from elsewhere, or has escapes
    /// in it.
    pub fn within(&self, text: &Text, part: &Range<usize>) -> Option<Span> {
        let typed = self.text.get(text.span.clone())?;
        let inner = typed.strip_prefix(['"', '\''])?;
        let inner = inner.strip_suffix(['"', '\''])?;
        let start = text.span.start + 1;
        (inner == text.value && text.is_shown()).then(|| start + part.start..start + part.end)
    }
}
