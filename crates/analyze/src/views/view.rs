//! What a view is over: files of sealed segments, and the columns of their archive.

use std::path::{self, Path, PathBuf};

use anyhow::{Context, bail};
use archiver_format::archive::Archive;
use archiver_format::compression::Algorithm;

use super::shape::{Shape, told_apart};
use crate::sealed::Sealed;
use crate::table::columns::Column;

/// What a view is over.
#[derive(Debug)]
pub struct View {
    pub(super) name: String,
    pub(super) topic: String,
    pub(super) columns: Vec<Column>,
    pub(super) shape: Shape,
    pub(super) parts: Vec<Part>,
    /// What must be known of it, a line each.
    pub(super) remarks: Vec<String>,
}

/// Files that are read in one way.
#[derive(Debug)]
pub(super) struct Part {
    /// Is each line a whole record, or its value alone?
    pub(super) is_envelope: bool,
    pub(super) compression: Algorithm,
    pub(super) paths: Vec<PathBuf>,
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
}

/// A path as SQL has it.
///
/// # Errors
///
/// If it is no text.
pub(super) fn text(path: &Path) -> anyhow::Result<&str> {
    path.to_str()
        .with_context(|| format!("{} is no UTF-8, which SQL needs", path.display()))
}
