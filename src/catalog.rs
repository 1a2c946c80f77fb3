//! The catalog: which archives a command reads, by the configuration or by the paths that were named.

mod of_pattern;

use std::path::Path;

use archiver_format::archive::{Archive, FindError, LoadError, Paths, Segment, find};
use archiver_format::state_files::StateDir;

use crate::config::{self, Archive as Configured};
use crate::world::fs::real::FileMode;

pub use of_pattern::{ListError, archives};

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
    /// The mode of what is created, if the configuration says it.
    pub file_mode: Option<FileMode>,
}

impl From<&Configured> for Chosen {
    /// One of the configuration.
    fn from(archive: &Configured) -> Self {
        let fixed = archive.template.is_fixed();
        Self {
            name: archive.name.clone(),
            state: StateDir::new(&archive.state),
            // What was its only file before it had placeholders is where the checkpoint says.
            paths: Some(Paths {
                directory: archive.template.fixed_directory(),
                only: fixed.then(|| archive.file.clone()),
            }),
            segment: None,
            file_mode: archive.file_mode,
        }
    }
}

impl Chosen {
    /// What lies on the disk of it now; `None` if it has no checkpoint yet. Takes no lock and changes nothing.
    pub fn load(&self) -> Result<Option<Archive>, LoadError> {
        Archive::load(&self.state, self.paths.as_ref())
    }

    /// The segments that are meant of what lies there.
    pub fn segments<'a>(
        &self,
        archive: &'a Archive,
    ) -> impl Iterator<Item = &'a Segment> + use<'a> {
        let only = self.segment;
        let segments = archive.segments.iter();
        segments.filter(move |segment| only.is_none_or(|only| only == segment.file.sequence))
    }
}

/// What is said where a configuration has no archive yet, but patterns.
pub const NO_ARCHIVES: &str = "no archives yet";

/// Looked for, in this order, when `-c` is left out.
pub const USUAL_PLACES: [&str; 2] = ["./topics.toml", "/etc/archiver/topics.toml"];

/// The configuration that is there when `-c` is left out.
pub fn usual_config() -> Option<&'static Path> {
    let mut places = USUAL_PLACES.iter().map(Path::new);
    places.find(|path| path.exists())
}

/// Why it isn't known which archives are meant.
#[derive(Debug, thiserror::Error)]
pub enum ChoiceError {
    /// The configuration can't be read.
    #[error("{0}")]
    Config(config::LoadError),
    /// There is no archive at a path.
    #[error(transparent)]
    Path(#[from] FindError),
    /// It can't be looked for the archives of a pattern.
    #[error(transparent)]
    Pattern(#[from] ListError),
    /// Nothing was named, and there is no configuration.
    #[error("no configuration: {places} don't exist; name one with -c FILE, or a path: {0}", places = USUAL_PLACES.join(" and "))]
    NothingNamed(FindError),
    /// A name that the configuration doesn't have.
    #[error("{word} is neither an archive of the configuration, which has {known}, nor a path")]
    NoName {
        /// The word.
        word: String,
        /// The archives of the configuration.
        known: String,
    },
    /// A name, and no configuration.
    #[error(
        "{word} is no path, and there is no configuration that could have an archive of that name; name one with -c FILE"
    )]
    NoConfig {
        /// The word.
        word: String,
    },
}

/// The archives of these words: names in the configuration, state directories, directories with `.archiver` in them, or
/// files. Without words: all that the configuration has, or else those of the working directory.
///
/// # Errors
///
/// If a word is none of these, or the configuration can't be read.
pub fn choose(config: Option<&Path>, words: &[String]) -> Result<Vec<Chosen>, ChoiceError> {
    let names = Names::read(config, words)?;
    if !words.is_empty() {
        let chosen = words.iter().map(|word| names.of(word));
        return Ok(chosen.collect::<Result<Vec<_>, _>>()?.concat());
    }
    match names.0 {
        Some(known) => Ok(known.into_iter().map(|(_, chosen)| chosen).collect()),
        None => at(".").map_err(ChoiceError::NothingNamed),
    }
}

/// The archives of the configuration, in its order, if there is one.
struct Names(Option<Vec<(String, Chosen)>>);

impl Names {
    /// Reads the configuration that is named, or the usual one where that may be meant.
    fn read(config: Option<&Path>, words: &[String]) -> Result<Self, ChoiceError> {
        let load = |path: &Path| config::load(path).map_err(ChoiceError::Config);
        let is_path = |word: &String| word.contains('/') || word == ".";
        let known = match config {
            Some(path) => Some(load(path)?),
            None if !words.is_empty() && words.iter().all(is_path) => None,
            None => usual_config().map(load).transpose()?,
        };
        Ok(Self(match known {
            Some(config) => Some(
                archives(&config)?
                    .iter()
                    .map(|archive| (archive.name.clone(), Chosen::from(&**archive)))
                    .collect(),
            ),
            None => None,
        }))
    }

