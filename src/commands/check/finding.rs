//! What was found, and what can be done about it.

use serde::Serialize;

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Outcome {
    /// As it should be.
    Good,
    /// It can't be told.
    Unknown,
    /// It works, and somebody should know it.
    Doubtful,
    /// It would fail.
    Bad,
}

impl Outcome {
    /// How it is shown.
    pub fn mark(self) -> &'static str {
        match self {
            Self::Good => "✓",
            Self::Unknown => "?",
            Self::Doubtful => "!",
            Self::Bad => "✗",
        }
    }
}

/// What was found of one thing; a line of JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// What it is about: `cluster NAME`, `archive NAME`, …
    pub subject: String,
    /// What was looked at: `topic`, `rights`, `space`, …
    pub check: &'static str,
    pub outcome: Outcome,
    /// What was found.
    pub text: String,
    /// What can be done.
    pub advice: Option<String>,
    /// The command that does it.
    pub command: Option<String>,
}

impl Finding {
    /// How it can be mended.
    pub fn advice(&mut self, advice: impl Into<String>) -> &mut Self {
        self.advice = Some(advice.into());
        self
    }

    /// By which command.
    pub fn command(&mut self, command: String) {
        self.command = Some(command);
    }
}

/// What was found of one subject.
#[derive(Debug, Default)]
pub(super) struct Findings {
    subject: String,
    pub all: Vec<Finding>,
}

impl Findings {
    /// About this, nothing so far.
    pub fn about(subject: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            all: Vec::new(),
        }
    }

    /// Adds one.
    pub fn add(&mut self, check: &'static str, outcome: Outcome, text: String) -> &mut Finding {
        let at = self.all.len();
        self.all.push(Finding {
            subject: self.subject.clone(),
            check,
            outcome,
            text,
            advice: None,
            command: None,
        });
        &mut self.all[at]
    }

    /// It is as it should be.
    pub fn good(&mut self, check: &'static str, text: impl Into<String>) {
        self.add(check, Outcome::Good, text.into());
    }

    /// It can't be told.
    pub fn unknown(&mut self, check: &'static str, text: impl Into<String>) -> &mut Finding {
        self.add(check, Outcome::Unknown, text.into())
    }

    /// It works, and somebody should know it.
    pub fn doubtful(&mut self, check: &'static str, text: impl Into<String>) -> &mut Finding {
        self.add(check, Outcome::Doubtful, text.into())
    }

    /// It would fail.
    pub fn bad(&mut self, check: &'static str, text: impl Into<String>) -> &mut Finding {
        self.add(check, Outcome::Bad, text.into())
    }
}

/// A text as a shell takes it for one word.
pub(super) fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,=@%+".contains(c);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

/// How long something takes, in its two largest units.
pub(super) fn span(seconds: f64) -> String {
    let seconds = seconds.max(0.0);
    match seconds {
        s if s < 1.0 => format!("{:.0} ms", s * 1e3),
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7_200.0 => format!("{:.0} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.0} h", s / 3_600.0),
        s if s < 86_400.0 * 3_650.0 => format!("{:.0} d", s / 86_400.0),
        _ => "years".to_owned(),
    }
}
