//! The lines of a segment one by one, for those who read many segments at once.

use std::ops::Range;

use memchr::memchr;

use super::Reader;
use crate::index::Origin;
use crate::read::block_lines::Line;
use crate::read::error::ReadError;

/// Which line of the block was gone on to.
#[derive(Default)]
pub(super) struct At {
    /// Where it is, in bytes.
    line: Range<usize>,
    /// Where the next one begins.
    next: usize,
    /// How many lines are before that.
    number: usize,
}

impl Reader {
    /// Goes on to the next line that is asked for; false behind the last one.
    ///
    /// # Errors
    ///
    /// If it can't be read.
    #[inline]
    pub fn next_line(&mut self) -> Result<bool, ReadError> {
        let all = self.selection.is_all();
        loop {
            let At { next, number, .. } = self.line;
            let rest = self.plain().get(next..).unwrap_or_default();
            let Some(length) = memchr(b'\n', rest) else {
                if self.advance()?.is_some() {
                    continue;
                }
                // The last block is still there.
                self.line.next = usize::MAX;
                return Ok(false);
            };
            self.line = At {
                line: next..next + length,
                next: next + length + 1,
                number: number + 1,
            };
            let origin = self.origins.get(number);
            if all || origin.is_some_and(|origin| self.selection.holds(origin)) {
                return Ok(true);
            }
        }
    }

    /// The line that was gone on to by itself.
    #[inline]
    pub fn line(&self) -> Line<'_> {
        let At { line, number, .. } = &self.line;
        let number = number.checked_sub(1);
        Line {
            origin: number.and_then(|number| self.origins.get(number).copied()),
            bytes: self.plain().get(line.clone()).unwrap_or_default(),
        }
    }

    /// Goes on to the next block that may hold a line that is asked for, without reading its lines, and gives the origins of
    /// all of them; `None` behind the last one. What has no index is passed over.
    ///
    /// # Errors
    ///
    /// If the index can't be read.
    pub fn next_origins(&mut self) -> Result<Option<&[Origin]>, ReadError> {
        self.unindexed = None;
        Ok(self.find()?.is_some().then_some(&self.origins[..]))
    }

    /// The lines of the block.
    #[inline]
    fn plain(&self) -> &[u8] {
        match &self.unindexed {
            Some(lines) => lines.lines(),
            None => self.memory.last(&self.segment),
        }
    }
}
