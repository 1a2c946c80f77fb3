//! The manifest as it lies there, line by line: each that is as it was written, and whether all of them go together.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use super::finding::{Finding, LineFault};
use crate::checkpoint::{Checkpoint, List};
use crate::digest::Digest;
use crate::gap;
use crate::list::is_whole;
use crate::manifest::{Chain, Entry, Sealed, VERSION};
use crate::mark::{Mark, TAIL, Tail};
use crate::open;
use crate::state_files::StateDir;

/// A list of segments and gaps, as far as it can be read.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// The lines that count, with their numbers, from 1.
    pub lines: Vec<(u64, Entry)>,
    /// What stands behind those, and doesn't count yet.
    pub later: Vec<Entry>,
    /// Is all of it as it was written?
    pub is_whole: bool,
}

impl Listing {
    /// Reads the list that a checkpoint counts on, and says what is wrong with it.
    pub fn read(state: &StateDir, checkpoint: &Checkpoint, findings: &mut Vec<Finding>) -> Self {
        let before = findings.len();
        let mut listing = match &checkpoint.progress.list {
            List::Manifest(mark) => Self::read_manifest(&state.manifest(), mark, findings),
            List::Gaps(mark) => Self::read_gaps(&state.gaps(), mark, findings),
        };
        if matches!(checkpoint.progress.list, List::Manifest(_)) {
            let archive = &checkpoint.identity.archive;
            let mut order = Order::new(archive);
            for (line, entry) in &listing.lines {
                if let Err(fault) = order.check(*line, entry) {
                    findings.push(Finding::Line {
                        path: state.manifest(),
                        line: *line,
                        fault,
                    });
                }
            }
        }
        listing.is_whole = findings.len() == before;
        listing
    }

    fn read_manifest(path: &Path, mark: &Mark, findings: &mut Vec<Finding>) -> Self {
        let mut listing = Self::default();
        let Some(bytes) = read(path, mark, findings) else {
            return listing;
        };
        let (mut end, mut number) = (0, 0);
        let mut chain = Chain::default();
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            end += line.len() as u64;
            number += 1;
            let entry = match is_whole(line) {
                true => serde_json::from_slice(line).map_err(|_| LineFault::Newer),
                false => Err(LineFault::Damaged),
            };
            if entry.is_ok() && end <= mark.length && !chain.may_be_next(line) {
                findings.push(Finding::Line {
                    path: path.into(),
                    line: number,
                    fault: LineFault::OutOfPlace,
                });
            }
            // What comes behind a line that can't be read may be any.
            chain = Chain::default();
            if is_whole(line) {
                chain.pass(line);
            }
            match entry {
                Ok(entry) if end <= mark.length => listing.lines.push((number, entry)),
                Ok(entry) => listing.later.push(entry),
                Err(fault) if end <= mark.length || end - (line.len() as u64) < mark.length => {
                    findings.push(Finding::Line {
                        path: path.into(),
                        line: number,
                        fault,
                    });
                }
                // What a crash left behind, or what is just being written.
                Err(_) => {}
            }
        }
        listing
    }

    /// The list of a program that had no manifest.
    fn read_gaps(path: &Path, mark: &Mark, findings: &mut Vec<Finding>) -> Self {
        let mut listing = Self::default();
        let Some(bytes) = read(path, mark, findings) else {
            return listing;
        };
        match gap::read(&bytes[..], mark.length) {
            Ok(gaps) => {
                let gaps = gaps.into_iter().map(Entry::Gap);
                listing.lines = (1..).zip(gaps).collect();
            }
            Err(crate::list::ListError::Io(source)) => findings.push(Finding::Unread {
                path: path.into(),
                source,
            }),
            Err(
                crate::list::ListError::Damaged(line) | crate::list::ListError::OutOfPlace(line),
            ) => findings.push(Finding::Line {
                path: path.into(),
                line,
                fault: LineFault::Damaged,
            }),
            Err(crate::list::ListError::Newer(line)) => findings.push(Finding::Line {
                path: path.into(),
                line,
                fault: LineFault::Newer,
            }),
        }
        listing
    }
}

