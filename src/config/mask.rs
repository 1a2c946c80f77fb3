//! The configuration's text as a report may show it.
//!
//! A value is shown only when it belongs to a key that is archiver's own, in the table where that
//! key belongs, and stands on one line. Everything else is shown as `***`: every librdkafka
//! property, everything under an unknown key or table, comments beside those. In a file with syntax
//! errors the tree can't be trusted; [`super::mask_broken`] finds what may be shown there.

use std::collections::HashSet;

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use toml_parser::Source;
use toml_parser::lexer::TokenKind;

use super::keys;
use super::mask_broken::hidden_in_broken;
use super::problem::Span;

const MASK: &str = "***";

/// A text with parts of it replaced.
#[derive(Debug)]
pub(super) struct Masked {
    text: String,
    /// In the original and in `text`, ascending.
    cuts: Vec<(Span, Span)>,
}

impl Masked {
    /// The text that may be shown.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether any part of `span` of the original may not be shown.
    pub fn hides(&self, span: &Span) -> bool {
        let next = self
            .cuts
            .partition_point(|(from, _)| from.end <= span.start);
        self.cuts
            .get(next)
            .is_some_and(|(from, _)| from.start < span.end)
    }

    /// Where `span` of the original is in the text that may be shown; all of a mask if it
    /// touches it.
    pub fn map(&self, span: &Span) -> Span {
        let start = self.position(span.start, |to| to.start);
        let end = self.position(span.end, |to| to.end);
        start..end.max(start)
    }

    fn position(&self, at: usize, within: impl Fn(&Span) -> usize) -> usize {
        let after = self.cuts.partition_point(|(from, _)| from.start < at);
        match after.checked_sub(1).map(|index| &self.cuts[index]) {
            Some((from, to)) if at < from.end => within(to),
            Some((from, to)) => at - from.end + to.end,
            None => at,
        }
    }
}

/// Masks a text without syntax errors.
pub(super) fn mask(text: &str, root: &DeTable<'_>) -> Masked {
    let mut values = Values {
        text,
        own: Vec::new(),
        other: Vec::new(),
    };
    values.of_table(root, Place::Top);
    let newlines = text
        .match_indices('\n')
        .map(|(at, _)| at)
        .collect::<Vec<_>>();
    let line = |at: usize| newlines.partition_point(|newline| *newline < at);
    let shown: HashSet<usize> = values.own.iter().map(|at| line(*at)).collect();
    let mut hidden = values.other;
    let touched: HashSet<usize> = hidden.iter().map(|span| line(span.end)).collect();
    for token in Source::new(text).lex() {
        let line = line(token.span().start());
        let is_safe = shown.contains(&line) && !touched.contains(&line);
        if token.kind() == TokenKind::Comment && !is_safe {
            hidden.push(token.span().start()..token.span().end());
        }
    }
    hidden.sort_by_key(|span| span.start);
    replace(text, &hidden)
}

/// Masks a text with syntax errors.
pub(super) fn mask_broken(text: &str) -> Masked {
    replace(text, &hidden_in_broken(text))
}

fn replace(text: &str, hidden: &[Span]) -> Masked {
    let mut joined: Vec<Span> = Vec::with_capacity(hidden.len());
    for span in hidden {
        match joined.last_mut() {
            Some(last) if is_blank(&text[last.end..span.start]) => last.end = span.end,
            _ => joined.push(span.clone()),
        }
    }
    let mut shown = String::with_capacity(text.len());
    let mut cuts = Vec::with_capacity(joined.len());
    let mut done = 0;
    for span in joined {
        shown.push_str(&text[done..span.start]);
        let start = shown.len();
        shown.push_str(MASK);
        // The lines keep their numbers.
        for _ in text[span.clone()].matches('\n') {
            shown.push('\n');
            shown.push_str(MASK);
        }
        done = span.end;
        cuts.push((span, start..shown.len()));
    }
    shown.push_str(&text[done..]);
    Masked { text: shown, cuts }
}

fn is_blank(text: &str) -> bool {
    text.chars().all(|char| char == ' ' || char == '\t')
}

/// The table that a value stands in.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Top,
    Clusters,
    /// A table with these keys of archiver's own.
    Own(&'static [&'static str]),
    /// Nothing in it is shown.
    Hidden,
}

impl Place {
    /// The place of what a key holds, if that is a table or a list of tables.
    fn within(self, key: &str) -> Place {
        match (self, key) {
            (Place::Top, "archive") => Place::Own(keys::ARCHIVE),
            (Place::Top, "defaults") => Place::Own(keys::DEFAULTS),
            (Place::Top, "limits") => Place::Own(keys::LIMITS),
            (Place::Top, "clusters") => Place::Clusters,
            (Place::Clusters, _) => Place::Own(keys::CLUSTER),
            _ => Place::Hidden,
        }
    }

    /// Whether a value of this key, standing here, is shown.
    fn shows(self, key: &str) -> bool {
        match self {
            Place::Top => keys::TOP.contains(&key) && key != "kafka",
            // Whatever is wrong with `kafka`, it holds properties.
            Place::Own(keys) => keys.contains(&key) && key != "kafka",
            Place::Clusters | Place::Hidden => false,
        }
    }
}

struct Values<'a> {
    text: &'a str,
    /// Where values start that are shown.
    own: Vec<usize>,
    /// Those that aren't.
    other: Vec<Span>,
}

impl Values<'_> {
    fn of_table(&mut self, table: &DeTable<'_>, place: Place) {
        for (key, value) in table {
            self.of_value(
                value,
                place.within(key.get_ref()),
                place.shows(key.get_ref()),
            );
        }
    }

    fn of_value(&mut self, value: &Spanned<DeValue<'_>>, place: Place, is_shown: bool) {
        match value.get_ref() {
            DeValue::Table(table) => self.of_table(table, place),
            DeValue::Array(array) => {
                for value in array {
                    // A list of scalars has no business anywhere.
                    self.of_value(value, place, false);
                }
            }
            _ => {
                let span = value.span();
                let is_one_line = self
                    .text
                    .get(span.clone())
                    .is_some_and(|text| !text.contains('\n'));
                if is_shown && is_one_line {
                    self.own.push(span.start);
                } else {
                    self.other.push(span);
                }
            }
        }
    }
}
