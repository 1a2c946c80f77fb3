//! Flags that say one definition.

use archiver::cli::{UsageError, usage};

use crate::definition::Aggregate;
use crate::definition::detection::{Detection, Method, parse_sigmas};
use crate::definition::fill::Fill;
use crate::definition::length::Length;
use crate::definition::written::{Definition, WrittenWindow};

/// Which values, of which records.
#[derive(Debug, clap::Args)]
pub struct Values {
    /// An archive of the configuration, a state directory, a directory with .archiver in it, or a file
    #[arg(value_name = "NAME|PATH")]
    source: String,
    /// The field with the time, instead of the record's timestamp
    #[arg(long, value_name = "FIELD")]
    time: Option<String>,
    /// The fields that are measured
    #[arg(long, value_name = "FIELD,…", value_delimiter = ',', required = true)]
    value: Vec<String>,
    /// The fields by which records are told apart
    #[arg(long, value_name = "FIELD,…", value_delimiter = ',')]
    by: Vec<String>,
    /// Only records of which this holds, in SQL
    #[arg(long, value_name = "SQL")]
    filter: Option<String>,
}

/// By which windows, and what is measured in each.
#[derive(Debug, clap::Args)]
pub struct Windows {
    /// Windows one behind the other, so long each
    #[arg(long, value_name = "DURATION")]
    tumbling: Option<Length>,
    /// Windows that overlap, so long each
    #[arg(long, value_name = "DURATION", requires = "every")]
    sliding: Option<Length>,
    /// How often a sliding window begins
    #[arg(long, value_name = "DURATION", requires = "sliding")]
    every: Option<Length>,
    /// Windows that end when nothing has come for so long
    #[arg(long, value_name = "DURATION")]
    session: Option<Length>,
    /// Windows begin so much later than 1970, instead of with it
    #[arg(long, value_name = "DURATION")]
    offset: Option<Length>,
    /// What is measured: count, sum, mean, min, max, stddev, p50, p99…; count if nothing is said
    #[arg(long, value_name = "WHAT,…", value_delimiter = ',')]
    aggregates: Vec<Aggregate>,
    /// Rows for windows in which there is nothing too, and what stands in them
    #[arg(long, value_enum, value_name = "WITH")]
    fill: Option<Fill>,
}

impl Windows {
    /// The windows, if any of these flags is there.
    fn written(&self) -> Option<WrittenWindow> {
        let window = WrittenWindow {
            tumbling: self.tumbling,
            sliding: self.sliding,
            every: self.every,
            session: self.session,
            offset: self.offset,
        };
        (window != WrittenWindow::default()).then_some(window)
    }
}

/// How anomalies are found.
#[derive(Debug, clap::Args)]
pub struct Anomalies {
    /// How anomalies are found
    #[arg(long, value_enum, value_name = "METHOD")]
    method: Option<Method>,
    /// So many times the usual deviation is still usual; 3 if nothing is said
    #[arg(long, value_name = "NUMBER", requires = "method", value_parser = parse_sigmas)]
    sigmas: Option<f64>,
    /// rolling-sigma: what is expected follows from so long a time before; 1d if nothing is said
    #[arg(long, value_name = "DURATION", requires = "method")]
    history: Option<Length>,
    /// seasonal: values are alike again after so long; 1d if nothing is said
    #[arg(long, value_name = "DURATION", requires = "method")]
    period: Option<Length>,
}

impl Anomalies {
    /// What was typed, or this method.
    pub fn detection(&self, usual: Option<Method>) -> Result<Option<Detection>, UsageError> {
        let Some(method) = self.method.or(usual) else {
            return Ok(None);
        };
        let detection = Detection::typed(method, self.sigmas, self.history, self.period);
        detection
            .map(Some)
            .map_err(|why| usage(&format!("--{why}")))
    }
}

/// The definition that these flags say.
pub fn written(values: &Values, windows: &Windows, anomalies: Option<Detection>) -> Definition {
    Definition {
        name: values.source.clone(),
        source: values.source.clone(),
        time: values.time.clone(),
        value: values.value.clone(),
        by: values.by.clone(),
        filter: values.filter.clone(),
        window: windows.written(),
        aggregates: windows.aggregates.clone(),
        fill: windows.fill,
        anomalies,
        lateness: Length::default(),
        idle: Length::MINUTE,
        output: Vec::new(),
    }
}
