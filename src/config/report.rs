//! All problems of a configuration as one report, in the order of the file.

use std::collections::BTreeMap;
use std::fmt;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::mask::Masked;
use super::problem::{Problem, Span};

/// Why there is no configuration. Displays as what an operator should see.
#[derive(Debug)]
pub struct LoadError {
    /// Each problem, with how it is told from others wherever it is.
    problems: Vec<(String, String)>,
    /// What is said at the end, or instead.
    rendered: String,
    /// What the configuration is called.
    name: String,
    /// What is known beside it.
    claim: &'static str,
}

impl LoadError {
    /// The file could not be read at all.
    pub(super) fn unreadable(name: &str, why: &dyn fmt::Display) -> LoadError {
        LoadError {
            problems: Vec::new(),
            name: name.to_owned(),
            claim: "",
            rendered: format!(
                "reading the configuration {name}: {why}; `-c FILE` names another file, `-c -` is standard input"
            ),
        }
    }

    /// The file was read, and these places are not TOML. What else is wrong in such a line most likely follows from it.
    /// No part of the text is shown: without its grammar, all of it can be a secret.
    pub(super) fn not_toml(name: &str, text: &str, mut problems: Vec<Problem>) -> LoadError {
        let lines = Lines::of(text);
        problems.sort_by_key(Problem::start);
        problems.dedup_by_key(|problem| problem.start().map(|at| lines.number(at)));
        let page = Page {
            name,
            text,
            lines,
            shown: None,
        };
        Self::of(&page, &problems)
    }

    /// The file was read, and this is wrong with it.
    pub(super) fn invalid(
        name: &str,
        text: &str,
        masked: &Masked,
        mut problems: Vec<Problem>,
    ) -> LoadError {
        problems.sort_by_key(Problem::start);
        let page = Page {
            name,
            text,
            lines: Lines::of(text),
            shown: Some((masked, Lines::of(&masked.text))),
        };
        Self::of(&page, &problems)
    }

    /// All problems with their places, and how many they are.
    fn of(page: &Page<'_>, problems: &[Problem]) -> LoadError {
        let known = |problem: &Problem| {
            let Problem {
                message,
                label,
                help,
                ..
            } = problem;
            format!("{message}\n{label}\n{help:?}")
        };
        let problems = problems.iter();
        let problems = problems.map(|problem| (known(problem), page.render(problem) + "\n\n"));
        let problems = problems.collect::<Vec<_>>();
        LoadError {
            rendered: counted(problems.len(), page.name),
            problems,
            name: page.name.to_owned(),
            claim: "; no file was touched, no broker contacted",
        }
    }

    /// The same of a text that was made of what was typed, for many topics: what is wrong with each of them is told once.
    /// Brokers may have been asked which topics those are.
    pub(super) fn of_topics(mut self) -> Self {
        if self.problems.is_empty() {
            return self;
        }
        let mut times = BTreeMap::new();
        for (known, _) in &self.problems {
            *times.entry(known.clone()).or_insert(0) += 1;
        }
        let is_first = |(known, rendered): (String, String)| {
            let times = times.remove(&known)?;
            let rendered = match times {
                1 => rendered,
                times => format!(
                    "{}\nthe same {times} times, once for each topic\n\n",
                    rendered.trim_end()
                ),
            };
            Some((known, rendered))
        };
        self.problems = self.problems.into_iter().filter_map(is_first).collect();
        self.rendered = counted(self.problems.len(), &self.name);
        self.claim = "; no file was touched";
        self
    }
}

fn counted(problems: usize, name: &str) -> String {
    match problems {
        1 => format!("1 problem in {name}"),
        problems => format!("{problems} problems in {name}"),
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problems = self.problems.iter().map(|(_, rendered)| rendered.as_str());
        problems
            .chain([&*self.rendered, self.claim])
            .try_for_each(|part| f.write_str(part))
    }
}

impl std::error::Error for LoadError {}

/// Lines between two places of one problem, from which on each is shown by itself.
const GAP_LINES_MAX: usize = 50;

/// The file as typed and, if it may be shown, as shown; both have the same lines.
struct Page<'a> {
    name: &'a str,
    text: &'a str,
    lines: Lines,
    shown: Option<(&'a Masked, Lines)>,
}

