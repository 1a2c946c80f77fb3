//! A segment of an archive: what is known of it, and where its file is.

use std::io::ErrorKind;
use std::path::PathBuf;

use crate::checkpoint::{self, Identity};
use crate::compression::Algorithm;
use crate::contents::Contents;
use crate::index::{IndexError, IndexReader};
use crate::manifest::Sealed;
use crate::open;
use crate::read::{self, ReadError, Reader, Selection};
use crate::segment::{SegmentFile, growing};
use crate::state_files::StateDir;

/// A segment of an archive.
#[derive(Debug, Clone)]
pub struct Segment {
    /// Its number, its final name, and which file it is.
    pub file: SegmentFile,
    /// Its final path.
    pub path: PathBuf,
    /// What a line is: `raw` is the value alone.
    pub format: String,
    /// How it is compressed.
    pub compression: Algorithm,
    /// Where its index is, if it has one.
    pub index: PathBuf,
    /// Whether it grows.
    pub state: State,
    /// May its file have the ending of a growing one?
    may_be_growing: bool,
}

/// Whether a segment grows.
#[derive(Debug, Clone)]
pub enum State {
    /// It does, and this is what the checkpoint counts.
    Growing(Box<checkpoint::Segment>),
    /// It is final, and this is what the manifest says.
    Sealed(Box<Sealed>),
}

impl Segment {
    /// One that the manifest lists. It is unnamed if a checkpoint doesn't know whether it has its final name.
    pub(crate) fn sealed(sealed: Sealed, unnamed: bool, path: PathBuf, state: &StateDir) -> Self {
        Self {
            file: sealed.file.clone(),
            path,
            format: sealed.format.clone(),
            compression: sealed.compression,
            index: state.index(sealed.file.sequence),
            may_be_growing: unnamed,
            state: State::Sealed(Box::new(sealed)),
        }
    }

    /// One that a checkpoint knows as open.
    pub(crate) fn growing(
        segment: &checkpoint::Segment,
        identity: &Identity,
        path: PathBuf,
        state: &StateDir,
    ) -> Self {
        Self {
            file: segment.file.clone(),
            path,
            format: identity.format.clone(),
            compression: identity.compression,
            index: state.index(segment.file.sequence),
            may_be_growing: segment.is_growing,
            state: State::Growing(Box::new(segment.clone())),
        }
    }

    /// Is it final?
    pub fn is_sealed(&self) -> bool {
        matches!(self.state, State::Sealed(_))
    }

    /// How many bytes of it the checkpoint counts; all of a sealed one.
    pub fn bytes(&self) -> u64 {
        match &self.state {
            State::Growing(growing) => growing.mark.length,
            State::Sealed(sealed) => sealed.bytes,
        }
    }

    /// What these bytes hold.
    pub fn contents(&self) -> &Contents {
        match &self.state {
            State::Growing(growing) => &growing.contents,
            State::Sealed(sealed) => &sealed.contents,
        }
    }

    /// Where its file is now: under its final name, or under that of a growing file.
    pub fn path_now(&self) -> PathBuf {
        let grown = growing(&self.path);
        match self.may_be_growing && grown.exists() {
            true => grown,
            false => self.path.clone(),
        }
    }

    /// What is to be read of it: so many bytes.
    pub fn readable(&self, bytes: u64) -> read::Segment {
        read::Segment {
            path: self.path_now(),
            index: self.index.exists().then(|| self.index.clone()),
            sequence: self.file.sequence,
            algorithm: self.compression,
            bytes,
        }
    }

    /// May it hold a record that is asked for, in the bytes that the checkpoint counts?
    pub fn may_hold(&self, selection: &Selection) -> bool {
        self.contents().uncounted_bytes > 0 || self.may_hold_counted(selection)
    }

    /// May it hold records that fit, among those that are counted?
    pub fn may_hold_counted(&self, selection: &Selection) -> bool {
        let mut spans = self.contents().partitions.iter();
        spans.any(|(partition, span)| selection.may_hold_of(&span.of_partition(*partition)))
    }

    /// Opens so many bytes of it, whatever its name is by now.
    ///
    /// # Errors
    ///
    /// If it isn't there under either name, or can't be read.
    pub fn open(&self, bytes: u64, selection: &Selection) -> Result<Reader, ReadError> {
        let segment = self.readable(bytes);
        let tried = segment.path.clone();
        match Reader::open(segment, selection.clone()) {
            // It got its final name in between.
            Err(ReadError::Io { path, source })
                if source.kind() == ErrorKind::NotFound && path == tried && path != self.path =>
            {
                Reader::open(self.readable(bytes), selection.clone())
            }
            opened => opened,
        }
    }

    /// Opens so many bytes of a growing one, without those that the checkpoint counts. `None` if it is none, or has no
    /// index that knows them.
    ///
    /// # Errors
    ///
    /// As [`Segment::open`].
    pub fn open_uncounted(
        &self,
        bytes: u64,
        selection: &Selection,
    ) -> Result<Option<Reader>, ReadError> {
        let State::Growing(growing) = &self.state else {
            return Ok(None);
        };
        let Some(index) = &growing.index else {
            return Ok(None);
        };
        let behind = (growing.mark.length, index.length);
        let segment = self.readable(bytes);
        Reader::open_behind(segment, selection.clone(), behind).map(Some)
    }

    /// How many bytes of it can be read by now: a growing one as far as its index has whole blocks, which may be more
    /// than the checkpoint counts. What it has beyond that a crash may take away.
    pub fn bytes_now(&self) -> u64 {
        let State::Growing(growing) = &self.state else {
            return self.bytes();
        };
        let counted = growing.mark.length;
        let from = growing.index.as_ref().map(|mark| mark.length);
        let indexed = from.and_then(|from| self.indexed(from).ok().flatten());
        let length = self.path_now().metadata().map_or(0, |file| file.len());
        indexed
            .filter(|end| *end > counted && *end <= length)
            .unwrap_or(counted)
    }

    /// Where the last block ends whose entry stands behind this byte of the index.
    fn indexed(&self, from: u64) -> Result<Option<u64>, IndexError> {
        let mut index = IndexReader::new(open::state(&self.index)?)?;
        if index.header().sequence != self.file.sequence {
            return Ok(None);
        }
        index.skip_to(from)?;
        let last = index.last()?;
        Ok(last.map(|entry| entry.block.file_end()))
    }
}
