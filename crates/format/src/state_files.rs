//! The layout of state: one directory for each archive, and the files in it.
//!
//! | file | what it holds | version |
//! |---|---|---|
//! | `checkpoint.json` | how far the archive has come | [`crate::checkpoint::Format`] |
//! | `gaps.ndjson` | the offsets that it will never hold | a checksum in each line |
//! | `index/NNNNNN.idx` | which record each line of a segment is | [`crate::index::header::Version`] |
//! | `lock` | the process that has it, for people | |
//! | `unverified-…` | bytes cut off a data file, which may be of a topic that is gone | |

use std::path::{Path, PathBuf};

use crate::compression::Compression;

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

    /// The list of gaps.
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

    /// The lock.
    pub fn lock(&self) -> PathBuf {
        self.0.join("lock")
    }

    /// The quarantine for bytes of a data file from `from_byte` on, which may be of the topic of this id, which is
    /// gone. Ids may be written in an alphabet with a slash in it.
    pub fn unverified(
        &self,
        topic_id: Option<&str>,
        from_byte: u64,
        compression: Compression,
    ) -> PathBuf {
        let id = topic_id.unwrap_or("unknown");
        let id = id.replace('/', "_").replace('+', "-");
        let ending = compression.algorithm().ending();
        self.0
            .join(format!("unverified-{id}-{from_byte}.ndjson{ending}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_any_alphabet_names_a_file_in_the_directory() {
        let dir = StateDir::new(".archiver/a");
        let kept = dir.unverified(Some("a/b+c"), 7, Compression::Gzip(1));
        assert_eq!(kept, Path::new(".archiver/a/unverified-a_b-c-7.ndjson.gz"));
        let kept = dir.unverified(None, 0, Compression::None);
        assert_eq!(kept, Path::new(".archiver/a/unverified-unknown-0.ndjson"));
    }
}
