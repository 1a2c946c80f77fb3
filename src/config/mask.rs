//! The configuration's text as a report may show it.
//!
//! Shown are values that a key of archiver's own has where that key belongs. Everything else is `***`: every librdkafka
//! property, everything under an unknown key or table, what stands on several lines, comments. A text that isn't TOML
//! has no values to tell apart, so no report shows any of it.

use std::collections::HashSet;

use toml::de::{DeTable, DeValue};

use super::problem::Span;
use super::walk::Toml;

const MASK: &str = "***";

/// A text with parts of it replaced; its lines keep their numbers.
#[derive(Debug, Default)]
pub(super) struct Masked {
    pub text: String,
    /// In the original and in `text`, ascending.
    cuts: Vec<(Span, Span)>,
}

impl Masked {
    /// Masks every value that doesn't start at a place that is shown.
    pub fn new(text: &str, root: &DeTable<'_>, shown: &HashSet<usize>) -> Masked {
        let mut values = Vec::new();
        of_table(root, &mut values);
        values.sort_by_key(|span| span.start);
        values.push(text.len()..text.len());
        let mut masked = Masked::default();
        let mut seen = 0;
        for value in values {
            // Between values only a comment has a `#`. (A key that has one is taken for a comment.)
            while let Some(hash) = text.get(seen..value.start).and_then(|gap| gap.find('#')) {
                let start = seen + hash + 1;
                let rest = text.get(start..).unwrap_or_default();
                seen = rest.find('\n').map_or(text.len(), |end| start + end);
                masked.hide(text, start..seen);
            }
            if !shown.contains(&value.start) {
                masked.hide(text, value.clone());
            }
            seen = seen.max(value.end);
        }
        let done = masked.done();
        masked.text.push_str(&text[done..]);
        masked
    }

    /// Up to where the original is dealt with.
    fn done(&self) -> usize {
        self.cuts.last().map_or(0, |(from, _)| from.end)
    }

    /// Copies up to `span`, and masks that.
    fn hide(&mut self, text: &str, span: Span) {
        let done = self.done();
        let span = span.start.max(done)..span.end;
        if span.is_empty() {
            return;
        }
        self.text.push_str(&text[done..span.start]);
        let start = self.text.len();
        let lines: Vec<&str> = text[span.clone()].split('\n').map(|_| MASK).collect();
        self.text.push_str(&lines.join("\n"));
        self.cuts.push((span, start..self.text.len()));
    }

    /// Where `span` of the original is in the text that may be shown; all of a mask if it
    /// touches it.
    pub fn map(&self, span: &Span) -> Span {
        let start = self.position(span.start, |to| to.start);
        let end = self.position(span.end, |to| to.end);
        start..end.max(start)
    }

    /// Where a byte of the original stands in the masked text; `within` chooses for one that was masked.
    fn position(&self, at: usize, within: impl Fn(&Span) -> usize) -> usize {
        let after = self.cuts.partition_point(|(from, _)| from.start < at);
        match after.checked_sub(1).map(|index| &self.cuts[index]) {
            Some((from, to)) if at < from.end => within(to),
            Some((from, to)) => at - from.end + to.end,
            None => at,
        }
    }
}

fn of_table(table: &DeTable<'_>, values: &mut Vec<Span>) {
    for (_, value) in table {
        of_value(value, values);
    }
}

/// Where the values stand that are in here.
fn of_value(value: &Toml<'_>, values: &mut Vec<Span>) {
    match value.get_ref() {
        DeValue::Table(table) => of_table(table, values),
        DeValue::Array(array) => array.iter().for_each(|value| of_value(value, values)),
        _ => values.push(value.span()),
    }
}
