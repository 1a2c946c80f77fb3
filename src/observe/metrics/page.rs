//! The text of metrics.

use std::borrow::Borrow;
use std::fmt::{Display, Write};

use super::families::{Family, Kind};
use crate::observe::snapshot::Histogram;

/// The text formats in which metrics can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `text/plain; version=0.0.4`.
    Prometheus,
    /// `application/openmetrics-text; version=1.0.0`.
    OpenMetrics,
}

impl Format {
    /// The value of the header `Content-Type`.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// A page that is being written.
pub struct Page {
    text: String,
    format: Format,
}

/// The labels of a sample, as they stand between the braces.
#[derive(Debug, Clone, Default)]
pub struct Labels(String);

impl Labels {
    /// These, each with its value.
    pub fn new(labels: &[(&str, &str)]) -> Self {
        let none = Self::default();
        labels
            .iter()
            .fold(none, |all, (name, value)| all.with(name, value))
    }

    /// The same and one more.
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut all = String::with_capacity(self.0.len() + name.len() + value.len() + 4);
        all += &self.0;
        if !all.is_empty() {
            all.push(',');
        }
        all += name;
        all += "=\"";
        for c in value.chars() {
            match c {
                '\\' => all += "\\\\",
                '"' => all += "\\\"",
                '\n' => all += "\\n",
                c => all.push(c),
            }
        }
        all.push('"');
        Self(all)
    }
}

impl Page {
    /// An empty one.
    pub fn new(format: Format) -> Self {
        Self {
            text: String::new(),
            format,
        }
    }

    /// A metric with all its samples; nothing if there are none.
    pub fn all(
        &mut self,
        family: &Family,
        samples: impl IntoIterator<Item = (impl Borrow<Labels>, impl Display)>,
    ) {
        let mut samples = samples.into_iter().peekable();
        if samples.peek().is_some() {
            self.head(family);
        }
        for (labels, value) in samples {
            self.sample(family.name, "", &labels.borrow().0, value);
        }
    }

    /// A histogram without labels.
    pub fn histogram(&mut self, family: &Family, histogram: &Histogram) {
        self.head(family);
        let mut count = 0;
        let bounds = histogram
            .bounds_seconds
            .iter()
            .map(|bound| format!("{bound:?}"));
        let bounds = bounds.chain(["+Inf".to_owned()]);
        for (bound, more) in bounds.zip(&histogram.counts) {
            count += more;
            self.sample(family.name, "_bucket", &format!("le=\"{bound}\""), count);
        }
        self.sample(family.name, "_sum", "", histogram.sum_seconds);
        self.sample(family.name, "_count", "", count);
    }

    fn head(&mut self, family: &Family) {
        let name = match (self.format, family.kind) {
            (Format::OpenMetrics, Kind::Counter) => family.name.trim_end_matches("_total"),
            _ => family.name,
        };
        let (help, kind) = (family.help, family.kind.name());
        self.line(format_args!(
            "# HELP {name} {help}.\n# TYPE {name} {kind}\n"
        ));
    }

    fn sample(&mut self, name: &str, ending: &str, labels: &str, value: impl Display) {
        match labels.is_empty() {
            true => self.line(format_args!("{name}{ending} {value}\n")),
            false => self.line(format_args!("{name}{ending}{{{labels}}} {value}\n")),
        }
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a string can't fail.
        let _ = self.text.write_fmt(line);
    }

    /// The whole page.
    pub fn end(mut self) -> String {
        if self.format == Format::OpenMetrics {
            self.text += "# EOF\n";
        }
        self.text
    }
}
