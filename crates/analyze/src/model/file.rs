//! Files of models: JSON that can be read by people, and by this version and later ones of the program.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::learned::{Group, Method};
use super::question::Question;
use super::rows::named;
use crate::digest::hex;
use crate::output::Part;

/// What a file is that holds a model.
const KIND: &str = "archiver-analyze model";
/// Its kind stands within so many bytes of a model's file.
const HEAD_BYTES: u64 = 256;
/// The format that is written.
const FORMAT: u32 = 1;
/// A file that is larger isn't read, nor written.
const BYTES_MOST: u64 = 256 << 20;

/// A model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// [`KIND`].
    kind: String,
    /// [`FORMAT`].
    format: u32,
    /// How it was learned.
    pub method: Method,
    /// How many clusters were looked for.
    pub clusters: Option<usize>,
    /// By which seed chance went.
    pub seed: u64,
    /// The fields that it is about.
    #[serde(flatten)]
    pub question: Question,
    /// What it was learned from.
    pub learned_from: LearnedFrom,
    /// What was learned of each group.
    #[serde(default)]
    pub groups: Vec<Group>,
}

/// What a model was learned from. Times are RFC 3339 in UTC.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LearnedFrom {
    /// The source, as it was named.
    pub source: String,
    /// SHA-256 of what the archive held (its segments, by their digests and lengths); nothing if it was a file.
    pub archive_sha256: Option<String>,
    /// The timestamp from which on records were asked for.
    pub since: Option<String>,
    /// The timestamp before which they were.
    pub until: Option<String>,
    /// The time of the first row.
    pub first: Option<String>,
    /// The time of the last row.
    pub last: Option<String>,
    /// How many rows.
    pub rows: u64,
    /// How many rows were left out, as a feature or the label was missing or no number.
    pub left_out: u64,
}

impl Model {
    /// One of this program.
    pub fn new(
        method: Method,
        clusters: Option<usize>,
        seed: u64,
        question: Question,
        learned_from: LearnedFrom,
        groups: Vec<Group>,
    ) -> Self {
        Self {
            kind: KIND.to_owned(),
            format: FORMAT,
            method,
            clusters,
            seed,
            question,
            learned_from,
            groups,
        }
    }

    /// As it is written: a line for each group.
    ///
    /// # Errors
    ///
    /// If it would be too large.
    pub fn text(&self) -> anyhow::Result<String> {
        let head = serde_json::to_string_pretty(&self.head())?;
        let head = head.strip_suffix("[]\n}").unwrap_or(&head);
        let mut text = format!("{head}[");
        for (number, group) in self.groups.iter().enumerate() {
            text += if number == 0 { "\n    " } else { ",\n    " };
            text += &serde_json::to_string(group)?;
            if text.len() as u64 > BYTES_MOST {
                bail!(
                    "the model has more than {} MiB; name fewer fields with --by, or take kmeans, whose groups are small",
                    BYTES_MOST >> 20
                );
            }
        }
        text += "\n  ]\n}\n";
        Ok(text)
    }

    /// All but the groups.
    fn head(&self) -> Self {
        Self::new(
            self.method,
            self.clusters,
            self.seed,
            self.question.clone(),
            self.learned_from.clone(),
            Vec::new(),
        )
    }

    /// Writes it as a whole or not at all.
    ///
    /// # Errors
    ///
    /// If it can't be written, or something else than a model is there.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        let text = self.text()?;
        if !is_free(path) {
            bail!(
                "writing {}: there is a file that is no model; name another one, or remove it",
                path.display()
            );
        }
        let mut part = Part::create(path)?;
        let written = part.file.write_all(text.as_bytes());
        written.with_context(|| format!("writing {}", path.display()))?;
        part.complete()
    }

    /// Reads one, and returns its digest with it.
    ///
    /// # Errors
    ///
    /// If the file can't be read, is none, is damaged, or is of a newer format.
    pub fn read(path: &Path) -> anyhow::Result<(Self, String)> {
        let bytes = read(path).with_context(|| format!("reading {}", path.display()))?;
        let model = Self::decode(&bytes);
        let model = model.with_context(|| format!("reading the model {}", path.display()))?;
        Ok((model, hex(&Sha256::digest(&bytes))))
    }

    fn decode(bytes: &[u8]) -> anyhow::Result<Self> {
        #[derive(Deserialize)]
        struct Head {
            kind: String,
            format: u32,
        }
        let head = match serde_json::from_slice::<Head>(bytes) {
            Ok(head) if head.kind == KIND => head,
            Err(e) if e.is_eof() && !bytes.is_empty() => {
                bail!("it ends before it is whole; was it copied as a whole? Train it again")
            }
            _ => bail!("this is no model; archiver-analyze train writes one"),
        };
        if head.format > FORMAT {
            bail!(
                "it is of format {}, and this program knows formats up to {FORMAT}; use the archiver-analyze that wrote it, or a newer one",
                head.format
            );
        }
        let model = serde_json::from_slice::<Self>(bytes);
        let model = model.context("it is damaged; train it again")?;
        let (features, by) = (model.question.features.len(), model.question.by.len());
        let odd = model
            .groups
            .iter()
            .find(|group| !group.is_valid(features, by));
        if let Some(odd) = odd {
            bail!(
                "it is damaged: what it has learned of {} doesn't fit its {features} features; train it again",
                named(&model.question.by, &odd.by)
            );
        }
        if model.groups.is_empty() || features == 0 {
            bail!("it is damaged: it has learned nothing; train it again");
        }
        Ok(model)
    }
}

/// Is there nothing, or a model, be it damaged?
fn is_free(path: &Path) -> bool {
    let mut begins = Vec::new();
    let Ok(file) = File::open(path) else {
        return true;
    };
    if file.take(HEAD_BYTES).read_to_end(&mut begins).is_err() || begins.is_empty() {
        return true;
    }
    String::from_utf8_lossy(&begins).contains(KIND)
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = File::open(path)?;
    file.take(BYTES_MOST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > BYTES_MOST {
        bail!(
            "it has more than {} MiB, and no model has",
            BYTES_MOST >> 20
        );
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
