//! Verifying: whether an archive holds what it says, all of it, and nothing twice.
//!
//! The checkpoint says how far the archive has come and which segments grow; the manifest lists those that are final, and
//! the gaps ([`listing`]). Each segment is read as a whole, with its index, and held against what they say
//! ([`segments`]). The offsets of all segments together are the archive's [`coverage`]: no offset is there twice, and
//! where one is missing a gap says why, or it is a hole, of which only the broker knows whether there ever was a record.
//! What is wrong is a [`Finding`] each.
//!
//! Nothing here takes a lock or changes a file, so an archive can be verified while it grows: what its checkpoint counts
//! is there, whatever comes behind it. Files that get their final names meanwhile, or are deleted, are looked at twice.
//!
//! What can't be noticed here: segments, manifest and checkpoint of one archive that all were replaced by those of an
//! earlier time, or made to fit each other.

mod coverage;
mod files;
mod finding;
mod listing;
mod pieces;
mod runs;
mod segments;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

pub use self::coverage::{Coverage, Hole};
pub use self::finding::{Finding, LineFault, Severity};

use self::files::Walked;
use self::listing::Listing;
use self::segments::{Listed, Segments};
use crate::archive::{Paths, Segment, handed_over, has_written};
use crate::checkpoint::{self, Checkpoint};
use crate::manifest::Entry;
use crate::open;
use crate::record::Partition;
use crate::state_files::StateDir;

/// An archive that is to be verified: what its checkpoint and its manifest say.
#[derive(Debug)]
pub struct Subject {
    name: String,
    state: StateDir,
    known: Option<Known>,
    findings: Vec<Finding>,
}

/// What is known of an archive that has a checkpoint.
#[derive(Debug)]
struct Known {
    checkpoint: Checkpoint,
    paths: Paths,
    listing: Listing,
    segments: Segments,
}

/// What was found in an archive.
#[derive(Debug, Default)]
pub struct Report {
    /// The archive's name.
    pub name: String,
    /// The archive's checkpoint, if it can be read.
    pub checkpoint: Option<Checkpoint>,
    /// What isn't as it should be.
    pub findings: Vec<Finding>,
    /// How many segments there are, growing ones included.
    pub segments: u64,
    /// How many lines these have.
    pub records: u64,
    /// How many bytes they have.
    pub bytes: u64,
    /// How many bytes their lines have without compression.
    pub plain_bytes: u64,
    /// How many gaps are listed.
    pub gaps: u64,
    /// How many segments were deleted.
    pub deleted: u64,
    /// Which offsets the archive holds.
    pub coverage: Coverage,
    /// The segments that are there, which may be compared with the topic as it is now.
    pub comparable: Vec<Comparable>,
}

/// A segment, and what of it is surely of the topic as it is now: of no log that is gone.
#[derive(Debug)]
pub struct Comparable {
    /// The segment.
    pub segment: Segment,
    /// The partitions of it.
    pub partitions: BTreeSet<Partition>,
}

impl Report {
    /// Is nothing missing or wrong?
    pub fn is_sound(&self) -> bool {
        let mut findings = self.findings.iter();
        findings.all(|finding| finding.severity() != Severity::Wrong)
    }
}

impl Subject {
    /// Reads checkpoint and manifest of an archive. Without `paths` its files are where the checkpoint says, or beside the
    /// state directory.
    pub fn load(name: &str, state: &StateDir, paths: Option<&Paths>) -> Self {
        let mut findings = Vec::new();
        let known = read_checkpoint(state, &mut findings).map(|checkpoint| {
            let derived = || Paths::derived(state, &checkpoint.identity);
            let paths = paths.cloned().unwrap_or_else(derived);
            let listing = Listing::read(state, &checkpoint, &mut findings);
            let mut unlisted = Vec::new();
            let segments = Segments::new(&listing, &checkpoint, &paths, state, &mut unlisted);
            // What stands in lines that can't be read is not missing from others.
            if listing.is_whole {
                findings.extend(unlisted);
            }
            Known {
                checkpoint,
                paths,
                listing,
                segments,
            }
        });
        Self {
            name: name.to_owned(),
            state: state.clone(),
            known,
            findings,
        }
    }

    /// How many bytes there are to be read.
    pub fn bytes(&self) -> u64 {
        let bytes = self.segments().iter().map(|listed| listed.segment.bytes());
        bytes.sum()
    }

    fn segments(&self) -> &[Listed] {
        let known = self.known.as_ref();
        known.map_or(&[], |known| &known.segments.present)
    }

