//! How following begins: what can be followed, and what is known of an archive once there are records.

use std::collections::{BTreeSet, HashSet};

use anyhow::Context;
use archiver::cli::usage;
use archiver_format::archive::Archive;
use archiver_format::position::Positions;
use archiver_format::read::Selection;

use super::checkpoint::Checkpoint;
use super::meaning::Meaning;
use super::outputs::Outputs;
use super::source::{Origin, Source};
use crate::definition::detection::Method;
use crate::definition::written::Definition;
use crate::definition::{Analysis, Detection, Windows, resolve};
use crate::engine::ONLY;
use crate::table::columns::{Column, Kind, Of, columns};

/// What is known once there are records.
pub struct Begun {
    /// The columns of the archive.
    pub columns: Vec<Column>,
    /// What is measured.
    pub analysis: Analysis,
    /// By which windows.
    pub windows: Windows,
    /// What was emitted.
    pub checkpoint: Checkpoint,
}

impl Begun {
    /// With the columns that a checkpoint has.
    ///
    /// # Errors
    ///
    /// If these don't have what is measured.
    pub fn new(definition: &Definition, checkpoint: Checkpoint) -> anyhow::Result<Self> {
        let columns = columns(checkpoint.fields.clone());
        let (analysis, windows) = resolved(definition, &columns)?;
        Ok(Self {
            columns,
            analysis,
            windows,
            checkpoint,
        })
    }

    /// The first checkpoint, with the columns as they are found now. What is measured is taken for numbers of any kind, as
    /// nobody knows what is to come.
    ///
    /// # Errors
    ///
    /// If the archive can't be read, or has no such fields.
    pub fn first(
        definition: &Definition,
        source: &Source,
        archive: &Archive,
        since_ms: Option<i64>,
    ) -> anyhow::Result<Checkpoint> {
        let selection = Selection {
            since_ms,
            ..Selection::default()
        };
        let engine = source.engine(archive, None, &selection)?;
        let columns = engine.only()?.columns();
        let (analysis, _) = resolved(definition, columns)?;
        let values = analysis.values.iter().map(|value| &value.column);
        let time = analysis.time.iter().map(|time| &time.column);
        let measured = values.chain(time).collect::<HashSet<_>>();
        let fields = columns.iter().filter_map(|column| match &column.of {
            Of::Field(path) => {
                let is_measured = measured.contains(&column.name);
                let kind = match column.kind {
                    Kind::Integer if is_measured => Kind::Number,
                    kind => kind,
                };
                Some((path.clone(), kind))
            }
            _ => None,
        });
        let meaning = Meaning::of(definition);
        let origin = Origin::of(archive);
        let mut checkpoint = Checkpoint::new(meaning, origin, fields.collect(), since_ms);
        checkpoint.next_segment = next_segment(archive);
        Ok(checkpoint)
    }
}

/// Can it be followed?
pub fn check(definition: &Definition) -> anyhow::Result<()> {
    if definition.idle.0.is_zero() {
        let said = "with idle = \"0s\" every partition is idle at once, and nothing is ever closed; say how long it may be quiet";
        return Err(usage(said).into());
    }
    match definition.window {
        Some(_) => Ok(()),
        None => Err(usage("following is closing windows: say which window").into()),
    }
}

/// Can the anomalies that are asked for be found as they come?
pub fn check_method(definition: &Definition, outputs: &Outputs) -> anyhow::Result<()> {
    if !outputs.wants_anomalies() {
        return Ok(());
    }
    match definition.anomalies.map(|of| of.method) {
        Some(Method::RollingSigma) => Ok(()),
        Some(method) => Err(usage(&format!(
            "{} compares with values that are yet to come; to follow, say rolling-sigma, which looks back",
            method.name()
        ))
        .into()),
        None => Err(usage(
            "there is an output for anomalies, and nothing says how they are found: say anomalies = { method = \"rolling-sigma\" }",
        )
        .into()),
    }
}

/// The definition with these columns, and its windows. Other methods than the one that looks back find nothing here.
fn resolved(definition: &Definition, columns: &[Column]) -> anyhow::Result<(Analysis, Windows)> {
    let mut analysis = resolve::resolve(definition, columns, ONLY)?;
    let rolling = |of: &Detection| of.method == Method::RollingSigma;
    analysis.detection = analysis.detection.filter(rolling);
    let windows = analysis.windows.clone();
    let windows = windows.context("there are no windows")?;
    Ok((analysis, windows))
}

/// The segments with records of these positions or later ones, and of this time or later.
pub fn segments_from(archive: &Archive, from: Positions, since_ms: Option<i64>) -> BTreeSet<u64> {
    let selection = Selection {
        since_ms,
        from,
        ..Selection::default()
    };
    let segments = archive.segments.iter();
    let held = segments.filter(|segment| segment.may_hold_counted(&selection));
    held.map(|segment| segment.file.sequence).collect()
}

/// Segments with a lower number don't grow any more.
pub fn next_segment(archive: &Archive) -> u64 {
    let growing = archive
        .segments
        .iter()
        .filter(|segment| !segment.is_sealed());
    let growing = growing.map(|segment| segment.file.sequence).min();
    growing.unwrap_or(archive.checkpoint.progress.next_sequence)
}
