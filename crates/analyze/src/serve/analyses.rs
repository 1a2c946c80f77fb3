//! The analyses of the file that was named, as it is now.

use std::path::PathBuf;

use archiver::terminal::nearest;

use super::problem::Problem;
use crate::definition::file;
use crate::definition::written::Definition;

/// A file of analyses, if one was named.
#[derive(Debug, Clone, Default)]
pub struct Analyses(pub Option<PathBuf>);

impl Analyses {
    /// All of them, in the order of the file.
    ///
    /// # Errors
    ///
    /// If it can't be read.
    pub fn read(&self) -> anyhow::Result<Vec<Definition>> {
        match &self.0 {
            Some(path) => file::read(path),
            None => Ok(Vec::new()),
        }
    }

    /// The one of this name.
    ///
    /// # Errors
    ///
    /// If there is none, or the file can't be read.
    pub fn named(&self, name: &str) -> Result<Definition, Problem> {
        let mut all = self.read()?;
        let at = all.iter().position(|definition| definition.name == name);
        match at {
            Some(at) => Ok(all.swap_remove(at)),
            None => {
                let names = all.iter().map(|definition| &definition.name[..]);
                Err(Problem::unknown(match nearest(name, names) {
                    Some(near) => {
                        format!("there is no analysis of this name; did you mean {near}?")
                    }
                    None => {
                        "there is no analysis of this name; /api/v1/results lists them".to_owned()
                    }
                }))
            }
        }
    }
}
