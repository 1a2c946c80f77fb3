//! Views over sealed segments, as SQL for other engines: with the columns that an archive has as a table here.

mod duckdb;
mod shape;
mod spark;

use std::path::{self, Path, PathBuf};

use anyhow::{Context, bail};
use archiver_format::archive::Archive;
use archiver_format::compression::Algorithm;

use self::shape::{Shape, told_apart};
use crate::sealed::Sealed;
use crate::table::columns::Column;

/// The engine that reads a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Reader {
    /// DuckDB
    Duckdb,
    /// Spark SQL
    Spark,
}

/// What a view is over.
#[derive(Debug)]
pub struct View {
    name: String,
    topic: String,
    columns: Vec<Column>,
    shape: Shape,
    parts: Vec<Part>,
    /// What must be known of it, a line each.
    remarks: Vec<String>,
}

/// Files that are read in one way.
#[derive(Debug)]
struct Part {
    /// Is each line a whole record, or its value alone?
    is_envelope: bool,
    compression: Algorithm,
    paths: Vec<PathBuf>,
}

impl View {
    /// Over what is sealed of an archive.
    ///
    /// # Errors
    ///
    /// If there are none, or one has a path that is no text.
    pub fn new(
        name: String,
        archive: &Archive,
        sealed: &Sealed,
        columns: Vec<Column>,
    ) -> anyhow::Result<Self> {
        let growing = sealed.growing;
        if sealed.there.is_empty() {
            bail!(
                "archive {name} has no sealed segments, and {growing} that grow, which no other engine can read safely; \
                 archiver-analyze sql can"
            );
        }
        let mut parts = Vec::<Part>::new();
        for segment in &sealed.there {
            let path = segment.path_now();
            let path =
                path::absolute(&path).with_context(|| format!("finding {}", path.display()))?;
            let is_envelope = segment.format != "raw";
            let known = parts.iter_mut().find(|part| {
                part.is_envelope == is_envelope && part.compression == segment.compression
            });
            match known {
                Some(part) => part.paths.push(path),
                None => parts.push(Part {
                    is_envelope,
                    compression: segment.compression,
                    paths: vec![path],
                }),
            }
        }
        let mut remarks = vec![format!(
            "Archive {name}: {} sealed segments. {growing} that grow aren't in it.",
            sealed.there.len()
        )];
        if parts.iter().any(|part| !part.is_envelope) {
            remarks.push(
                "Its lines are values alone: partition, offset and timestamp are in the index, and null here.".into(),
            );
        }
        let (columns, left_out) = told_apart(columns);
        let left_out = left_out.iter();
        remarks.extend(left_out.map(|(name, why)| format!("Left out: {name:?}, {why}.")));
        Ok(Self {
            name,
            topic: archive.checkpoint.identity.topic.clone(),
            shape: Shape::of(&columns),
            columns,
            parts,
            remarks,
        })
    }

    /// The statements that make it.
    ///
    /// # Errors
    ///
    /// If a path is no text.
    pub fn statements(&self, reader: Reader) -> anyhow::Result<String> {
        let remarks = self.remarks.iter().map(|remark| format!("-- {remark}\n"));
        let remarks = remarks.collect::<String>();
        let statements = match reader {
            Reader::Duckdb => duckdb::statements(self)?,
            Reader::Spark => spark::statements(self)?,
        };
        Ok(remarks + &statements)
    }
}

fn text(path: &Path) -> anyhow::Result<&str> {
    path.to_str()
        .with_context(|| format!("{} is no UTF-8, which SQL needs", path.display()))
}
