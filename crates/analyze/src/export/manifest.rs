//! What was written of an archive: `manifest.ndjson`, a list that only grows, one JSON object a line.
//!
//! The first line says of what and how; one with `columns` names the fields that are columns, in their order, each with
//! the type that it keeps; one for each segment has its files. A line counts once it is whole and synced: what a crash has
//! left of the last one is cut off.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use archiver_format::manifest::Sealed;
use serde::{Deserialize, Serialize};

use super::layout::PartitionBy;
use crate::table::columns::Kind;

/// The version of the lines.
const VERSION: u32 = 1;

/// A line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Line {
    /// The first line.
    Export(Header),
    /// All fields that are columns by now.
    Columns { columns: Vec<Field> },
    /// A segment that is there as a whole.
    Segment(Written),
}

/// Of what, and how it is laid out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    version: u32,
    /// The archive's name.
    pub archive: String,
    /// Its topic.
    pub topic: String,
    /// The id of its cluster, if that was known.
    pub cluster_id: Option<String>,
    /// By what files are told apart.
    pub partition_by: Option<PartitionBy>,
    /// Whose clock says which day it is.
    pub timezone: String,
}

impl Header {
    /// Of an archive, as this version writes it.
    pub fn new(
        archive: String,
        topic: String,
        cluster_id: Option<String>,
        (partition_by, timezone): (Option<PartitionBy>, String),
    ) -> Self {
        Self {
            version: VERSION,
            archive,
            topic,
            cluster_id,
            partition_by,
            timezone,
        }
    }
}

/// A field that is a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// The names from the outside in.
    pub path: Vec<String>,
    /// What it holds.
    pub kind: Kind,
}

/// A segment, and what was made of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// Its number in the archive.
    pub sequence: u64,
    /// The length of its file in bytes.
    pub bytes: u64,
    /// The digest of its file, if the archive's manifest has it.
    pub xxh128: Option<String>,
    /// How many records it has.
    pub records: u64,
    /// The files that were made of it.
    pub files: Vec<WrittenFile>,
}

impl Written {
    /// Is it the segment that the archive's manifest lists under its number now?
    pub fn is_of(&self, sealed: &Sealed) -> bool {
        // A digest that was not computed says nothing.
        let is_other = self.xxh128.as_ref().zip(sealed.xxh128.as_ref());
        self.bytes == sealed.bytes
            && self.records == sealed.contents.records
            && is_other.is_none_or(|(one, other)| one == other)
    }
}

/// A Parquet file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrittenFile {
    /// Its path below the directory that is written to.
    pub path: String,
    /// How many rows it has.
    pub rows: u64,
}

/// The list, and what it says.
#[derive(Debug)]
pub struct Manifest {
    path: PathBuf,
    file: File,
    /// Its first line, if it has one yet.
    pub header: Option<Header>,
    /// The fields that are columns.
    pub fields: Vec<Field>,
    /// The segments that are there, by their numbers.
    pub segments: BTreeMap<u64, Written>,
}

