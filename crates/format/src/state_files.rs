//! The layout of state: one directory for each archive, and the files in it.
//!
//! | file | what it holds | version |
//! |---|---|---|
//! | `checkpoint.json` | how far the archive has come | [`crate::checkpoint::Format`] |
//! | `manifest.ndjson` | its sealed segments, and the offsets that it will never hold | [`crate::manifest::VERSION`] |
//! | `gaps.ndjson` | the latter, of a program that had no manifest | a checksum in each line |
//! | `index/NNNNNN.idx` | which record each line of a segment is | [`crate::index::header::Version`] |
//! | `capture.json` | the part of its topic that a capture takes | [`crate::capture::VERSION`] |
//! | `handed-over.json` | how far sealed segments were handed over to a command | [`crate::handed_over::VERSION`] |
//! | `lock` | the process that has it, for people | |
//! | `unverified-…` | bytes cut off a data file, which may be of a topic that is gone | |
//!
//! A pattern of topics has a directory beside those of its archives, or above them, with the `lock` and this:
//!
//! | file | what it holds | version |
//! |---|---|---|
//! | `first_listing.json` | the topics that were there when the pattern was new | [`crate::first_listing::VERSION`] |

use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;

use crate::compression::Algorithm;

/// The directory beside the data that has a directory for each archive, unless they are kept elsewhere.
pub const STATE_DIRECTORY: &str = ".archiver";

/// The state directory of one archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateDir(PathBuf);

impl StateDir {
    /// The state of an archive is kept in this directory, which need not exist.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The checkpoint.
    pub fn checkpoint(&self) -> PathBuf {
        self.0.join("checkpoint.json")
    }

    /// The list of segments and gaps.
    pub fn manifest(&self) -> PathBuf {
        self.0.join("manifest.ndjson")
    }

    /// The list of gaps of a program that had no manifest.
    pub fn gaps(&self) -> PathBuf {
        self.0.join("gaps.ndjson")
    }

    /// The directory of the indexes.
    pub fn indexes(&self) -> PathBuf {
        self.0.join("index")
    }

    /// The index of the segment with this sequence number.
    pub fn index(&self, sequence: u64) -> PathBuf {
        self.indexes().join(format!("{sequence:06}.idx"))
    }

    /// The part of its topic that a capture takes.
    pub fn capture(&self) -> PathBuf {
        self.0.join("capture.json")
    }

    /// How far sealed segments were handed over.
    pub fn handed_over(&self) -> PathBuf {
        self.0.join("handed-over.json")
    }

    /// The lock.
    pub fn lock(&self) -> PathBuf {
        self.0.join("lock")
    }

    /// The quarantine for bytes of a segment's file from `from_byte` on, which may be of the topic of this id, which is
    /// gone. The only file of an archive has no `sequence`. Ids may be written in an alphabet with a slash in it.
    pub fn unverified(
        &self,
        topic_id: Option<&str>,
        sequence: Option<u64>,
        from_byte: u64,
        compression: Algorithm,
    ) -> PathBuf {
        let id = topic_id.unwrap_or("unknown");
        let id = id.replace('/', "_").replace('+', "-");
        let ending = compression.ending();
        let segment = sequence
            .map(|sequence| format!("{sequence}-"))
            .unwrap_or_default();
        self.0.join(format!(
            "unverified-{id}-{segment}{from_byte}.ndjson{ending}"
        ))
    }
}

/// The state directory of a pattern of topics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatternDir(PathBuf);

impl PatternDir {
    /// The name of the directory of a pattern whose archives are named like this. No archive can have a name with a plus
    /// in it.
    pub fn name_of(pattern: &str, name: &str) -> String {
        let hash = xxh3_64(format!("{pattern}\0{name}").as_bytes());
        format!("pattern+{hash:016x}")
    }

    /// The state of a pattern is kept in this directory, which need not exist.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The first listing.
    pub fn first_listing(&self) -> PathBuf {
        self.0.join("first_listing.json")
    }

    /// The lock.
    pub fn lock(&self) -> PathBuf {
        self.0.join("lock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_other_texts_or_names_have_other_directories() {
        let names = [("a", "{topic}"), ("b", "{topic}"), ("a", "b-{topic}")];
        let names = names.map(|(pattern, name)| PatternDir::name_of(pattern, name));
        assert!(names[0] != names[1] && names[1] != names[2] && names[0] != names[2]);
        assert_eq!(names[0], "pattern+4a1beb394b22ee55");
    }

    #[test]
    fn an_id_of_any_alphabet_names_a_file_in_the_directory() {
        let dir = StateDir::new(".archiver/a");
        let kept = dir.unverified(Some("a/b+c"), None, 7, Algorithm::Gzip);
        assert_eq!(kept, Path::new(".archiver/a/unverified-a_b-c-7.ndjson.gz"));
        let kept = dir.unverified(None, Some(3), 0, Algorithm::None);
        assert_eq!(kept, Path::new(".archiver/a/unverified-unknown-3-0.ndjson"));
    }
}
