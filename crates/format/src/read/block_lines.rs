//! The lines of one block.

use memchr::memchr_iter;

use super::selection::Selection;
use crate::index::{Block, Origin};

/// A line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// Where it comes from; `None` if that is unknown, as the segment has no index there.
    pub origin: Option<Origin>,
    /// Its bytes, without the newline.
    pub bytes: &'a [u8],
}

/// The lines of one block, of which some are asked for.
#[derive(Debug, Clone, Copy)]
pub struct BlockLines<'a> {
    /// All of them, each with its newline.
    pub(super) plain: &'a [u8],
    /// As many as there are lines, or none.
    pub(super) origins: &'a [Origin],
    pub(super) selection: &'a Selection,
    /// Which block it is; `None` if it has no entry in the index.
    pub(super) block: Option<Block>,
}

impl<'a> BlockLines<'a> {
    /// Which block it is; `None` if it is some part of what has no index.
    pub fn block(&self) -> Option<Block> {
        self.block
    }

    /// How many bytes all of its lines have, also those that aren't asked for.
    pub fn plain_bytes(&self) -> usize {
        self.plain.len()
    }

    /// All lines of the block, each with its newline, if all of them are asked for.
    pub fn whole(&self) -> Option<&'a [u8]> {
        self.selection.is_all().then_some(self.plain)
    }

    /// The lines that are asked for, in their order.
    pub fn iter(&self) -> impl Iterator<Item = Line<'a>> + use<'a> {
        let Self {
            plain,
            origins,
            selection,
            block: _,
        } = *self;
        let mut start = 0;
        let lines = memchr_iter(b'\n', plain).map(move |end| {
            let bytes = &plain[start..end];
            start = end + 1;
            bytes
        });
        let lines = lines.enumerate().map(|(number, bytes)| Line {
            origin: origins.get(number).copied(),
            bytes,
        });
        let is_all = selection.is_all();
        lines.filter(move |line| {
            is_all || line.origin.is_some_and(|origin| selection.holds(&origin))
        })
    }
}
