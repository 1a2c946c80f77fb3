//! The printer: lines of blocks to standard output, as many as are wanted, with or without what else is known of them.

use std::collections::VecDeque;

use archiver_format::envelope::{Envelope, ValueAs};
use archiver_format::index::Origin;
use archiver_format::read::{BlockLines, Line};
use memchr::memrchr;

use crate::terminal::Output;

/// Prints lines.
pub(super) struct Printer {
    output: Output,
    with_meta: bool,
    /// How many more lines are wanted; `None` if all are.
    left: Option<u64>,
    /// The last lines so far, while only the last ones are wanted.
    tail: Option<Tail>,
    line: Vec<u8>,
}

/// The last lines of many.
struct Tail {
    count: usize,
    lines: VecDeque<Vec<u8>>,
}

/// What is done to the lines of a segment.
pub(super) struct Kind {
    /// How a line is wrapped that is only a value; `None` if the lines are printed as they are.
    envelope: Option<Envelope>,
}

impl Printer {
    /// Prints so many lines, or only so many of the last ones.
    pub fn new(with_meta: bool, limit: Option<u64>, tail: Option<u64>) -> Self {
        Self {
            output: Output::default(),
            with_meta,
            left: limit,
            tail: tail.map(|count| Tail {
                count: usize::try_from(count).unwrap_or(usize::MAX),
                lines: VecDeque::new(),
            }),
            line: Vec::new(),
        }
    }

    /// What is done to lines of this format and topic.
    pub fn kind(&self, format: &str, topic: &str) -> Kind {
        let is_value = format == "raw";
        Kind {
            envelope: (self.with_meta && is_value).then(|| Envelope::new(topic, ValueAs::String)),
        }
    }

    /// How many of the last lines are wanted, as long as they aren't printed.
    pub fn tail(&self) -> Option<u64> {
        self.tail.as_ref().map(|tail| tail.count as u64)
    }

    /// Are lines printed of which nothing else is known?
    pub fn needs_no_origin(&self) -> bool {
        !self.with_meta && self.tail.is_none()
    }

    /// Were as many lines printed as are wanted?
    pub fn is_done(&self) -> bool {
        self.left == Some(0)
    }

    /// Prints the lines of a block that are asked for and that `is_wanted`. `is_wanted` is asked for each line, unless
    /// `all` are wanted.
    pub fn block(
        &mut self,
        block: &BlockLines<'_>,
        kind: &mut Kind,
        all: bool,
        mut is_wanted: impl FnMut(&Origin) -> bool,
    ) -> anyhow::Result<()> {
        let is_plain = kind.envelope.is_none() && self.left.is_none() && self.tail.is_none();
        if let (true, true, Some(whole)) = (all, is_plain, block.whole()) {
            return self.output.write(whole);
        }
        for line in block.iter() {
            if self.is_done() {
                return Ok(());
            }
            if all || line.origin.as_ref().is_none_or(&mut is_wanted) {
                self.line(&line, kind)?;
            }
        }
        Ok(())
    }

    /// Prints lines of which nothing is known, each with its newline.
    pub fn unknown(&mut self, lines: &[u8], kind: &mut Kind) -> anyhow::Result<()> {
        for bytes in lines.split_inclusive(|byte| *byte == b'\n') {
            let end = memrchr(b'\n', bytes).unwrap_or(bytes.len());
            let line = Line {
                origin: None,
                bytes: &bytes[..end],
            };
            if !self.is_done() {
                self.line(&line, kind)?;
            }
        }
        Ok(())
    }

    fn line(&mut self, line: &Line<'_>, kind: &mut Kind) -> anyhow::Result<()> {
        self.line.clear();
        match &mut kind.envelope {
            Some(envelope) => {
                envelope.encode_line(line.origin.as_ref(), line.bytes, &mut self.line);
            }
            None => {
                self.line.extend_from_slice(line.bytes);
                self.line.push(b'\n');
            }
        }
        if let Some(tail) = &mut self.tail {
            tail.push(&self.line);
            return Ok(());
        }
        self.left = self.left.map(|left| left.saturating_sub(1));
        self.output.write(&self.line)
    }

    /// Prints the last lines, if only those are wanted of all so far. From now on all are.
    pub fn end_tail(&mut self) -> anyhow::Result<()> {
        for line in self.tail.take().into_iter().flat_map(|tail| tail.lines) {
            self.output.write(&line)?;
        }
        Ok(())
    }

    /// Writes what was printed so far.
    pub fn flush(&mut self) -> anyhow::Result<()> {
        self.output.flush()
    }

    /// Does nobody read any more?
    pub fn is_unread(&self) -> bool {
        self.output.is_unread()
    }
}

impl Tail {
    fn push(&mut self, line: &[u8]) {
        if self.count == 0 {
            return;
        }
        let mut owned = match self.lines.len() >= self.count {
            true => self.lines.pop_front().unwrap_or_default(),
            false => Vec::new(),
        };
        owned.clear();
        owned.extend_from_slice(line);
        self.lines.push_back(owned);
    }
}
