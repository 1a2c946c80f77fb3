//! The segments of an archive, as the manifest and the checkpoint list them, and the check of each.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;

use super::finding::{Finding, LineFault};
use super::listing::Listing;
use super::pieces::Pieces;
use crate::archive::{Paths, Segment, State};
use crate::checkpoint::Checkpoint;
use crate::contents::Contents;
use crate::digest::Digest;
use crate::gap::GapReason;
use crate::index::Span;
use crate::manifest::{Entry, SealReason, Sealed};
use crate::mark::{Mark, Tail};
use crate::open;
use crate::read::{self, Checked, Damage};
use crate::segment::growing;
use crate::state_files::StateDir;

/// A segment that is to be there.
#[derive(Debug)]
pub(super) struct Listed {
    pub segment: Segment,
    /// The line of the manifest that says that it was opened; 0 if none does.
    pub opened: u64,
    /// The last line of the manifest before which all of it was written, if it is sealed.
    pub ended: Option<u64>,
}

/// The segments of an archive.
#[derive(Debug, Default)]
pub(super) struct Segments {
    /// Those that are to be there, by their numbers.
    pub present: Vec<Listed>,
    /// Those that were deleted.
    pub deleted: Vec<Listed>,
}

impl Segments {
    /// All that the manifest and the checkpoint list.
    pub fn new(
        listing: &Listing,
        checkpoint: &Checkpoint,
        paths: &Paths,
        state: &StateDir,
        findings: &mut Vec<Finding>,
    ) -> Self {
        let Checkpoint {
            identity, progress, ..
        } = checkpoint;
        let (mut opened, mut present) = (BTreeMap::new(), BTreeMap::new());
        let mut segments = Self::default();
        // The first of the lines that a topic which was created again has left without another between them.
        let mut recreated = None;
        for (line, entry) in &listing.lines {
            let is_recreated =
                matches!(entry, Entry::Gap(gap) if gap.reason == GapReason::Recreated);
            recreated = match entry {
                Entry::Sealed(_) => recreated,
                _ => is_recreated.then(|| recreated.unwrap_or(*line)),
            };
            match entry {
                Entry::Opened(file) => {
                    opened.insert(file.sequence, *line);
                }
                Entry::Sealed(sealed) => {
                    let sequence = sealed.file.sequence;
                    let path = paths.of(&sealed.file, identity);
                    let mut unnamed = progress.unnamed.iter();
                    let is_unnamed = unnamed.any(|of| of.file == sealed.file);
                    // It was sealed before anything of the new topic was written.
                    let is_of_old =
                        matches!(sealed.reason, SealReason::Recreated | SealReason::Changed);
                    let ended = recreated.filter(|_| is_of_old).map(|first| first - 1);
                    let listed = Listed {
                        segment: Segment::sealed((**sealed).clone(), is_unnamed, path, state),
                        opened: opened.get(&sequence).copied().unwrap_or(0),
                        ended: Some(ended.unwrap_or(*line)),
                    };
                    present.insert(sequence, listed);
                }
                Entry::Deleted(gone) => {
                    segments.deleted.extend(present.remove(&gone.file.sequence))
                }
                Entry::Manifest(_) | Entry::Opening(_) | Entry::Gap(_) => {}
            }
        }
        for open in &progress.segments {
            let sequence = open.file.sequence;
            let path = paths.of(&open.file, identity);
            let listed = Listed {
                segment: Segment::growing(open, identity, path, state),
                opened: opened.get(&sequence).copied().unwrap_or(0),
                ended: None,
            };
            if let Some(sealed) = present.insert(sequence, listed) {
                findings.push(Finding::Line {
                    path: state.manifest(),
                    line: sealed.ended.unwrap_or(0),
                    fault: LineFault::NotOpen(sequence),
                });
            }
        }
        segments.present = present.into_values().collect();
        segments.find_unlisted(progress.next_sequence, state, findings);
        segments
    }

