//! An open segment: its file, its index, and what is known of its lines until it is sealed.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use archiver_format::checkpoint::Segment;
use archiver_format::compression::Algorithm;
use archiver_format::contents::Contents;
use archiver_format::digest::{Digest, Digester};
use archiver_format::position::Step;
use archiver_format::segment::{Route, SegmentFile};

use super::batch::Member;
use super::segment_index::SegmentIndex;
use crate::ledger::append_file::{AppendFile, Refused, Savepoint};
use crate::world::fs::{File, Fs};

/// How much of a file is read at once, in bytes.
const READ_BYTES: usize = 1 << 20;

/// A segment that is being written.
pub struct OpenSegment {
    /// Its number, its final name, and which file it is.
    pub file: SegmentFile,
    /// Does its name have the ending of a growing file, until it is sealed?
    pub is_growing: bool,
    /// What its lines are, and how they are compressed.
    pub kind: Kind,
    /// Which records go into it.
    pub route: Route,
    /// When it was created, in milliseconds since 1970.
    pub opened: i64,
    /// When something was written to it last, in milliseconds since 1970.
    pub written: i64,
    /// When the wall clock says that it is sealed, once that was worked out, in milliseconds since 1970.
    pub due: Option<i64>,
    /// The file.
    pub data: AppendFile,
    contents: Contents,
    hashing: Hashing,
    index: Option<SegmentIndex>,
}

/// How the digest of a segment's file is computed.
enum Hashing {
    /// Not at all: it is never sealed, or not all of its bytes are archiver's.
    Never,
    /// While the bytes are written: all of them were.
    Written(Digester),
    /// When it is sealed, from the file: some of its bytes were written earlier.
    Sealing,
}

/// What the lines of a segment are, and how they are compressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kind {
    /// The name of the format.
    pub format: String,
    /// How they are compressed.
    pub compression: Algorithm,
}

/// Where a segment ended before an append that may have to be taken back.
pub struct Before {
    data: Savepoint,
    index: Option<Savepoint>,
}

impl OpenSegment {
    /// A segment that begins with this file, which is empty, or was there before.
    pub fn begin(
        data: AppendFile,
        file: SegmentFile,
        is_growing: bool,
        kind: Kind,
        route: Route,
        now: i64,
    ) -> Self {
        let uncounted_bytes = data.length();
        Self {
            file,
            is_growing,
            kind,
            route,
            opened: now,
            written: now,
            due: None,
            data,
            contents: Contents {
                uncounted_bytes,
                ..Contents::default()
            },
            hashing: match is_growing && uncounted_bytes == 0 {
                true => Hashing::Written(Digester::default()),
                false => Hashing::Never,
            },
            index: None,
        }
    }

    /// Opens a segment's file as it was at a checkpoint; it is yet to be cut back. A file that is `locked` already is not
    /// opened again. May block.
    pub fn resume(
        fs: &dyn Fs,
        path: &Path,
        segment: Segment,
        kind: Kind,
        locked: Option<Arc<dyn File>>,
    ) -> Result<Self, Refused> {
        let Segment { mark, .. } = &segment;
        let data = AppendFile::resume(fs, path, mark, segment.file.id, locked)?;
        let io = |source| Refused::Io {
            path: path.to_path_buf(),
            source,
        };
        let id = data.handle().stat().map_err(io)?.id();
        Ok(Self {
            // It may be a copy of the file that was written.
            file: SegmentFile { id, ..segment.file },
            is_growing: segment.is_growing,
            kind,
            route: segment.route,
            opened: segment.opened,
            written: segment.written,
            due: None,
            data,
            hashing: match segment.is_growing && segment.contents.uncounted_bytes == 0 {
                true => Hashing::Sealing,
                false => Hashing::Never,
            },
            contents: segment.contents,
            index: None,
        })
    }

    /// Gives it an index, which begins here or is where the segment is.
    pub fn set_index(&mut self, index: SegmentIndex) {
        self.index = Some(index);
    }

    /// It goes on without its index.
    pub fn drop_index(&mut self) {
        self.index = None;
    }

    /// Its index.
    pub fn index(&self) -> Option<&SegmentIndex> {
        self.index.as_ref()
    }

    /// Where it ends, to go back there.
    pub fn before(&self) -> Before {
        Before {
            data: self.data.savepoint(),
            index: self.index.as_ref().map(SegmentIndex::savepoint),
        }
    }

    /// Takes back bytes that were appended since, and were not counted.
    pub fn go_back(&mut self, before: Before) -> Result<(), Refused> {
        let data = self.data.go_back(before.data);
        let index = match (&mut self.index, before.index) {
            (Some(index), Some(before)) => index.go_back(before),
            _ => Ok(()),
        };
        data.and(index)
    }

    /// Appends a member's bytes, and its entry in the index. Both are yet to be counted, or to be taken back.
    pub fn append(&mut self, member: &Member) -> Result<(), Refused> {
        let file_start = self.data.length();
        self.data.append(&member.bytes)?;
        match &mut self.index {
            Some(index) => index.append(member, file_start, &self.contents),
            None => Ok(()),
        }
    }

    /// Counts a member whose bytes were appended, with the steps of its batch.
    pub fn count(&mut self, member: &Member, steps: &[Step], now: i64) {
        if let Hashing::Written(digester) = &mut self.hashing {
            digester.push(&member.bytes);
        }
        self.contents.add(&member.lines, member.plain_bytes, steps);
        self.written = now;
    }

    /// As it stands in a checkpoint.
    pub fn checkpoint(&self) -> Segment {
        Segment {
            file: self.file.clone(),
            is_growing: self.is_growing,
            route: self.route,
            opened: self.opened,
            written: self.written,
            mark: self.data.mark(),
            index: self.index.as_ref().map(SegmentIndex::mark),
            contents: self.contents.clone(),
        }
    }

    /// What it holds.
    pub fn contents(&self) -> &Contents {
        &self.contents
    }

    /// The digest of the whole file, if it is to have one. May block for as long as it takes to read the file.
    pub fn digest(&self) -> Result<Option<Digest>, Refused> {
        match &self.hashing {
            Hashing::Never => Ok(None),
            Hashing::Written(digester) => Ok(Some(digester.digest())),
            Hashing::Sealing => match digest(&**self.data.handle(), self.data.length()) {
                Ok(digest) => Ok(Some(digest)),
                Err(source) => Err(Refused::Io {
                    path: self.path(),
                    source,
                }),
            },
        }
    }

    /// The path that the file has now.
    pub fn path(&self) -> PathBuf {
        self.data.path().to_path_buf()
    }
}

/// The digest of a file's first bytes.
fn digest(file: &dyn File, length: u64) -> io::Result<Digest> {
    let mut digester = Digester::default();
    let (mut piece, mut at) = (vec![0; READ_BYTES], 0);
    while at < length {
        let left = usize::try_from(length - at).unwrap_or(READ_BYTES);
        let piece = &mut piece[..left.min(READ_BYTES)];
        file.read_exact_at(piece, at)?;
        digester.push(piece);
        at += piece.len() as u64;
    }
    Ok(digester.digest())
}