/// The bytes of a list, which must be as they were at a mark. `None` if there are none.
fn read(path: &Path, mark: &Mark, findings: &mut Vec<Finding>) -> Option<Vec<u8>> {
    let bytes = match open::read_state(path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(source) => {
            let path = path.into();
            findings.push(Finding::Unread { path, source });
            return None;
        }
    };
    let length = usize::try_from(mark.length).unwrap_or(usize::MAX);
    match bytes.get(length.saturating_sub(TAIL)..length) {
        None => findings.push(Finding::Short {
            path: path.into(),
            expected: mark.length,
            found: bytes.len() as u64,
        }),
        Some(tail) if Tail::new(tail.to_vec()).mark(mark.length) != *mark => {
            findings.push(Finding::Mark {
                path: path.into(),
                byte: mark.length,
            });
        }
        Some(_) => {}
    }
    Some(bytes)
}

/// What became of a segment, by the lines so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Open,
    Sealed,
    Deleted,
}

/// Whether the lines of a manifest go together.
struct Order<'a> {
    archive: &'a str,
    stages: BTreeMap<u64, Stage>,
    names: BTreeMap<String, u64>,
    next: u64,
}

impl<'a> Order<'a> {
    fn new(archive: &'a str) -> Self {
        Self {
            archive,
            stages: BTreeMap::new(),
            names: BTreeMap::new(),
            next: 0,
        }
    }

    fn check(&mut self, line: u64, entry: &Entry) -> Result<(), LineFault> {
        match entry {
            Entry::Manifest(header) => match line {
                1 if header.version > VERSION => Err(LineFault::Newer),
                1 if header.archive != self.archive => {
                    Err(LineFault::OfAnother(header.archive.clone()))
                }
                1 => Ok(()),
                _ => Err(LineFault::Beginning),
            },
            _ if line == 1 => Err(LineFault::Beginning),
            Entry::Opened(file) => {
                // A segment that was opened before there was a manifest has number 0.
                let follows = file.sequence == self.next || (self.next, file.sequence) == (0, 1);
                self.next = file.sequence.saturating_add(1);
                let before = self.stages.insert(file.sequence, Stage::Open);
                match (follows, before) {
                    (true, None) => self.name(file.name.as_deref(), file.sequence),
                    _ => Err(LineFault::Reopened(file.sequence)),
                }
            }
            Entry::Sealed(sealed) => self.seal(sealed),
            Entry::Opening(_) | Entry::Gap(_) => Ok(()),
            Entry::Deleted(deleted) => {
                let before = self.stages.insert(deleted.file.sequence, Stage::Deleted);
                match before {
                    Some(Stage::Sealed) => Ok(()),
                    _ => Err(LineFault::NotSealed(deleted.file.sequence)),
                }
            }
        }
    }

    fn seal(&mut self, sealed: &Sealed) -> Result<(), LineFault> {
        let sequence = sealed.file.sequence;
        match self.stages.insert(sequence, Stage::Sealed) {
            Some(Stage::Open) => {}
            None if sequence == 0 => self.next = self.next.max(1),
            _ => return Err(LineFault::NotOpen(sequence)),
        }
        self.name(sealed.file.name.as_deref(), sequence)?;
        let digest = sealed.xxh128.as_deref();
        if digest.is_some_and(|digest| Digest::parse(digest).is_none()) {
            return Err(LineFault::Digest);
        }
        let contents = &sealed.contents;
        let mut partitions = 0_u64;
        for (partition, span) in &contents.partitions {
            let offsets = i128::from(span.last) - i128::from(span.first) + 1;
            if offsets < 1 || span.records == 0 {
                return Err(LineFault::Span(*partition));
            }
            partitions = partitions.saturating_add(span.records);
        }
        if partitions != contents.records {
            let records = contents.records;
            return Err(LineFault::Sum {
                partitions,
                records,
            });
        }
        Ok(())
    }

    /// No two segments have one name.
    fn name(&mut self, name: Option<&str>, sequence: u64) -> Result<(), LineFault> {
        let Some(name) = name else {
            return Ok(());
        };
        match self.names.insert(name.to_owned(), sequence) {
            Some(other) if other != sequence => Err(LineFault::NameTwice {
                name: name.to_owned(),
                other,
            }),
            _ => Ok(()),
        }
    }
}