    /// Each number that was given to a segment is that of one.
    fn find_unlisted(&self, next: u64, state: &StateDir, findings: &mut Vec<Finding>) {
        let all = self.present.iter().chain(&self.deleted);
        let mut known = all
            .map(|listed| listed.segment.file.sequence)
            .collect::<Vec<_>>();
        known.sort_unstable();
        let mut expected = 0;
        for sequence in known.into_iter().chain([next]) {
            // A number that can't be would make this endless.
            for sequence in (expected..sequence).take(UNLISTED_MAX) {
                findings.push(Finding::Unlisted {
                    path: state.manifest(),
                    sequence,
                });
            }
            expected = sequence.saturating_add(1);
        }
    }
}

/// So many segments that aren't listed are named where several follow each other.
const UNLISTED_MAX: usize = 100;

/// What was found in a segment.
#[derive(Debug, Default)]
pub(super) struct Result {
    pub path: PathBuf,
    pub checked: Checked,
    pub pieces: Pieces,
    /// Is it known of each of its lines which record it is?
    pub is_known: bool,
    pub findings: Vec<Finding>,
}

impl Result {
    /// Is the segment's file not there?
    pub fn is_missing(&self) -> bool {
        let missing = |finding: &Finding| {
            matches!(
                finding,
                Finding::Segment {
                    damage: Damage::Missing,
                    ..
                }
            )
        };
        self.findings.iter().any(missing)
    }
}

impl Listed {
    fn contents(&self) -> &Contents {
        self.segment.contents()
    }

    /// Reads all of it. The bytes of its file are added to `read` as they are read.
    pub fn check(&self, read: &AtomicU64) -> Result {
        let mut result = self.check_once(read);
        // It got its final name, or was sealed, between two looks.
        if result.is_missing() {
            result = self.check_once(read);
        }
        result
    }

    fn check_once(&self, read: &AtomicU64) -> Result {
        let path = self.path();
        let mut result = Result {
            path: path.clone(),
            ..Result::default()
        };
        let bytes = self.segment.bytes();
        let segment = read::Segment {
            path: path.clone(),
            index: self.index(),
            ..self.segment.readable(bytes)
        };
        let sealed = match &self.segment.state {
            State::Sealed(sealed) => Some(as_sealed(sealed)),
            State::Growing(_) => None,
        };
        let pieces = &mut result.pieces;
        let checked = read::check(&segment, sealed.as_ref(), read, &mut |origins| {
            pieces.extend(origins);
        });
        match checked {
            Ok(checked) => result.checked = checked,
            Err(source) => {
                let unread = Finding::Unread { path, source };
                result.findings.push(unread);
                return result;
            }
        }
        let damage = std::mem::take(&mut result.checked.damage);
        result.findings = damage
            .into_iter()
            .map(|damage| Finding::Segment {
                path: path.clone(),
                damage,
            })
            .collect();
        self.compare(&path, &mut result);
        result
    }

    /// Where it is now, under its final name, or under that of a growing file.
    fn path(&self) -> PathBuf {
        match &self.segment.state {
            State::Sealed(_) if self.segment.path.exists() => self.segment.path.clone(),
            _ => self.segment.path_now(),
        }
    }

    /// Its index, if it is to have one: whether a sealed segment has is not written anywhere.
    fn index(&self) -> Option<PathBuf> {
        let index = self.segment.index.clone();
        match &self.segment.state {
            State::Growing(growing) => growing.index.as_ref().map(|_| index),
            State::Sealed(_) => index.exists().then_some(index),
        }
    }

