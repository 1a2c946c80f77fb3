//! What is asked: archives, and files beside them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use archiver::catalog::{ChoiceError, Chosen, choose};
use archiver_format::archive::FindError;

use crate::files::csv_parquet::has_parquet;
use crate::files::ndjson::NdjsonTable;
use crate::files::{Kind, known};
use crate::table::columns::Column;
use crate::table::provider::ArchiveTable;

/// What is said of an archive without a checkpoint, behind its name.
pub const NOT_BEGUN: &str = "has not begun: there is nothing in it yet";

/// Something that a word names.
#[derive(Debug, Clone)]
pub enum Source {
    /// An archive.
    Archive(Box<Chosen>),
    /// A file, or a directory with Parquet files: where it is, what it is called, and what is in it.
    File(PathBuf, String, Kind),
}

impl Source {
    /// What it is called.
    pub fn name(&self) -> &str {
        match self {
            Self::Archive(chosen) => &chosen.name,
            Self::File(_, name, _) => name,
        }
    }

    /// Is it the same as another one, by whatever path?
    pub fn is(&self, other: &Self) -> bool {
        let same = |one: &Path, other: &Path| {
            let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.into());
            one == other || real(one) == real(other)
        };
        match (self, other) {
            (Self::Archive(one), Self::Archive(other)) => {
                one.segment == other.segment && same(one.state.path(), other.state.path())
            }
            (Self::File(one, ..), Self::File(other, ..)) => same(one, other),
            _ => false,
        }
    }
}

/// What these words name: archives as everywhere, and paths of files that are of none, by the endings of their names.
///
/// # Errors
///
/// If a word names nothing.
pub fn sources(config: Option<&Path>, words: &[String]) -> Result<Vec<Source>, ChoiceError> {
    let archives = |words: &[String]| {
        let chosen = choose(config, words)?.into_iter();
        let archives = chosen.map(|chosen| Source::Archive(Box::new(chosen)));
        Ok(archives.collect::<Vec<_>>())
    };
    if words.is_empty() {
        return archives(words);
    }
    let mut sources = Vec::new();
    for word in words {
        match archives(std::slice::from_ref(word)) {
            Ok(found) => sources.extend(found),
            Err(error) => sources.push(file(Path::new(word), &error).ok_or(error)?),
        }
    }
    Ok(sources)
}

/// The file at a path where no archive is.
fn file(path: &Path, error: &ChoiceError) -> Option<Source> {
    let (name, kind) = match error {
        ChoiceError::Path(FindError::NoSegment { .. }) => known(path)?,
        ChoiceError::Path(FindError::NoArchive { .. }) if has_parquet(path) => {
            let name = path.canonicalize().ok()?;
            (name.file_name()?.to_str()?.to_owned(), Kind::Parquet)
        }
        _ => return None,
    };
    Some(Source::File(path.into(), name, kind))
}

/// A table of the engine.
#[derive(Debug)]
pub enum Table {
    /// An archive.
    Archive(Arc<ArchiveTable>),
    /// A file with a JSON object a line.
    Ndjson(Arc<NdjsonTable>),
    /// A file that the engine reads by itself, by its columns.
    Listed(Vec<Column>),
}

impl Table {
    /// Its columns.
    pub fn columns(&self) -> &[Column] {
        match self {
            Self::Archive(table) => table.columns(),
            Self::Ndjson(table) => table.columns(),
            Self::Listed(columns) => columns,
        }
    }

    /// The topic of an archive; a file has none.
    pub fn topic(&self) -> Option<&str> {
        match self {
            Self::Archive(table) => Some(table.topic()),
            Self::Ndjson(_) | Self::Listed(_) => None,
        }
    }

    /// The latest timestamp of a record, in milliseconds since 1970; nothing, if none is known.
    pub fn latest_ms(&self) -> Option<i64> {
        match self {
            Self::Archive(table) => table.latest_ms(),
            Self::Ndjson(_) | Self::Listed(_) => None,
        }
    }

    /// What did not fit its columns until now, a line each.
    pub fn notes(&self, name: &str) -> Vec<String> {
        match self {
            Self::Archive(table) => table.notes(name),
            Self::Ndjson(table) => table.notes(name),
            Self::Listed(_) => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn files_that_are_of_no_archive_are_known_by_their_endings() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = |name: &str| directory.path().join(name).to_string_lossy().into_owned();
        for file in [
            "old.csv",
            "notes.txt",
            "lake/day=1/a.parquet",
            "lake/.own/x.parquet",
            "none/.own/x.parquet",
        ] {
            let file = PathBuf::from(path(file));
            fs::create_dir_all(file.parent().expect("a directory")).expect("is made");
            fs::write(file, "x").expect("is written");
        }
        let found = |name: &str| sources(None, &[path(name)]).map_err(|e| e.to_string());
        for (word, expected) in [
            ("old.csv", ("old", Kind::Csv(b','))),
            ("lake", ("lake", Kind::Parquet)),
        ] {
            match &found(word).expect("is known")[..] {
                [Source::File(_, name, kind)] => assert_eq!((&name[..], *kind), expected),
                other => panic!("{word}: {other:?}"),
            }
        }
        for word in ["notes.txt", "none", "not-there.csv"] {
            found(word).expect_err("is none");
        }
    }
}
