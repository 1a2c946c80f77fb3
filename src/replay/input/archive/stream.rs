//! The records of one segment, in the order in which they lie there: offsets of a partition grow.

use std::path::PathBuf;

use archiver_format::archive::Segment;
use archiver_format::envelope::decode;
use archiver_format::index::Origin;
use archiver_format::read::{ReadError, Reader, Selection};
use archiver_format::record::NextOffset;

use super::super::envelopes::{NO_TIMESTAMP, outgoing};
use super::super::rows::{Bad, Row};
use crate::replay::Outgoing;
use crate::replay::clock::of_ms;

/// Reads a segment.
pub(super) struct Stream {
    path: PathBuf,
    reader: Reader,
    selection: Selection,
    is_envelope: bool,
    /// Do some of its lines have no place in an index? Then each must say it itself.
    is_unindexed: bool,
    /// Of the record that was gone on to.
    origin: Option<Origin>,
}

impl Stream {
    /// Opens so many bytes of a segment.
    pub fn open(segment: &Segment, bytes: u64, selection: &Selection) -> Result<Self, String> {
        let is_envelope = segment.format != "raw";
        // Such a selection makes the reader count lines whose place is unknown.
        let all = NextOffset::ZERO..NextOffset::new(i64::MAX);
        let placed = Selection {
            offsets: Some(all),
            ..selection.clone()
        };
        let mut reader = segment.open(bytes, &placed).map_err(said)?;
        let is_unindexed = reader.left_out() > 0;
        if is_unindexed && !is_envelope {
            return Err(format!(
                "which records the lines of {} are is unknown: it has no index, or not for all of them; make it anew with archiver verify --rebuild-index",
                segment.path_now().display()
            ));
        }
        if is_unindexed {
            let opened = segment.open(bytes, &Selection::default());
            reader = opened.map_err(said)?;
        }
        Ok(Self {
            path: segment.path_now(),
            reader,
            selection: placed,
            is_envelope,
            is_unindexed,
            origin: None,
        })
    }

    /// Goes on to the next record that is asked for, and says which it is; `None` behind the last one.
    #[inline]
    pub fn advance(&mut self) -> Result<Option<Origin>, String> {
        loop {
            if !self.reader.next_line().map_err(said)? {
                return Ok(None);
            }
            let line = self.reader.line();
            let origin = match line.origin {
                Some(origin) => origin,
                None => self.decoded(line.bytes)?,
            };
            if !self.is_unindexed || self.selection.holds(&origin) {
                self.origin = Some(origin);
                return Ok(Some(origin));
            }
        }
    }

    /// Where a line comes from by its own account.
    #[cold]
    fn decoded(&self, line: &[u8]) -> Result<Origin, String> {
        let decoded = decode(line).map_err(|error| format!("{}: {error}", self.path.display()))?;
        Ok(Origin {
            partition: decoded.partition,
            offset: decoded.offset,
            timestamp_ms: decoded.timestamp.map(|timestamp| timestamp.ms),
        })
    }

    /// The record that was gone on to.
    #[inline]
    pub fn row(&self) -> Row {
        let Some(origin) = self.origin else {
            return Row::End;
        };
        let line = self.reader.line().bytes;
        let record = match (self.is_envelope, origin.timestamp_ms) {
            (true, _) => match decode(line) {
                Ok(decoded) => outgoing(decoded).ok_or_else(|| NO_TIMESTAMP.to_owned()),
                Err(error) => Err(error.to_string()),
            },
            (false, None) => Err(NO_TIMESTAMP.to_owned()),
            (false, Some(ms)) => Ok(Outgoing {
                time_ns: of_ms(ms),
                partition: Some(origin.partition),
                value: Some(line.to_vec()),
                ..Outgoing::default()
            }),
        };
        match record {
            Ok(record) => Row::Record(record),
            Err(why) => Row::Bad(Bad {
                place: format!(
                    "partition {} offset {} in {}",
                    origin.partition,
                    origin.offset,
                    self.path.display()
                ),
                why,
                bytes: line.to_vec(),
            }),
        }
    }

    /// Appends which records come next, without reading them as far as there is an index; false behind the last one. Then
    /// they can't be read any more.
    pub fn origins(&mut self, origins: &mut Vec<Origin>) -> Result<bool, String> {
        if self.is_unindexed {
            let next = self.advance()?;
            origins.extend(next);
            return Ok(next.is_some());
        }
        let selection = &self.selection;
        let block = self.reader.next_origins().map_err(said)?;
        let asked = block.iter().flat_map(|block| block.iter());
        origins.extend(asked.filter(|origin| selection.holds(origin)));
        Ok(block.is_some())
    }
}

fn said(error: ReadError) -> String {
    error.to_string()
}
