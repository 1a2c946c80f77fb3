//! What is wrong with a configuration, and where.

use std::ops::Range;

/// A range of bytes of the configuration's text.
pub(super) type Span = Range<usize>;

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct At<T> {
    pub value: T,
    pub span: Span,
}

/// A string as typed, and what it stands for.
#[derive(Debug, Clone)]
pub(super) struct Text {
    /// Before `${…}` was replaced: the only form that a message may quote, if even that.
    typed: Option<String>,
    substituted: bool,
    /// After.
    pub value: String,
    pub span: Span,
}

impl Text {
    pub fn new(typed: &str, value: String, span: Span) -> Text {
        Text {
            substituted: typed != value,
            typed: Some(typed.to_owned()),
            value,
            span,
        }
    }

    /// A text that stands where a secret could.
    pub fn hidden(self) -> Text {
        Text {
            typed: None,
            ..self
        }
    }

    /// The text for a message: as typed, never what was put in its place.
    pub fn quoted(&self) -> String {
        match &self.typed {
            Some(typed) => quote(typed),
            None => "`***`".to_owned(),
        }
    }

    /// Whether a message may tell what the value resembles.
    pub fn is_shown(&self) -> bool {
        self.typed.is_some() && !self.substituted
    }
}

/// `text` between backticks, on one line and of bounded length.
pub(super) fn quote(text: &str) -> String {
    const CHARS_MAX: usize = 80;
    let mut shown = String::from("`");
    for (count, char) in text.chars().enumerate() {
        if count == CHARS_MAX {
            shown.push('…');
            break;
        }
        if char.is_control() {
            shown.extend(char.escape_debug());
        } else {
            shown.push(char);
        }
    }
    shown.push('`');
    shown
}

/// One thing that is wrong.
#[derive(Debug)]
pub(super) struct Problem {
    /// Where; `None` when it is the file as a whole.
    pub span: Option<Span>,
    /// What is wrong.
    pub message: String,
    /// Stands beside the underline.
    pub label: String,
    /// Other places that belong to it, with their labels.
    pub also: Vec<(Span, String)>,
    /// What can be done.
    pub help: Vec<String>,
}

impl Problem {
    pub fn at(span: &Span, message: impl Into<String>) -> Problem {
        Problem {
            span: Some(span.clone()),
            message: message.into(),
            label: String::new(),
            also: Vec::new(),
            help: Vec::new(),
        }
    }

    pub fn of_the_file(message: impl Into<String>) -> Problem {
        Problem {
            span: None,
            ..Problem::at(&(0..0), message)
        }
    }

    pub fn start(&self) -> Option<usize> {
        self.span.as_ref().map(|span| span.start)
    }

    pub fn label(mut self, label: impl Into<String>) -> Problem {
        self.label = label.into();
        self
    }

    pub fn also(mut self, span: &Span, label: impl Into<String>) -> Problem {
        self.also.push((span.clone(), label.into()));
        self
    }

    pub fn help(mut self, help: impl Into<String>) -> Problem {
        self.help.push(help.into());
        self
    }
}
