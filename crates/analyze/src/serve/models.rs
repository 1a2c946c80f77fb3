//! The models in the directory that was named, as they are now.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use archiver::terminal::nearest;

use super::problem::Problem;
use crate::model::file::Model;

/// What the name of a model's file ends with.
const ENDING: &str = "json";

/// A directory with models, if one was named.
#[derive(Debug, Clone, Default)]
pub struct Models(pub Option<PathBuf>);

impl Models {
    /// The names of the models, which are those of their files, and where they are.
    ///
    /// # Errors
    ///
    /// If the directory can't be read.
    pub fn all(&self) -> anyhow::Result<Vec<(String, PathBuf)>> {
        let Some(directory) = &self.0 else {
            return Ok(Vec::new());
        };
        let reading = || format!("reading the models in {}", directory.display());
        let mut found = Vec::new();
        for entry in fs::read_dir(directory).with_context(reading)? {
            let path = entry.with_context(reading)?.path();
            found.extend(name(&path).map(|name| (name, path)));
        }
        found.sort();
        Ok(found)
    }

    /// The model of this name.
    ///
    /// # Errors
    ///
    /// If there is none, or it can't be read.
    pub fn named(&self, name: &str) -> Result<Model, Problem> {
        let all = self.all()?;
        if let Some((_, path)) = all.iter().find(|(known, _)| known == name) {
            let (model, _) = Model::read(path)?;
            return Ok(model);
        }
        let names = all.iter().map(|(name, _)| &name[..]);
        Err(Problem::unknown(match nearest(name, names) {
            Some(near) => format!("there is no model of this name; did you mean {near}?"),
            None => "there is no model of this name; /api/v1/models lists them".to_owned(),
        }))
    }
}

fn name(path: &Path) -> Option<String> {
    let is_model = path.extension().is_some_and(|ending| ending == ENDING) && path.is_file();
    let name = path.file_stem().filter(|_| is_model)?;
    Some(name.to_str()?.to_owned())
}