    /// The archives that a word means. A name comes before a path without a slash.
    fn of(&self, word: &str) -> Result<Vec<Chosen>, ChoiceError> {
        let mut known = self.0.iter().flatten();
        if let Some((_, chosen)) = known.find(|(name, _)| name == word) {
            return Ok(vec![chosen.clone()]);
        }
        if Path::new(word).exists() || word.contains('/') {
            return Ok(at(word)?);
        }
        let word = word.to_owned();
        Err(match &self.0 {
            Some(known) => ChoiceError::NoName {
                word,
                known: listed(known),
            },
            None => ChoiceError::NoConfig { word },
        })
    }
}

/// The first names, for a message.
fn listed(known: &[(String, Chosen)]) -> String {
    const SHOWN: usize = 10;
    let names = known.iter().take(SHOWN).map(|(name, _)| name.as_str());
    let names = names.collect::<Vec<_>>().join(", ");
    if known.is_empty() {
        return "none yet".into();
    }
    match known.len().saturating_sub(SHOWN) {
        0 => names,
        more => format!("{names} and {more} more"),
    }
}

fn at(path: impl AsRef<Path>) -> Result<Vec<Chosen>, FindError> {
    let found = find(path.as_ref())?;
    let chosen = found.into_iter().map(|found| {
        let name = found.state.path().file_name().unwrap_or_default();
        Chosen {
            name: name.to_string_lossy().into_owned(),
            state: found.state,
            paths: None,
            segment: found.only,
            file_mode: None,
        }
    });
    Ok(chosen.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "[[archive]]\nbroker = \"b:1\"\ntopic = \"t\"\nfile = \"not-there/t-{seq}\"\n\
        [[archive]]\nbroker = \"b:1\"\ntopic = \"u\"\nfile = \"not-there/u\"\n";

    fn names(config: Option<&Path>, words: &[&str]) -> Result<Vec<String>, String> {
        let words = words.iter().map(|word| (*word).to_owned());
        let chosen =
            choose(config, &words.collect::<Vec<_>>()).map_err(|error| error.to_string())?;
        Ok(chosen.into_iter().map(|chosen| chosen.name).collect())
    }

    #[test]
    fn archives_are_chosen_by_their_names_or_by_paths() {
        let directory = tempfile::tempdir().expect("a directory");
        let config = directory.path().join("topics.toml");
        std::fs::write(&config, CONFIG).expect("written");
        let state = directory.path().join("data/.archiver/v");
        std::fs::create_dir_all(&state).expect("a directory");
        std::fs::write(state.join("checkpoint.json"), "").expect("written");
        let (config, data) = (Some(&*config), directory.path().join("data"));
        let data = data.to_str().expect("a path");
        let expect = |found: Result<Vec<String>, String>, names: &[&str]| {
            assert_eq!(found.expect("are known"), names);
        };
        expect(names(config, &[]), &["t", "u"]);
        expect(names(config, &["u"]), &["u"]);
        expect(names(config, &[data, "t"]), &["v", "t"]);
        expect(names(None, &[data]), &["v"]);
        let said = names(config, &["x"]).expect_err("is unknown");
        assert!(
            said.contains("the configuration, which has t, u, nor a path"),
            "{said}"
        );
        let said = names(None, &["./x"]).expect_err("is unknown");
        assert!(said.starts_with("looking at ./x: "), "{said}");
        let nowhere = Some(Path::new("nowhere.toml"));
        assert!(names(nowhere, &[data]).is_err());
    }

    #[test]
    fn the_files_of_a_configured_archive_are_where_the_configuration_says() {
        let directory = tempfile::tempdir().expect("a directory");
        let config = directory.path().join("topics.toml");
        std::fs::write(&config, CONFIG).expect("written");
        let chosen = choose(Some(&config), &[]).expect("are known");
        let paths = chosen
            .iter()
            .map(|chosen| chosen.paths.clone().expect("paths"));
        let only = paths.clone().map(|paths| paths.only);
        assert_eq!(only.collect::<Vec<_>>(), [None, Some("not-there/u".into())]);
        for (chosen, paths) in chosen.iter().zip(paths) {
            assert_eq!(paths.directory, Path::new("not-there"));
            assert!(chosen.state.path().starts_with("not-there/.archiver"));
            assert!(chosen.load().expect("can be read").is_none());
        }
    }
}
