//! The analyses of the file, and when each has run last: nobody writes that down, so it is told by the times of what it has
//! written.

use std::fs;
use std::path::Path;
use std::time::UNIX_EPOCH;

use serde::Serialize;

use crate::definition::detection::{Detection, Method};
use crate::definition::written::{Definition, Output};
use crate::serve::analyses::Analyses;
use crate::serve::catalog::{Catalog, Served};

/// The analyses.
#[derive(Debug, Serialize)]
pub struct Results {
    /// What a last run is here.
    last_run_is: &'static str,
    analyses: Vec<Shown>,
}

/// An analysis.
#[derive(Debug, Serialize)]
struct Shown {
    name: String,
    /// What it asks, as it is called here; null if that can't be read here.
    source: Option<String>,
    value: Vec<String>,
    by: Vec<String>,
    has_windows: bool,
    /// How far windows are apart, in milliseconds; null without windows, and of sessions.
    window_ms: Option<i64>,
    /// So much earlier than what is judged must be read, to know what to expect of it.
    reads_before_ms: i64,
    aggregates: Vec<String>,
    method: Option<&'static str>,
    /// When an output of it was written last, in milliseconds since 1970; null if there is none.
    last_run_ms: Option<i64>,
    outputs: Vec<Written>,
}

/// Where an answer goes, and when it was written there.
#[derive(Debug, Serialize)]
struct Written {
    kind: &'static str,
    /// Null of what is no file.
    path: Option<String>,
    written_ms: Option<i64>,
    bytes: Option<u64>,
}

/// What there is.
///
/// # Errors
///
/// If the file can't be read.
pub fn answer(analyses: &Analyses, catalog: &Catalog) -> anyhow::Result<Results> {
    let (definitions, all) = (analyses.read()?, catalog.all()?);
    Ok(Results {
        last_run_is: "when one of its outputs was written last, by the times of the files",
        analyses: definitions.iter().map(|of| shown(of, &all)).collect(),
    })
}

fn shown(definition: &Definition, all: &[Served]) -> Shown {
    let outputs = definition.output.iter().map(written).collect::<Vec<_>>();
    let aggregates = definition.aggregates.iter();
    let window = definition.window.and_then(|window| window.window().ok());
    Shown {
        name: definition.name.clone(),
        source: Catalog::name_of(all, &definition.source).map(str::to_owned),
        value: definition.value.clone(),
        by: definition.by.clone(),
        has_windows: definition.window.is_some(),
        window_ms: window.and_then(|window| Some(window.size_and_every()?.1)),
        reads_before_ms: definition.anomalies.map_or(0, reads_before_ms),
        aggregates: aggregates.map(ToString::to_string).collect(),
        method: definition.anomalies.map(|of| of.method.name()),
        last_run_ms: outputs.iter().filter_map(|output| output.written_ms).max(),
        outputs,
    }
}

fn reads_before_ms(detection: Detection) -> i64 {
    match detection.method {
        Method::ThreeSigma | Method::Mad => 0,
        Method::RollingSigma => detection.history.ms(),
        Method::Seasonal => detection.period.ms().saturating_mul(4),
    }
}

fn written(output: &Output) -> Written {
    let (kind, path) = match output {
        Output::File(path) => ("file", Some(path)),
        Output::Anomalies(path) => ("anomalies", Some(path)),
        Output::Plot(path) => ("plot", Some(path)),
        Output::Report(path) => ("report", Some(path)),
        Output::Webhook(_) => ("webhook", None),
        Output::Command(_) => ("command", None),
    };
    let file = path.and_then(|path| fs::metadata(path).ok());
    let is_file = file.as_ref().is_some_and(fs::Metadata::is_file);
    Written {
        kind,
        path: path.map(|path| path.display().to_string()),
        written_ms: match is_file {
            true => file.as_ref().and_then(modified_ms),
            // Each run has a directory of its own in this one.
            false => path.and_then(|path| newest_ms(path)),
        },
        bytes: file.filter(|_| is_file).map(|file| file.len()),
    }
}

/// When something was put into a directory last.
fn newest_ms(directory: &Path) -> Option<i64> {
    let entries = fs::read_dir(directory).ok()?.flatten();
    let times = entries.filter_map(|entry| modified_ms(&entry.metadata().ok()?));
    times.max()
}

fn modified_ms(file: &fs::Metadata) -> Option<i64> {
    let since = file.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_millis()).ok()
}