    /// Puts together what was found in each segment.
    fn finish(
        &self,
        mut findings: Vec<Finding>,
        results: Vec<segments::Result>,
        walked: &mut Walked,
    ) -> Report {
        let state = &self.state;
        let mut report = Report {
            name: self.name.clone(),
            ..Report::default()
        };
        let Some(known) = &self.known else {
            report.findings = findings;
            return report;
        };
        let Known {
            checkpoint,
            paths,
            listing,
            segments,
        } = known;
        let mut coverage = Coverage::new(listing, checkpoint);
        let is_missing = results.iter().any(segments::Result::is_missing);
        let (deleted, handed) = match is_missing {
            true => (deleted_by_now(state), handed_over(state)),
            false => Default::default(),
        };
        for (listed, mut result) in segments.present.iter().zip(results) {
            if deleted.contains(&listed.segment.file.sequence) {
                result.findings.clear();
            } else if result.is_missing() && handed.contains(&listed.segment.file.sequence) {
                let path = result.path.clone();
                result.findings = vec![Finding::HandedOver { path }];
            } else {
                report.segments += 1;
                report.bytes += listed.segment.bytes();
            }
            report.records += result.checked.lines;
            report.plain_bytes += result.checked.plain_bytes;
            if !result.is_known {
                coverage.excuse(listed, listed.segment.contents());
            }
            let is_there = result.checked.digest.is_some();
            findings.append(&mut result.findings);
            let partitions = listed.segment.contents().partitions.keys().copied();
            let of_now = partitions.filter(|of| is_there && coverage.is_of_now(*of, listed));
            report.comparable.push(Comparable {
                partitions: of_now.collect(),
                segment: listed.segment.clone(),
            });
            coverage.add(listed, result.path, result.pieces, &mut findings);
        }
        for listed in &segments.deleted {
            coverage.excuse(listed, listed.segment.contents());
        }
        coverage.finish(&mut findings);
        if listing.is_whole {
            findings.extend(sum(state, checkpoint, segments));
            files::find_strange(
                state,
                checkpoint,
                paths,
                listing,
                segments,
                walked,
                &mut findings,
            );
        }
        let is_gap = |line: &&(u64, Entry)| matches!(line.1, Entry::Gap(_));
        report.gaps = listing.lines.iter().filter(is_gap).count() as u64;
        report.deleted = segments.deleted.len() as u64;
        report.checkpoint = Some(checkpoint.clone());
        report.findings = findings;
        report.coverage = coverage;
        report
    }
}

/// Verifies archives, with so many segments side by side, and gives the report of each, in their order, as soon as it and
/// those before are there. The bytes of segments are added to `read` as they are read.
pub fn verify(
    mut subjects: Vec<Subject>,
    threads: usize,
    read: &AtomicU64,
    mut each: impl FnMut(Report),
) {
    let known = subjects.iter_mut();
    let known = known.map(|subject| std::mem::take(&mut subject.findings));
    let known = known.collect::<Vec<_>>();
    let subjects = &subjects[..];
    let jobs = subjects.iter().flat_map(Subject::segments);
    let jobs = jobs.collect::<Vec<_>>();
    let (next, (done, results)) = (AtomicUsize::new(0), mpsc::channel());
    thread::scope(|scope| {
        for _ in 0..threads.clamp(1, jobs.len().max(1)) {
            let (done, next, jobs) = (done.clone(), &next, &jobs);
            scope.spawn(move || {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(job) = jobs.get(number) else { return };
                    if done.send((number, job.check(read))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(done);
        let (mut early, mut walked) = (BTreeMap::new(), Walked::default());
        let mut results = (0..jobs.len()).map_while(|number| {
            loop {
                if let Some(result) = early.remove(&number) {
                    return Some(result);
                }
                let (number, result) = results.recv().ok()?;
                early.insert(number, result);
            }
        });
        for (subject, known) in subjects.iter().zip(known) {
            let results = results.by_ref().take(subject.segments().len());
            each(subject.finish(known, results.collect(), &mut walked));
        }
    });
}

fn read_checkpoint(state: &StateDir, findings: &mut Vec<Finding>) -> Option<Checkpoint> {
    // The first one may be stored between two looks.
    let is_begun = has_written(state);
    let path = state.checkpoint();
    let finding = match open::read_state(&path) {
        Ok(bytes) => match checkpoint::decode(&bytes) {
            Ok(checkpoint) => return Some(checkpoint),
            Err(why) => Finding::Checkpoint { path, why },
        },
        Err(e) if e.kind() == ErrorKind::NotFound => match is_begun {
            true => Finding::NoCheckpoint { path },
            false => Finding::NotBegun { path },
        },
        Err(source) => Finding::Unread { path, source },
    };
    findings.push(finding);
    None
}

/// The numbers of segments that archiver has deleted by now.
fn deleted_by_now(state: &StateDir) -> BTreeSet<u64> {
    let lines = files::lines_by_now(state).into_iter();
    lines
        .filter_map(|line| match line {
            Entry::Deleted(gone) => Some(gone.file.sequence),
            _ => None,
        })
        .collect()
}

/// Are the records of all segments as many as the checkpoint counts?
fn sum(state: &StateDir, checkpoint: &Checkpoint, segments: &Segments) -> Option<Finding> {
    let all = segments.present.iter().chain(&segments.deleted);
    let (mut found, mut is_all_counted) = (0_u64, true);
    for listed in all {
        let contents = listed.segment.contents();
        found = found.saturating_add(contents.records);
        is_all_counted &= contents.uncounted_bytes == 0;
    }
    let expected = checkpoint.progress.records;
    let is_sound = match is_all_counted {
        true => found == expected,
        // A program that didn't count by segments has written some of these.
        false => found <= expected,
    };
    (!is_sound).then(|| Finding::Records {
        path: state.checkpoint(),
        expected,
        found,
    })
}
