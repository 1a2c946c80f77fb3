//! All problems of a configuration as one report, in the order of the file.

use std::fmt;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::mask::Masked;
use super::problem::{Problem, Span};

/// Why there is no configuration. Displays as what an operator should see.
#[derive(Debug)]
pub struct LoadError {
    rendered: String,
}

impl LoadError {
    /// The file could not be read at all.
    pub(super) fn unreadable(name: &str, why: &dyn fmt::Display) -> LoadError {
        LoadError {
            rendered: format!(
                "reading the configuration {name}: {why}; `-c FILE` names another file, `-c -` is standard input"
            ),
        }
    }

    /// The file was read, and this is wrong with it.
    pub(super) fn invalid(
        name: &str,
        text: &str,
        masked: &Masked,
        mut problems: Vec<Problem>,
    ) -> LoadError {
        problems.sort_by_key(|problem| problem.span.as_ref().map(|span| span.start));
        let page = Page {
            name,
            text,
            lines: Lines::of(text),
            shown: masked.text(),
            shown_lines: Lines::of(masked.text()),
            masked,
        };
        let mut rendered = String::new();
        for problem in &problems {
            rendered.push_str(&page.render(problem));
            rendered.push_str("\n\n");
        }
        let count = match problems.len() {
            1 => "1 problem".to_owned(),
            count => format!("{count} problems"),
        };
        rendered.push_str(&format!(
            "{count} in {name}; no file was touched, no broker contacted"
        ));
        LoadError { rendered }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rendered)
    }
}

impl std::error::Error for LoadError {}

/// Lines between two places of one problem, from which on each is shown by itself.
const GAP_LINES_MAX: usize = 50;

/// The file as typed and as shown; both have the same lines.
struct Page<'a> {
    name: &'a str,
    text: &'a str,
    lines: Lines,
    shown: &'a str,
    shown_lines: Lines,
    masked: &'a Masked,
}

impl Page<'_> {
    fn render(&self, problem: &Problem) -> String {
        let mut group = Group::with_title(Level::ERROR.primary_title(&problem.message));
        let mut moved = None;
        if let Some(span) = &problem.span {
            let primary = (AnnotationKind::Primary, span, problem.label.as_str());
            let line = self.lines.number(span.start);
            let is_near =
                |other: &Span| self.lines.number(other.start).abs_diff(line) <= GAP_LINES_MAX;
            let also = problem
                .also
                .iter()
                .map(|(span, label)| (AnnotationKind::Context, span, label.as_str()));
            let (near, far): (Vec<_>, Vec<_>) = also.partition(|(_, span, _)| is_near(span));
            let together: Vec<_> = std::iter::once(primary).chain(near).collect();
            group = group.element(self.snippet(&together));
            for place in far {
                group = group.element(self.snippet(&[place]));
            }
            // What is masked before it must not move the column.
            let typed = self.lines.column(self.text, span.start);
            let seen = self.shown_lines.column(self.shown, self.place(span).start);
            let arrow = |column: usize| format!("--> {}:{line}:{column}\n", self.name);
            moved = Some((arrow(seen), arrow(typed)));
        } else {
            group = group.element(Origin::path(self.name));
        }
        for help in &problem.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        let rendered = Renderer::plain().render(&[group]);
        match moved {
            Some((seen, typed)) => rendered.replacen(&seen, &typed, 1),
            None => rendered,
        }
    }

    /// The lines that hold these places, not the whole file: a thousand problems cost a thousand
    /// times a few lines.
    fn snippet<'a>(
        &'a self,
        places: &[(AnnotationKind, &Span, &'a str)],
    ) -> Snippet<'a, Annotation<'a>> {
        let numbers = places
            .iter()
            .flat_map(|(_, span, _)| [self.lines.number(span.start), self.lines.number(span.end)]);
        let first = numbers.clone().min().unwrap_or(1);
        let last = numbers.max().unwrap_or(1);
        let lines = self.shown_lines.span(self.shown, first, last);
        let source = self.shown.get(lines.clone()).unwrap_or_default();
        let annotations = places.iter().map(|(kind, span, label)| {
            let place = self.place(span);
            let start = place.start.saturating_sub(lines.start).min(source.len());
            let end = place.end.saturating_sub(lines.start).min(source.len());
            let label = Some(*label).filter(|label| !label.is_empty());
            kind.span(start..end.max(start)).label(label)
        });
        Snippet::source(source)
            .path(self.name)
            .line_start(first)
            .annotations(annotations.collect::<Vec<_>>())
    }

    /// Where a part of the text as typed is in the text as shown, on the same lines.
    fn place(&self, span: &Span) -> Span {
        let line = |at: usize| {
            let number = self.lines.number(at);
            self.shown_lines.span(self.shown, number, number)
        };
        let (first, last) = (line(span.start), line(span.end));
        let place = self.masked.map(span);
        let start = place.start.clamp(first.start, first.end);
        start..place.end.clamp(last.start, last.end).max(start)
    }
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
