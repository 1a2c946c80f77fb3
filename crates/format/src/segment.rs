//! Segments: the names and numbers by which an archive's files are known.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::mark::FileId;
use crate::record::Partition;

/// The ending of a segment that is still growing.
pub const GROWING: &str = ".part";

/// A segment's file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentFile {
    /// The segment's number, which no other segment of its archive ever had.
    pub sequence: u64,
    /// Its final name, below the directory that the archive's paths begin with; `None` if it is the archive's only file,
    /// which has the path that is configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Which file it is.
    pub id: FileId,
}

/// Which records go into one segment: those of a partition, of a time, of both, or all.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
pub struct Route {
    /// The partition, if each has segments of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<Partition>,
    /// A timestamp in milliseconds since 1970 that stands for all that give the same path, if paths have the record's
    /// time in them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<RouteTime>,
}

/// The time in a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RouteTime {
    /// The times that give the same path as this one, in milliseconds since 1970.
    As(i64),
    /// Records without a timestamp.
    Unknown,
}

impl Route {
    /// Do all records go one way?
    pub fn is_all(&self) -> bool {
        *self == Self::default()
    }
}

/// The name that a segment's file has while it grows.
pub fn growing(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(GROWING);
    PathBuf::from(name)
}
