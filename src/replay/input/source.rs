//! What words mean: archives, files, standard input.

use std::path::{Path, PathBuf};

use archiver_format::archive::{FindError, find};

use crate::catalog::{ChoiceError, Chosen, choose};
use crate::replay::InputError;

/// The word for standard input.
const STANDARD_INPUT: &str = "-";

/// Endings that say what a file is, and nothing of what is in it.
const ENDINGS: [&str; 10] = [
    ".gz", ".gzip", ".zst", ".zstd", ".csv", ".tsv", ".ndjson", ".jsonl", ".json", ".txt",
];

/// Where records come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// An archive, or one segment of it.
    Archive(Box<Chosen>),
    /// A file that is no archive's.
    File(PathBuf),
    /// Whatever comes.
    StandardInput,
}

/// The sources of these words: names and paths of archives, files, and `-`. Without words they are all archives of the
/// configuration.
///
/// # Errors
///
/// If a word is none of these, or the configuration can't be read.
pub fn sources(config: Option<&Path>, words: &[String]) -> Result<Vec<Source>, InputError> {
    let archives = |chosen: Vec<Chosen>| {
        let chosen = chosen.into_iter();
        chosen.map(|chosen| Source::Archive(Box::new(chosen)))
    };
    if words.is_empty() {
        let all = choose(config, words).map_err(|error| InputError(error.to_string()))?;
        return Ok(archives(all).collect());
    }
    let mut sources = Vec::new();
    for word in words {
        let path = Path::new(word);
        if word == STANDARD_INPUT {
            sources.push(Source::StandardInput);
            continue;
        }
        // A pipe or a device: nobody can look at it beforehand.
        if path.exists() && !path.is_file() && !path.is_dir() {
            sources.push(Source::File(path.into()));
            continue;
        }
        // Whoever names a file needs no configuration, and may not be able to read the usual one.
        let is_foreign =
            |found: &Result<_, FindError>| matches!(found, Err(FindError::NoSegment { .. }));
        if config.is_none() && path.exists() && !path.is_dir() && is_foreign(&find(path)) {
            sources.push(Source::File(path.into()));
            continue;
        }
        match choose(config, std::slice::from_ref(word)) {
            Ok(chosen) => sources.extend(archives(chosen)),
            Err(ChoiceError::Path(FindError::NoSegment { path })) => {
                sources.push(Source::File(path));
            }
            Err(error) => return Err(InputError(error.to_string())),
        }
    }
    Ok(sources)
}

impl Source {
    /// Is there something to read, as far as its name shows?
    pub fn is_there(&self) -> bool {
        match self {
            Self::File(path) => path.exists(),
            Self::Archive(_) | Self::StandardInput => true,
        }
    }

    /// What it is called in messages.
    pub fn name(&self) -> String {
        match self {
            Self::Archive(chosen) => format!("archive {}", chosen.name),
            Self::File(path) => path.display().to_string(),
            Self::StandardInput => "standard input".into(),
        }
    }

    /// The topic that a file is meant for by its name; empty if nothing says it.
    pub(super) fn topic(&self) -> String {
        let Self::File(path) = self else {
            return String::new();
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let mut topic = &name[..];
        while let Some(rest) = ENDINGS.iter().find_map(|ending| topic.strip_suffix(ending)) {
            topic = rest;
        }
        topic.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_meant_for_the_topic_that_it_is_called() {
        for (path, topic) in [
            ("metrics.csv", "metrics"),
            ("dir.csv/a.b.ndjson.gz", "a.b"),
            ("x.tsv.zst", "x"),
            ("plain", "plain"),
            ("a.2021", "a.2021"),
        ] {
            assert_eq!(Source::File(path.into()).topic(), topic);
        }
        assert_eq!(Source::StandardInput.topic(), "");
    }

    #[test]
    fn a_word_is_standard_input_or_a_file_or_an_archive() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("a.csv");
        std::fs::write(&file, "").expect("written");
        let state = directory.path().join(".archiver/v");
        std::fs::create_dir_all(&state).expect("a directory");
        std::fs::write(state.join("checkpoint.json"), "").expect("written");
        let word = |path: &Path| path.to_str().expect("text").to_owned();
        let words = ["-".into(), word(&file), word(directory.path())];
        let found = sources(None, &words).expect("are known");
        assert_eq!(found[..2], [Source::StandardInput, Source::File(file)]);
        assert_eq!(found[2].name(), "archive v");
        let said = sources(None, &["./none.csv".into()]).expect_err("isn't there");
        assert!(
            said.to_string().starts_with("looking at ./none.csv: "),
            "{said}"
        );
    }
}
