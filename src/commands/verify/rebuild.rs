//! `--rebuild-index`: the index of a sealed segment is made anew where it was lost or damaged.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use archiver_format::archive::{Archive, Segment, handed_over};
use archiver_format::rebuild::{Condition, Envelopes, Origins, Unknown, condition, rebuild};
use serde::Serialize;

use super::broker::Broker;
use crate::catalog::Chosen;
use crate::ledger::lock::lock;
use crate::segment::segment_index::refuse_link;
use crate::world::fs::real::RealFs;
use crate::world::fs::{File, Fs, remove_if_there, sync_dir};

/// What became of an index that isn't what it should be, in JSON.
#[derive(Debug, Serialize)]
pub struct Rebuilt {
    /// The number of the segment; `None` if it is about all of the archive.
    segment: Option<u64>,
    file: Option<String>,
    outcome: Outcome,
    /// In words.
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    /// It was made anew.
    Rebuilt,
    /// It can't be made anew, and is as it was.
    Unknown,
    /// Nothing was tried.
    Refused,
}

impl Rebuilt {
    /// Is there an index now?
    pub fn is_done(&self) -> bool {
        self.outcome == Outcome::Rebuilt
    }

    /// For people.
    pub fn text(&self) -> &str {
        &self.text
    }

    fn refused(text: String) -> Self {
        Self {
            segment: None,
            file: None,
            outcome: Outcome::Refused,
            text,
        }
    }

    fn of(segment: &Segment, outcome: Outcome, what: &str) -> Self {
        let file = segment.path_now().display().to_string();
        Self {
            segment: Some(segment.file.sequence),
            outcome,
            text: format!("{file}: {what}"),
            file: Some(file),
        }
    }
}

/// Makes each index of an archive anew that is lost or damaged, as far as it can be known what it says; what became of
/// each. The lock of the archive is held meanwhile. Nothing but indexes is written.
pub fn rebuild_indexes(chosen: &Chosen, broker: Option<&mut Broker>) -> Vec<Rebuilt> {
    let fs = RealFs::default().with_mode(chosen.file_mode);
    let locked = match lock(&fs, &chosen.state.lock(), chosen.state.path()) {
        Ok(locked) => locked,
        Err(e) => return vec![Rebuilt::refused(format!("no index is made anew: {e}"))],
    };
    let rebuilt = match chosen.load() {
        Ok(Some(archive)) => rebuild_all(&fs, &archive, broker),
        // What is wrong with its state is said otherwise.
        Ok(None) | Err(_) => Vec::new(),
    };
    drop(locked);
    rebuilt
}

fn rebuild_all(fs: &dyn Fs, archive: &Archive, mut broker: Option<&mut Broker>) -> Vec<Rebuilt> {
    let mut all = Vec::new();
    let handed = handed_over(&archive.state);
    for segment in &archive.segments {
        if handed.contains(&segment.file.sequence) && !segment.path_now().exists() {
            continue;
        }
        // Other bytes than those that are counted as read.
        let condition = match condition(segment, &AtomicU64::new(0)) {
            Ok(condition) => condition,
            Err(e) => {
                let what = format!("its index is not made anew: {e}");
                all.push(Rebuilt::of(segment, Outcome::Unknown, &what));
                continue;
            }
        };
        all.push(match (condition, segment.is_sealed()) {
            (Condition::Sound, _) => continue,
            (Condition::Damaged, _) => Rebuilt::of(segment, Outcome::Refused, DAMAGED),
            (Condition::Unindexed, false) => Rebuilt::of(segment, Outcome::Refused, GROWS),
            (Condition::Unindexed, true) => {
                let made = rebuild_one(fs, archive, segment, broker.as_deref_mut());
                match made {
                    Ok(lines) => {
                        let what = format!("its index was made anew, of {lines} lines");
                        Rebuilt::of(segment, Outcome::Rebuilt, &what)
                    }
                    Err(e) => {
                        let what = format!("its index can't be made anew: {e:#}");
                        Rebuilt::of(segment, Outcome::Unknown, &what)
                    }
                }
            }
        });
    }
    all
}

const DAMAGED: &str = "it isn't what was written itself, so no index is made of it; restore it";
const GROWS: &str = "it grows, and the checkpoint counts its index, which is left alone; it can be made anew once the \
                     segment is sealed";

fn rebuild_one(
    fs: &dyn Fs,
    archive: &Archive,
    segment: &Segment,
    broker: Option<&mut Broker>,
) -> anyhow::Result<u64> {
    match (&*segment.format, broker) {
        ("json", _) => Ok(write(fs, archive, segment, &mut Envelopes::default())?),
        (_, Some(broker)) => broker.matching(archive, segment, |matching| {
            write(fs, archive, segment, matching)
        }),
        (format, None) => anyhow::bail!(
            "lines of format {format} don't say which records they are; --broker compares them with those that Kafka still holds"
        ),
    }
}

/// Writes an index beside its place, and puts it there when it is whole and durable.
fn write(
    fs: &dyn Fs,
    archive: &Archive,
    segment: &Segment,
    origins: &mut dyn Origins,
) -> Result<u64, Unknown> {
    let mut temp = segment.index.as_os_str().to_owned();
    temp.push(".new");
    let temp = PathBuf::from(temp);
    let above = archive.state.indexes();
    refuse_link(fs, &above).map_err(io::Error::other)?;
    match fs.create_dir(&above) {
        Ok(()) => sync_dir(fs, archive.state.path()).map_err(|e| named(e, &above))?,
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
        Err(e) => return Err(named(e, &above).into()),
    }
    remove_if_there(fs, &temp).map_err(|e| named(e, &temp))?;
    let file = fs.create_new(&temp).map_err(|e| named(e, &temp))?;
    let written = fill(fs, &file, segment, origins);
    let put = written.and_then(|lines| {
        let put = fs.rename(&temp, &segment.index);
        put.and_then(|()| sync_dir(fs, &above))
            .map_err(|e| named(e, &segment.index))?;
        Ok(lines)
    });
    if put.is_err() {
        // It is no index.
        let _ = remove_if_there(fs, &temp);
    }
    put
}

/// So many bytes are written at once.
const WRITE_BYTES: usize = 1 << 20;

fn fill(
    fs: &dyn Fs,
    file: &Arc<dyn File>,
    segment: &Segment,
    origins: &mut dyn Origins,
) -> Result<u64, Unknown> {
    let mut bytes = Vec::with_capacity(WRITE_BYTES);
    let lines = rebuild(segment, origins, &mut |piece| {
        bytes.extend_from_slice(piece);
        if bytes.len() >= WRITE_BYTES {
            file.append(&bytes)?;
            bytes.clear();
        }
        Ok(())
    })?;
    file.append(&bytes)?;
    fs.sync(&[Arc::clone(file)])
        .into_iter()
        .collect::<io::Result<()>>()?;
    Ok(lines)
}

fn named(error: io::Error, path: &Path) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
