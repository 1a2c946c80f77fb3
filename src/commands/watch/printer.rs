//! The printer: which records are printed, how many those were, and standard output.

use std::time::{Duration, Instant};

use archiver_format::record::Record;

use super::lines::Lines;
use super::pattern::Pattern;
use crate::terminal::{Output, grouped};

/// How long what was printed may be kept while more comes.
const UNSEEN: Duration = Duration::from_millis(100);

/// Prints the records of all topics.
pub(super) struct Printer {
    output: Output,
    filter: Filter,
    /// How many more are wanted; `None` if all are.
    left: Option<u64>,
    read: u64,
    printed: u64,
    line: Vec<u8>,
    /// When what was printed was last written.
    flushed: Instant,
}

/// Which records are printed.
#[derive(Debug, Clone, Default)]
pub(super) struct Filter {
    /// Is to be found in the value.
    pub value: Option<Pattern>,
    /// Is to be found in the key.
    pub key: Option<Pattern>,
}

impl Filter {
    fn takes(&self, record: &Record<'_>) -> bool {
        let is_in = |pattern: &Option<Pattern>, field: Option<&[u8]>| {
            let pattern = pattern.as_ref();
            pattern.is_none_or(|pattern| field.is_some_and(|bytes| pattern.is_in(bytes)))
        };
        is_in(&self.key, record.key) && is_in(&self.value, record.value)
    }
}

impl Printer {
    /// Prints so many records at most.
    pub fn new(output: Output, filter: Filter, limit: Option<u64>) -> Self {
        Self {
            output,
            filter,
            left: limit,
            read: 0,
            printed: 0,
            line: Vec::new(),
            flushed: Instant::now(),
        }
    }

    /// Prints a record that was received at this time, if it is wanted.
    ///
    /// # Errors
    ///
    /// As [`Lines::append`] and [`Output::write`].
    pub fn print(
        &mut self,
        lines: &mut Lines,
        record: &Record<'_>,
        received_ms: i64,
    ) -> anyhow::Result<()> {
        if self.is_done() {
            return Ok(());
        }
        self.read += 1;
        if !self.filter.takes(record) {
            return Ok(());
        }
        self.line.clear();
        lines.append(record, received_ms, &mut self.line)?;
        self.output.write(&self.line)?;
        self.printed += 1;
        self.left = self.left.map(|left| left.saturating_sub(1));
        Ok(())
    }

    /// Were as many printed as are wanted?
    pub fn is_done(&self) -> bool {
        self.left == Some(0)
    }

    /// Writes what was printed so far, if nothing more is at hand, or that has gone on for a while: the few that are printed
    /// of many are seen at once.
    ///
    /// # Errors
    ///
    /// As [`Output::write`].
    pub fn settle(&mut self, is_idle: bool) -> anyhow::Result<()> {
        match is_idle || self.flushed.elapsed() > UNSEEN {
            true => self.flush(),
            false => Ok(()),
        }
    }

    /// Writes what was printed so far.
    ///
    /// # Errors
    ///
    /// As [`Output::write`].
    pub fn flush(&mut self) -> anyhow::Result<()> {
        self.flushed = Instant::now();
        self.output.flush()
    }

    /// Does nobody read any more?
    pub fn is_unread(&self) -> bool {
        self.output.is_unread()
    }

    /// How many records those were, in words.
    pub fn count(&self) -> String {
        let records = if self.printed == 1 {
            "record"
        } else {
            "records"
        };
        let printed = grouped(self.printed);
        match self.read == self.printed {
            true => format!("{printed} {records}"),
            false => format!("{printed} {records} of {}", grouped(self.read)),
        }
    }
}
