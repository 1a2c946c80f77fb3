//! Tables of keys: what stands in one, held against the rows of its place.

use std::any::Any;
use std::collections::HashMap;

use serde_json::{Value as Json, json};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::key_kind::{DefaultValue, Key, Kind, Row};
use super::problem::{At, Problem, Span, quote};
use super::table_name::TableName;
use super::walk::{Toml, Walker};
use super::{name, schema};
use crate::terminal::nearest;

/// The values of a table, each of its key's kind.
#[derive(Default)]
pub(super) struct Table {
    values: HashMap<&'static str, At<Box<dyn Any>>>,
    /// Keys that should stand here and don't.
    pub missing: Vec<&'static str>,
}

impl Table {
    /// Reads everything that stands in a table. `span` is the place for what doesn't.
    pub fn read(
        walker: &mut Walker<'_>,
        section: Section,
        typed: &DeTable<'_>,
        span: &Span,
    ) -> Self {
        for key in typed.keys() {
            if !section.rows().any(|row| row.name == key.get_ref().as_ref()) {
                walker.report(unknown(section, key));
            }
        }
        let mut table = Self::default();
        for row in section.rows() {
            if let Some(value) = typed.get(row.name) {
                table.take(walker, row, value);
            } else if row.default.is_missing_in(typed) {
                table.missing.push(row.name);
            }
            if let DefaultValue::Typed(text) = row.default
                && row.places.first() == Some(&section.place)
                && !table.values.contains_key(row.name)
                && let Ok(value) = DeValue::parse(text)
            {
                table.take(walker, row, &value);
            }
        }
        if let (Some(noun), Some(missing)) = (section.place.noun(), listed(&table.missing)) {
            walker.report(Problem::at(
                span,
                format!("this {noun} is missing {missing}"),
            ));
        }
        table
    }

    fn take(&mut self, walker: &mut Walker<'_>, row: &Row, value: &Toml<'_>) {
        if let Some(read) = row.kind.read_any(walker, row.name, value) {
            let span = value.span();
            self.values.insert(row.name, At { value: read, span });
        }
    }

    /// The value of a key: typed, or its default.
    pub fn get<K: Kind>(&self, key: &Key<K>) -> Option<&K::Value> {
        self.values.get(key.name)?.value.downcast_ref()
    }

    /// The same, with its place.
    pub fn at<K: Kind>(&self, key: &Key<K>) -> Option<At<&K::Value>> {
        let span = self.values.get(key.name)?.span.clone();
        self.get(key).map(|value| At { value, span })
    }
}

/// Names in a sentence, as in "`a`, `b` and `c`".
fn listed(keys: &[&str]) -> Option<String> {
    let keys: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
    Some(match keys.as_slice() {
        [] => return None,
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    })
}

/// A key that is not known here: where it belongs, or what may have been meant.
fn unknown(section: Section, key: &Spanned<impl AsRef<str>>) -> Problem {
    let typed = key.get_ref().as_ref();
    let message = format!("unknown key {} {}", quote(typed), section.place.within());
    let problem = Problem::at(&key.span(), message);
    let known = || section.rows().map(|row| row.name);
    if let Some(row) = (section.keys)().iter().find(|row| row.name == typed) {
        let home = match row.places {
            [.., TableName::Top] | [] => {
                "at the top of the file, above the first `[table]`".to_owned()
            }
            [.., last] => last.within(),
        };
        problem.label(format!("it belongs {home}"))
    } else if let Some(meant) = nearest(typed, known()) {
        problem.label(format!("did you mean `{meant}`?"))
    } else {
        let mut keys: Vec<String> = known().map(|key| format!("`{key}`")).collect();
        keys.sort_unstable();
        problem.help(format!("the keys here are {}", keys.join(", ")))
    }
}

/// A table with keys of its own.
#[derive(Clone, Copy)]
pub(super) struct Section {
    pub place: TableName,
    /// All keys, wherever they may stand.
    pub keys: fn() -> &'static [Row],
}

impl Section {
    /// The keys that may stand here.
    pub fn rows(self) -> impl Iterator<Item = &'static Row> {
        let all = (self.keys)().iter();
        all.filter(move |row| row.places.contains(&self.place))
    }
}

impl Kind for Section {
    type Value = Table;
    const SHOWN: bool = false;

    fn read(&self, walker: &mut Walker<'_>, _: &str, value: &Toml<'_>) -> Option<Table> {
        let Some(typed) = value.get_ref().as_table() else {
            walker.wrong_type(value, &format!("a table, `{}`", self.place.header()));
            return None;
        };
        Some(Table::read(walker, *self, typed, &value.span()))
    }

    fn schema(&self) -> Json {
        schema::object(self.rows())
    }
}

/// A list.
pub(super) struct List<K> {
    pub of: K,
    /// As in "expected a list of strings, found …".
    pub expected: &'static str,
}

impl<K: Kind> Kind for List<K> {
    type Value = Vec<K::Value>;
    const SHOWN: bool = K::SHOWN;

    fn read(&self, walker: &mut Walker<'_>, key: &str, value: &Toml<'_>) -> Option<Self::Value> {
        let Some(items) = value.get_ref().as_array() else {
            walker.wrong_type(value, self.expected);
            return None;
        };
        let mut list = Vec::with_capacity(items.len());
        for item in items {
            if K::SHOWN {
                walker.show(item);
            }
            list.extend(self.of.read(walker, key, item));
        }
        // Without one that can be read, nothing is known of the list.
        (!list.is_empty() || items.is_empty()).then_some(list)
    }

    fn schema(&self) -> Json {
        json!({ "type": "array", "items": self.of.schema() })
    }
}

/// Tables with names, each with keys of its own.
pub(super) struct Named(pub Section);

impl Kind for Named {
    type Value = Vec<(At<String>, Table)>;
    const SHOWN: bool = false;

    fn read(&self, walker: &mut Walker<'_>, _: &str, value: &Toml<'_>) -> Option<Self::Value> {
        let place = self.0.place;
        let (header, noun) = (place.header(), place.noun().unwrap_or_default());
        let Some(tables) = value.get_ref().as_table() else {
            walker.wrong_type(value, &format!("tables, `{header}`"));
            return None;
        };
        let mut named = Vec::new();
        for (key, value) in tables {
            let (name, span) = (key.get_ref(), key.span());
            let Some(typed) = value.get_ref().as_table() else {
                let message = format!("{} is no table, but {noun}s are", quote(name));
                let help = format!("write `{header}`, and its keys below it");
                walker.report(Problem::at(&span, message).help(help));
                continue;
            };
            if !name::is_valid(name) {
                let problem = Problem::at(&span, format!("a {noun} can't have this name"));
                walker.report(problem.help(format!("a name is {}", name::RULE)));
            }
            let table = Table::read(walker, self.0, typed, &span);
            let value = name.to_string();
            named.push((At { value, span }, table));
        }
        Some(named)
    }

    fn schema(&self) -> Json {
        json!({ "type": "object", "additionalProperties": schema::object(self.0.rows()) })
    }
}
