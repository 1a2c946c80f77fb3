//! One reader of a scan: from the blocks of its share to batches.

use archiver_format::archive::Segment;
use archiver_format::envelope::decode;
use archiver_format::index::Origin;
use archiver_format::read::{Line, ReadError, Selection, Share};
use datafusion::arrow::array::RecordBatch;
use datafusion::common::{DataFusionError, Result};

use super::row::Row;
use super::rows::Rows;
use super::scanned::Scanned;

/// Reads a share of an archive.
pub struct Reading<'a> {
    scanned: &'a Scanned,
    share: Share,
    rows: Rows,
    /// So many rows were given.
    given: usize,
}

impl<'a> Reading<'a> {
    /// Reads this share of what is scanned into rows.
    pub fn new(scanned: &'a Scanned, share: Share, rows: Rows) -> Self {
        Self {
            scanned,
            share,
            rows,
            given: 0,
        }
    }

    /// Gives batches until there are no more, or nobody takes them: what is asked for may be rare, and the one who asks
    /// gone before it is found.
    ///
    /// # Errors
    ///
    /// If a segment can't be read.
    pub fn run(
        mut self,
        mut give: impl FnMut(RecordBatch) -> bool,
        is_over: impl Fn() -> bool,
    ) -> Result<()> {
        let scanned = self.scanned;
        for segment in &*scanned.segments {
            if !segment.may_hold(&scanned.selection) {
                continue;
            }
            match self.segment(segment, &mut give, &is_over) {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(Trouble::Read(error)) => match &scanned.damaged {
                    Some(damaged) => damaged.note(segment.path.display(), &error),
                    None => return Err(self.failed(&error)),
                },
                Err(Trouble::Engine(error)) => return Err(error),
            }
        }
        if !self.rows.is_empty() {
            give(self.rows.take()?);
        }
        Ok(())
    }

    fn failed(&self, error: &ReadError) -> DataFusionError {
        DataFusionError::External(unread(&self.scanned.name, error).into())
    }

    /// Reads a segment; false if nobody takes any more.
    fn segment(
        &mut self,
        segment: &Segment,
        give: &mut impl FnMut(RecordBatch) -> bool,
        is_over: &impl Fn() -> bool,
    ) -> Result<bool, Trouble> {
        let selection = &self.scanned.selection;
        let mut reader = segment.open(segment.bytes(), selection)?;
        let is_envelope = segment.format != "raw";
        // Lines of which no index says which records they are say it themselves, if they are whole records.
        let is_unindexed = reader.left_out() > 0;
        if is_unindexed {
            reader = segment.open(segment.bytes(), &Selection::default())?;
        }
        let mut reader = reader.share(self.share);
        let takes_apart = is_envelope && self.rows.needs_lines();
        while let Some(lines) = reader.advance()? {
            if is_over() {
                return Ok(false);
            }
            let mut records = 0;
            for line in lines.iter() {
                records += 1;
                let is_placed = line.origin.is_some();
                match takes_apart || (is_envelope && !is_placed) {
                    true => self.envelope(segment, &line, is_unindexed)?,
                    false => self.plain(&line, is_envelope, is_unindexed),
                }
                if self.rows.is_full() && !self.give(give)? {
                    return Ok(false);
                }
            }
            self.scanned.progress.add(records);
        }
        Ok(true)
    }

    /// Gives the rows until now; false if they are enough.
    fn give(&mut self, give: &mut impl FnMut(RecordBatch) -> bool) -> Result<bool, Trouble> {
        self.given += self.rows.len();
        let batch = self.rows.take().map_err(DataFusionError::from)?;
        let is_enough = self.scanned.limit.is_some_and(|limit| self.given >= limit);
        Ok(give(batch) && !is_enough)
    }

    /// A line that is a value, or of which only what the index knows is wanted.
    #[inline]
    fn plain(&mut self, line: &Line<'_>, is_envelope: bool, is_unindexed: bool) {
        let selection = &self.scanned.selection;
        let is_wanted = match line.origin {
            Some(origin) => !is_unindexed || selection.holds(&origin),
            // Nobody knows which record it is.
            None => selection.is_all(),
        };
        if is_wanted {
            self.rows.push(&Row {
                topic: &self.scanned.topic,
                place: line.origin.map(|origin| (origin.partition, origin.offset)),
                timestamp_ms: line.origin.and_then(|origin| origin.timestamp_ms),
                value: (!is_envelope).then_some(line.bytes),
                ..Row::default()
            });
        }
    }

    /// A line that should be a whole record, and isn't.
    #[cold]
    fn no_record(&self, segment: &Segment, why: &str) -> Result<(), Trouble> {
        let (name, path) = (&self.scanned.name, segment.path.display());
        match &self.scanned.damaged {
            Some(damaged) => {
                damaged.note_line(path, why);
                Ok(())
            }
            None => {
                let said = format!("reading archive {name}: {path}: {why}{OF_DAMAGED}");
                Err(DataFusionError::External(said.into()).into())
            }
        }
    }

    /// A line that is a whole record.
    #[inline]
    fn envelope(
        &mut self,
        segment: &Segment,
        line: &Line<'_>,
        is_unindexed: bool,
    ) -> Result<(), Trouble> {
        let decoded = match decode(line.bytes) {
            Ok(decoded) => decoded,
            Err(error) => return self.no_record(segment, &error.to_string()),
        };
        let origin = Origin {
            partition: decoded.partition,
            offset: decoded.offset,
            timestamp_ms: decoded.timestamp.map(|timestamp| timestamp.ms),
        };
        if is_unindexed && !self.scanned.selection.holds(&origin) {
            return Ok(());
        }
        self.rows.push(&Row {
            topic: &decoded.topic,
            place: Some((decoded.partition, decoded.offset)),
            timestamp_ms: origin.timestamp_ms,
            timestamp_type: decoded.timestamp.map(|timestamp| timestamp.kind),
            key: decoded.key.as_deref(),
            value: decoded.value.as_deref(),
            headers: Some(&decoded.headers),
        });
        Ok(())
    }
}

/// What is said of an archive that can't be read.
pub fn unread(name: &str, error: &ReadError) -> String {
    let advice = match error {
        ReadError::Io { .. } => "",
        _ => OF_DAMAGED,
    };
    format!("reading archive {name}: {error}{advice}")
}

/// What can be done about it.
const OF_DAMAGED: &str = "; archiver verify says what is wrong with it, and --skip-damaged goes on without what can't be read";

enum Trouble {
    Read(ReadError),
    Engine(DataFusionError),
}

impl From<ReadError> for Trouble {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

impl From<DataFusionError> for Trouble {
    fn from(error: DataFusionError) -> Self {
        Self::Engine(error)
    }
}
