//! The catalog: which archives a command reads, by the configuration or by the paths that were named.

use std::path::Path;

use anyhow::{Context, bail};
use archiver_format::archive::{Archive, LoadError, Paths, find};
use archiver_format::state_files::StateDir;

use crate::config::{self, Checked, Config};

/// An archive that a command reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// Its name.
    pub name: String,
    /// Where its state is.
    pub state: StateDir,
    /// Where its files are, if the configuration says so.
    pub paths: Option<Paths>,
    /// The number of the only segment that is meant, if a file was named.
    pub segment: Option<u64>,
}

impl Chosen {
    /// What lies on the disk of it now; `None` if it has no checkpoint yet. Takes no lock and changes nothing.
    pub fn load(&self) -> Result<Option<Archive>, LoadError> {
        Archive::load(&self.state, self.paths.as_ref())
    }
}

/// Looked for, in this order, when `-c` is left out.
pub const USUAL_PLACES: [&str; 2] = ["./topics.toml", "/etc/archiver/topics.toml"];

/// The configuration that is there when `-c` is left out.
pub fn usual_config() -> Option<&'static Path> {
    let mut places = USUAL_PLACES.iter().map(Path::new);
    places.find(|path| path.exists())
}

/// The archives of these words: names in the configuration, state directories, directories with `.archiver` in them, or
/// files. Without words: all that the configuration has, or else those of the working directory.
///
/// # Errors
///
/// If a word is none of these, or the configuration can't be read.
pub fn choose(config: Option<&Path>, words: &[String]) -> anyhow::Result<Vec<Chosen>> {
    let names = Names::read(config, words)?;
    if !words.is_empty() {
        let chosen = words.iter().map(|word| names.of(word));
        return Ok(chosen.collect::<anyhow::Result<Vec<_>>>()?.concat());
    }
    match names.0 {
        Some(known) => Ok(known.into_iter().map(|(_, chosen)| chosen).collect()),
        None => at(".").with_context(|| {
            let places = USUAL_PLACES.join(" and ");
            format!("no configuration: {places} don't exist; name one with -c FILE, or a path")
        }),
    }
}

/// The archives of the configuration, in its order, if there is one.
struct Names(Option<Vec<(String, Chosen)>>);

impl Names {
    /// Reads the configuration that is named, or the usual one where that may be meant.
    fn read(config: Option<&Path>, words: &[String]) -> anyhow::Result<Self> {
        let load = |path: &Path| config::load(path).map_err(|e| anyhow::anyhow!("{e}"));
        let is_path = |word: &String| word.contains('/') || word == ".";
        let known = match config {
            Some(path) => Some(load(path)?),
            None if !words.is_empty() && words.iter().all(is_path) => None,
            None => usual_config().map(load).transpose()?,
        };
        Ok(Self(known.as_ref().map(configured)))
    }

    /// The archives that a word means. A name comes before a path without a slash.
    fn of(&self, word: &str) -> anyhow::Result<Vec<Chosen>> {
        let mut known = self.0.iter().flatten();
        if let Some((_, chosen)) = known.find(|(name, _)| name == word) {
            return Ok(vec![chosen.clone()]);
        }
        if Path::new(word).exists() || word.contains('/') {
            return at(word);
        }
        match &self.0 {
            Some(known) => bail!(
                "{word} is neither an archive of the configuration nor a path; its archives are {}",
                listed(known)
            ),
            None => bail!(
                "{word} is no path, and there is no configuration that could have an archive of that name; name it with -c FILE"
            ),
        }
    }
}

/// The first names, for a message.
fn listed(known: &[(String, Chosen)]) -> String {
    const SHOWN: usize = 10;
    let names = known.iter().take(SHOWN).map(|(name, _)| name.as_str());
    let names = names.collect::<Vec<_>>().join(", ");
    match known.len().saturating_sub(SHOWN) {
        0 => names,
        more => format!("{names} and {more} more"),
    }
}

fn configured(config: &Checked<Config>) -> Vec<(String, Chosen)> {
    let chosen = config.archives.iter().map(|archive| {
        let fixed = archive.template.is_fixed();
        let chosen = Chosen {
            name: archive.name.clone(),
            state: StateDir::new(&archive.state),
            // What was its only file before it had placeholders is where the checkpoint says.
            paths: Some(Paths {
                directory: archive.template.fixed_directory(),
                only: fixed.then(|| archive.file.clone()),
            }),
            segment: None,
        };
        (archive.name.clone(), chosen)
    });
    chosen.collect()
}

fn at(path: impl AsRef<Path>) -> anyhow::Result<Vec<Chosen>> {
    let found = find(path.as_ref())?;
    let chosen = found.into_iter().map(|found| {
        let name = found.state.path().file_name().unwrap_or_default();
        Chosen {
            name: name.to_string_lossy().into_owned(),
            state: found.state,
            paths: None,
            segment: found.only,
        }
    });
    Ok(chosen.collect())
}
