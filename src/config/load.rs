//! From a file to a checked configuration.

use std::path::Path;

use toml::Spanned;
use toml::de::DeTable;

use super::Config;
use super::check::check;
use super::mask::{mask, mask_broken};
use super::problem::{Problem, Span};
use super::raw::Raw;
use super::read::{read_source, source_name};
use super::report::LoadError;
use super::substitute::Env;
use super::walk::Walker;

/// Reads and checks a configuration. Looks at the disk, changes nothing there, contacts nobody.
///
/// # Errors
///
/// Everything that is wrong with the file, in one go.
pub fn load(path: &Path) -> Result<Config, LoadError> {
    let name = source_name(path);
    let bytes = read_source(path).map_err(|error| LoadError::unreadable(&name, &error))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = valid.iter().filter(|byte| **byte == b'\n').count() + 1;
        LoadError::unreadable(&name, &format_args!("not UTF-8 in line {line}"))
    })?;
    load_text(&name, &text, &|variable| std::env::var_os(variable))
}

/// As [`load`], of a text and an environment.
pub(super) fn load_text(name: &str, text: &str, env: Env<'_>) -> Result<Config, LoadError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let repaired;
    let (mut root, mut syntax) = parse(text);
    if let Some((without_stops, stops)) = repair(text, &syntax) {
        repaired = without_stops;
        let (second, found) = parse(&repaired);
        let is_stop = |problem: &Problem| stops.iter().any(|stop| starts_in(problem, stop));
        syntax.retain(is_stop);
        syntax.extend(found.into_iter().filter(|problem| !is_stop(problem)));
        root = second;
    }
    let broken: Vec<Span> = syntax
        .iter()
        .filter_map(|problem| problem.span.clone())
        .collect();
    let masked = if syntax.is_empty() {
        mask(text, root.get_ref())
    } else {
        mask_broken(text)
    };
    let mut walker = Walker {
        env,
        text,
        masked: &masked,
        broken: &broken,
        problems: Vec::new(),
    };
    let raw = Raw::read(&mut walker, root.get_ref());
    let config = check(&mut walker, &raw);
    let mut problems = walker.problems;
    if !syntax.is_empty() {
        forget_consequences(text, &broken, &mut problems);
        problems.extend(syntax);
    }
    if problems.is_empty() {
        Ok(config)
    } else {
        Err(LoadError::invalid(name, text, &masked, problems))
    }
}

fn parse(text: &str) -> (Spanned<DeTable<'_>>, Vec<Problem>) {
    let (root, errors) = DeTable::parse_recoverable(text);
    let problem = |error: &toml::de::Error| {
        let end = text.len();
        let span = error.span().unwrap_or(end..end);
        let span = span.start.min(end)..span.end.min(end);
        Problem::at(&span, format!("not TOML: {}", error.message()))
    };
    (root, errors.iter().map(problem).collect())
}

/// After a key without a value and a header without its end, the parser gives up on what follows.
/// The text with such lines made harmless without moving anything, and those lines, if any.
fn repair(text: &str, syntax: &[Problem]) -> Option<(String, Vec<Span>)> {
    const STOPS: [&str; 3] = [
        "key with no value",
        "unclosed table",
        "unclosed array table",
    ];
    let lines: Vec<Span> = syntax
        .iter()
        .filter(|problem| STOPS.iter().any(|stop| problem.message.contains(stop)))
        .filter_map(|problem| Some(line_of(text, problem.span.as_ref()?)))
        .collect();
    if lines.is_empty() {
        return None;
    }
    let mut bytes = text.as_bytes().to_vec();
    for line in &lines {
        match bytes.get_mut(line.clone()).unwrap_or_default() {
            // What stands below a lost header belongs to a table that nobody knows.
            [b'[', name @ .., close] if !name.is_empty() => {
                name.fill(b'_');
                *close = b']';
            }
            other => other.fill(b' '),
        }
    }
    Some((String::from_utf8(bytes).ok()?, lines))
}

/// The bytes of the line that the span starts in, without its newline.
fn line_of(text: &str, span: &Span) -> Span {
    let (before, after) = text.as_bytes().split_at(span.start.min(text.len()));
    let start = before
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |newline| newline + 1);
    let end = after
        .iter()
        .position(|byte| *byte == b'\n')
        .map_or(text.len(), |end| before.len() + end);
    start..end
}

fn starts_in(problem: &Problem, line: &Span) -> bool {
    let start = problem.span.as_ref().map(|span| span.start);
    start.is_some_and(|start| (line.start..=line.end).contains(&start))
}

/// What else is wrong in a line with a syntax error is most likely the syntax error.
fn forget_consequences(text: &str, broken: &[Span], problems: &mut Vec<Problem>) {
    let lines: Vec<Span> = broken.iter().map(|error| line_of(text, error)).collect();
    problems.retain(|problem| !lines.iter().any(|line| starts_in(problem, line)));
}