    /// Holds what was read against what the manifest or the checkpoint says.
    fn compare(&self, path: &Path, result: &mut Result) {
        let (contents, checked) = (self.contents(), &result.checked);
        let mut findings = Vec::new();
        let is_sound = result.findings.is_empty();
        let is_all_counted = contents.uncounted_bytes == 0;
        if is_sound && is_all_counted && checked.lines != contents.records {
            findings.push(Finding::Segment {
                path: path.into(),
                damage: Damage::Lines {
                    expected: contents.records,
                    found: checked.lines,
                },
            });
        }
        if is_sound && is_all_counted && checked.plain_bytes != contents.plain_bytes {
            findings.push(Finding::PlainBytes {
                path: path.into(),
                expected: contents.plain_bytes,
                found: checked.plain_bytes,
            });
        }
        let unindexed = (checked.unindexed_bytes).saturating_sub(contents.uncounted_bytes);
        let is_indexed = is_sound && unindexed == 0;
        if is_indexed && !(is_all_counted && checked.lines == 0) {
            findings.extend(differences(path, contents, &checked.spans));
        }
        if is_sound && unindexed > 0 {
            let known = checked.spans.iter().map(|span| span.records);
            let lines = contents.records.saturating_sub(known.sum());
            findings.push(Finding::Unindexed {
                path: path.into(),
                bytes: unindexed,
                lines,
            });
        }
        if let (true, State::Growing(growing)) = (is_sound, &self.segment.state) {
            findings.extend(check_mark(path, &growing.mark));
        }
        result.is_known = is_indexed;
        // Where a partition has as many lines as offsets it holds each.
        if is_sound && checked.spans.is_empty() && !is_indexed {
            (result.pieces, result.is_known) = Pieces::of_contents(contents);
        }
        result.findings.extend(findings);
        self.find_twin(path, &mut result.findings);
    }

    /// A file that got its final name has left the other one.
    fn find_twin(&self, path: &Path, findings: &mut Vec<Finding>) {
        let other = growing(&self.segment.path);
        let is_named = path == self.segment.path && self.segment.file.name.is_some();
        if is_named && fs::symlink_metadata(&other).is_ok() && path.exists() {
            findings.push(Finding::BothNames {
                path: path.into(),
                other,
            });
        }
    }
}

/// What is known of a sealed segment. A digest that is none is the manifest's fault.
fn as_sealed(sealed: &Sealed) -> read::Sealed {
    let contents = &sealed.contents;
    read::Sealed {
        digest: sealed.xxh128.as_deref().and_then(Digest::parse),
        lines: (contents.uncounted_bytes == 0).then_some(contents.records),
    }
}

/// What an index says otherwise than the manifest or the checkpoint.
fn differences(path: &Path, contents: &Contents, found: &[Span]) -> Vec<Finding> {
    let mut expected = BTreeMap::new();
    for (partition, span) in &contents.partitions {
        expected.insert(*partition, (Some(span.of_partition(*partition)), None));
    }
    for span in found {
        let of_partition = expected.entry(span.partition).or_insert((None, None));
        of_partition.1 = Some(*span);
    }
    let differ = expected.into_iter();
    let differ = differ.filter(|(_, (expected, found))| expected != found);
    differ
        .map(|(partition, (expected, found))| Finding::Contents {
            path: path.into(),
            partition,
            expected,
            found,
        })
        .collect()
}

/// What is wrong with the last bytes before a mark, which must be those that were written.
fn check_mark(path: &Path, mark: &Mark) -> Option<Finding> {
    let mut tail = vec![0; mark.tail_length()];
    let from = mark.length - tail.len() as u64;
    let read = open::segment(path).and_then(|file| file.read_exact_at(&mut tail, from));
    match read {
        Ok(()) if Tail::new(tail).mark(mark.length) == *mark => None,
        Ok(()) => Some(Finding::Mark {
            path: path.into(),
            byte: mark.length,
        }),
        // It was read a moment ago. What has become of it since, the next look says.
        Err(source) if is_gone(&source) => None,
        Err(source) => Some(Finding::Unread {
            path: path.into(),
            source,
        }),
    }
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::UnexpectedEof)
}