impl Page<'_> {
    /// One problem, with the lines that it is about and what could be done.
    fn render(&self, problem: &Problem) -> String {
        let mut group = Group::with_title(Level::ERROR.primary_title(&problem.message));
        let origin = Origin::path(self.name);
        let place = problem.span.as_ref().map(|span| {
            let line = self.lines.number(span.start);
            (line, self.lines.column(self.text, span.start))
        });
        group = match (&self.shown, place) {
            (Some((masked, lines)), Some((line, _))) => {
                group.elements(self.snippets(masked, lines, problem, line))
            }
            (None, Some((line, column))) => group.element(origin.line(line).char_column(column)),
            (_, None) => group.element(origin),
        };
        for help in &problem.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        let rendered = Renderer::plain().render(&[group]);
        match place {
            Some((line, column)) => point_at(&rendered, &format!("{}:{line}:{column}", self.name)),
            None => rendered,
        }
    }

    /// The place of a problem and what belongs to it, together where they are near.
    fn snippets<'a>(
        &self,
        masked: &'a Masked,
        lines: &Lines,
        problem: &'a Problem,
        line: usize,
    ) -> Vec<Snippet<'a, Annotation<'a>>> {
        let primary = problem
            .span
            .iter()
            .map(|span| (AnnotationKind::Primary, span, problem.label.as_str()));
        let also = problem.also.iter();
        let also = also.map(|(span, label)| (AnnotationKind::Context, span, label.as_str()));
        let is_near = |other: &Span| self.lines.number(other.start).abs_diff(line) <= GAP_LINES_MAX;
        let (near, far): (Vec<_>, Vec<_>) =
            primary.chain(also).partition(|(_, span, _)| is_near(span));
        let far = far.into_iter().map(|place| vec![place]);
        std::iter::once(near)
            .chain(far)
            .map(|places| self.snippet(masked, lines, &places))
            .collect()
    }

    /// The lines that hold these places, not the whole file: a thousand problems cost a thousand
    /// times a few lines.
    fn snippet<'a>(
        &self,
        masked: &'a Masked,
        lines: &Lines,
        places: &[(AnnotationKind, &Span, &'a str)],
    ) -> Snippet<'a, Annotation<'a>> {
        let numbers = places
            .iter()
            .flat_map(|(_, span, _)| [self.lines.number(span.start), self.lines.number(span.end)]);
        let first = numbers.clone().min().unwrap_or(1);
        let last = numbers.max().unwrap_or(1);
        let shown = lines.span(&masked.text, first, last);
        let source = masked.text.get(shown.clone()).unwrap_or_default();
        let annotations = places.iter().map(|(kind, span, label)| {
            let place = masked.map(span);
            let within = |at: usize| at.saturating_sub(shown.start).min(source.len());
            let label = Some(*label).filter(|label| !label.is_empty());
            kind.span(within(place.start)..within(place.end))
                .label(label)
        });
        Snippet::source(source)
            .path(self.name.to_owned())
            .line_start(first)
            .annotations(annotations.collect::<Vec<_>>())
    }
}

/// The rendered problem with its place as typed: what is masked before it must not move the column.
fn point_at(rendered: &str, place: &str) -> String {
    const ARROW: &str = "--> ";
    let moved = || {
        let (title, rest) = rendered.split_once('\n')?;
        let (indent, rest) = rest.split_once(ARROW)?;
        let below = rest.find('\n').map_or("", |end| &rest[end..]);
        Some(format!("{title}\n{indent}{ARROW}{place}{below}"))
    };
    moved().unwrap_or_else(|| rendered.to_owned())
}

/// Where the lines of a text start.
struct Lines {
    starts: Vec<usize>,
}

impl Lines {
    fn of(text: &str) -> Lines {
        let after = text.match_indices('\n').map(|(at, _)| at + 1);
        Lines {
            starts: std::iter::once(0).chain(after).collect(),
        }
    }

    /// The number, from 1, of the line that holds the byte.
    fn number(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at)
    }

    /// The column in characters, from 1.
    fn column(&self, text: &str, at: usize) -> usize {
        let start = self.starts[self.number(at) - 1];
        text.get(start..at).unwrap_or_default().chars().count() + 1
    }

    /// The bytes of these lines, without the last newline.
    fn span(&self, text: &str, first: usize, last: usize) -> Span {
        let end = self.starts.get(last).map_or(text.len(), |next| next - 1);
        self.starts[first - 1]..end
    }
}
