//! Lines that are whole records, as archives in the format `json` have them: key, headers, partition, timestamp, and values
//! that may be null.

use archiver_format::envelope::{Decoded, decode};

use super::lines::Lines;
use super::rows::{Bad, Row, Rows, of_one_line};
use crate::replay::Outgoing;
use crate::replay::clock::of_ms;

/// Reads envelopes of one topic.
pub(super) struct Envelopes {
    lines: Lines,
    topic: String,
}

/// The topic of the record that a line is; `None` if it is none.
pub(super) fn topic(line: &[u8]) -> Option<String> {
    Some(decode(line).ok()?.topic.into_owned())
}

/// The record that is to be sent for one that was read; `None` if it has no timestamp.
#[inline]
pub(super) fn outgoing(decoded: Decoded<'_>) -> Option<Outgoing> {
    let headers = decoded.headers.into_iter();
    let headers =
        headers.map(|(name, value)| (name.into_owned(), value.map(std::borrow::Cow::into_owned)));
    Some(Outgoing {
        time_ns: of_ms(decoded.timestamp?.ms),
        partition: Some(decoded.partition),
        key: decoded.key.map(std::borrow::Cow::into_owned),
        value: decoded.value.map(std::borrow::Cow::into_owned),
        headers: headers.collect(),
    })
}

impl Envelopes {
    pub fn new(lines: Lines, topic: String) -> Self {
        Self { lines, topic }
    }

    /// The record of the line that was gone on to.
    fn record(&self) -> Result<Outgoing, String> {
        let decoded = decode(self.lines.line()).map_err(|error| of_one_line(&error))?;
        if decoded.topic != self.topic {
            let (other, first) = (&decoded.topic, &self.topic);
            return Err(format!(
                "it is of the topic {other}, where the first line is of {first}"
            ));
        }
        outgoing(decoded).ok_or_else(|| NO_TIMESTAMP.to_owned())
    }
}

/// Said of a record that can't be put in its place.
pub(super) const NO_TIMESTAMP: &str = "its timestamp is unknown, so it is unknown when it is due";

impl Rows for Envelopes {
    fn next(&mut self) -> Result<Row, String> {
        let is_there = self.lines.advance_to_text();
        if !is_there.map_err(|error| error.to_string())? {
            return Ok(Row::End);
        }
        Ok(match self.record() {
            Ok(record) => Row::Record(record),
            Err(why) => Row::Bad(Bad {
                place: format!("line {}", self.lines.number()),
                why,
                bytes: self.lines.line().to_vec(),
            }),
        })
    }

    fn description(&self) -> String {
        format!("records of the topic {}, a line each", self.topic)
    }
}