impl Manifest {
    /// Reads a list, and cuts off what isn't whole; makes it if there is none.
    ///
    /// # Errors
    ///
    /// If it can't be read, or a line isn't what was written.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let named = || format!("reading {}", path.display());
        let mut options = OpenOptions::new();
        let options = options.read(true).append(true).create(true);
        let file = options.open(path).with_context(named)?;
        let mut manifest = Self {
            path: path.into(),
            file,
            header: None,
            fields: Vec::new(),
            segments: BTreeMap::new(),
        };
        let mut bytes = Vec::new();
        let read = manifest.file.read_to_end(&mut bytes);
        read.with_context(named)?;
        let mut counted = 0;
        for (number, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
            let end = counted + line.len();
            match serde_json::from_slice(line) {
                Ok(line_of) if line.ends_with(b"\n") => manifest.take(line_of)?,
                // A crash can only have torn the last one.
                _ if end == bytes.len() => break,
                _ => bail!(
                    "{} is damaged at line {}; write to another directory",
                    path.display(),
                    number + 1
                ),
            }
            counted = end;
        }
        if counted < bytes.len() {
            let cut = manifest.file.set_len(counted as u64);
            cut.with_context(|| {
                format!("cutting off what a crash has left in {}", path.display())
            })?;
        }
        Ok(manifest)
    }

    fn take(&mut self, line: Line) -> anyhow::Result<()> {
        match line {
            Line::Export(header) if header.version > VERSION => bail!(
                "{} has version {}, this archiver-analyze knows up to {VERSION}; use the newer one",
                self.path.display(),
                header.version
            ),
            Line::Export(header) => self.header = Some(header),
            Line::Columns { columns } => self.fields = columns,
            Line::Segment(written) => drop(self.segments.insert(written.sequence, written)),
        }
        Ok(())
    }

    /// Begins the list.
    ///
    /// # Errors
    ///
    /// If it can't be written.
    pub fn begin(&mut self, header: Header) -> anyhow::Result<()> {
        self.append(Line::Export(header))
    }

    /// Says which fields are columns from now on.
    ///
    /// # Errors
    ///
    /// If it can't be written.
    pub fn name_columns(&mut self, columns: Vec<Field>) -> anyhow::Result<()> {
        self.append(Line::Columns { columns })
    }

    /// Counts a segment.
    ///
    /// # Errors
    ///
    /// If it can't be written.
    pub fn count(&mut self, written: Written) -> anyhow::Result<()> {
        self.append(Line::Segment(written))
    }

    fn append(&mut self, line: Line) -> anyhow::Result<()> {
        let named = || format!("writing {}", self.path.display());
        let mut bytes = serde_json::to_vec(&line).with_context(named)?;
        bytes.push(b'\n');
        let written = self.file.write_all(&bytes);
        let synced = written.and_then(|()| self.file.sync_data());
        synced.with_context(named)?;
        self.take(line)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn header() -> Header {
        let layout = (Some(PartitionBy::DayAndHour), "UTC".to_owned());
        Header::new("metrics".into(), "metrics".into(), None, layout)
    }

    fn written(sequence: u64) -> Written {
        Written {
            sequence,
            bytes: 10,
            xxh128: Some("00ff".into()),
            records: 3,
            files: vec![WrittenFile {
                path: "metrics/day=2026-01-01/hour=05/metrics-000000-0000.parquet".into(),
                rows: 3,
            }],
        }
    }

    #[test]
    fn what_is_listed_is_read_back_and_a_torn_line_is_cut_off() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("manifest.ndjson");
        let columns = vec![Field {
            path: vec!["meta".into(), "ts".into()],
            kind: Kind::Integer,
        }];
        let mut manifest = Manifest::open(&path).expect("is made");
        manifest.begin(header()).expect("is written");
        manifest.name_columns(columns.clone()).expect("is written");
        manifest.count(written(0)).expect("is written");
        let whole = fs::read(&path).expect("is there");
        manifest.count(written(1)).expect("is written");
        let longer = fs::read(&path).expect("is there");
        for torn in whole.len()..longer.len() {
            fs::write(&path, &longer[..torn]).expect("is written");
            let found = Manifest::open(&path).expect("is read");
            assert_eq!(found.header, Some(header()));
            assert_eq!(found.fields, columns);
            assert_eq!(
                found.segments.into_iter().collect::<Vec<_>>(),
                [(0, written(0))]
            );
            assert_eq!(fs::read(&path).expect("is there"), whole);
        }
        fs::write(&path, &longer).expect("is written");
        let found = Manifest::open(&path).expect("is read");
        assert_eq!(found.segments.len(), 2);
    }

    #[test]
    fn a_line_that_no_crash_has_torn_is_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("manifest.ndjson");
        let mut manifest = Manifest::open(&path).expect("is made");
        manifest.begin(header()).expect("is written");
        let good = fs::read_to_string(&path).expect("is there");
        fs::write(&path, format!("{good}{{\"type\n{good}")).expect("is written");
        let said = Manifest::open(&path).expect_err("is damaged").to_string();
        assert!(said.contains("is damaged at line 2"), "{said}");
        let newer = good.replace("\"version\":1", "\"version\":2");
        fs::write(&path, newer).expect("is written");
        let said = Manifest::open(&path).expect_err("is newer").to_string();
        assert!(said.contains("knows up to 1"), "{said}");
    }
}
