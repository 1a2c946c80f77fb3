//! Lines: each record as one line, in the order of its partition. Either its value as it is, then a newline; or all of it
//! as an [`envelope`](crate::envelope).

use memchr::{memchr, memchr3_iter};

use crate::envelope::{Envelope, ValueAs};
use crate::record::{HeadersProblem, Partition, Record};

/// What a line holds of its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Its value.
    Raw(Newline),
    /// All of it, as a JSON object.
    Json(ValueAs),
}

impl Format {
    /// Its name in the configuration, in checkpoints and in manifests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Raw(_) => "raw",
            Self::Json(_) => "json",
        }
    }
}

/// The treatment of a newline byte inside a raw value, so that one record is one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Newline {
    /// `\n` becomes a space.
    Space,
    /// `\n`, `\r` and `\` become `\n`, `\r` and `\\`, as in JSON strings.
    Escape,
    /// The record is refused.
    Fail,
}

/// A record that no line can hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefusedRecord {
    /// It would be two lines.
    #[error(transparent)]
    Newline(#[from] NewlineInValue),
    /// It can't be read as a whole.
    #[error(transparent)]
    Headers(#[from] UnreadableHeaders),
}

/// A record that one line can't hold, under [`Newline::Fail`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the value of partition {partition} offset {offset} has a newline in it")]
pub struct NewlineInValue {
    /// The partition of the record.
    pub partition: Partition,
    /// Its own offset.
    pub offset: i64,
}

/// A record whose headers can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the headers of partition {partition} offset {offset} can't be read: {problem}")]
pub struct UnreadableHeaders {
    /// The partition of the record.
    pub partition: Partition,
    /// Its own offset.
    pub offset: i64,
    /// Why.
    pub problem: HeadersProblem,
}

/// Makes the lines of one topic.
#[derive(Debug)]
pub struct Encoder(Kind);

#[derive(Debug)]
enum Kind {
    Raw(Newline),
    Json(Box<Envelope>),
}

impl Encoder {
    /// The encoder for records of this topic.
    pub fn new(format: Format, topic: &str) -> Self {
        Self(match format {
            Format::Raw(newline) => Kind::Raw(newline),
            Format::Json(value_as) => Kind::Json(Box::new(Envelope::new(topic, value_as))),
        })
    }

    /// About how many bytes the line of a record takes, at least one.
    #[inline]
    pub fn size(&self, record: &Record<'_>) -> usize {
        match &self.0 {
            Kind::Raw(_) => record.value.map_or(1, |value| value.len() + 1),
            Kind::Json(envelope) => envelope.size(record),
        }
    }

    /// Appends a record as one line; a null value becomes an empty line if the format is raw. If the record is refused,
    /// nothing is appended.
    #[inline]
    pub fn encode(
        &mut self,
        record: &Record<'_>,
        lines: &mut Vec<u8>,
    ) -> Result<(), RefusedRecord> {
        match &mut self.0 {
            Kind::Raw(newline) => Ok(encode(record, *newline, lines)?),
            Kind::Json(envelope) => envelope.encode(record, lines).map_err(|problem| {
                RefusedRecord::Headers(UnreadableHeaders {
                    partition: record.partition,
                    offset: record.offset,
                    problem,
                })
            }),
        }
    }
}

/// Appends a value as it is, and a newline.
#[inline]
fn encode(
    record: &Record<'_>,
    newline: Newline,
    lines: &mut Vec<u8>,
) -> Result<(), NewlineInValue> {
    let value = record.value.unwrap_or_default();
    match newline {
        Newline::Escape => escape(value, lines),
        Newline::Space => {
            lines.extend_from_slice(value);
            if memchr(b'\n', value).is_some() {
                let from = lines.len() - value.len();
                newlines_to_spaces(&mut lines[from..]);
            }
        }
        Newline::Fail => {
            if memchr(b'\n', value).is_some() {
                return Err(refused(record));
            }
            lines.extend_from_slice(value);
        }
    }
    lines.push(b'\n');
    Ok(())
}

#[cold]
fn refused(record: &Record<'_>) -> NewlineInValue {
    NewlineInValue {
        partition: record.partition,
        offset: record.offset,
    }
}

#[cold]
fn newlines_to_spaces(value: &mut [u8]) {
    for byte in value {
        if *byte == b'\n' {
            *byte = b' ';
        }
    }
}

/// Appends a value with `\n`, `\r` and `\` as in JSON strings.
#[inline]
fn escape(value: &[u8], lines: &mut Vec<u8>) {
    let mut from = 0;
    for at in memchr3_iter(b'\n', b'\r', b'\\', value) {
        lines.extend_from_slice(&value[from..at]);
        lines.extend_from_slice(match value[at] {
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            _ => b"\\\\",
        });
        from = at + 1;
    }
    lines.extend_from_slice(&value[from..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{EachHeader, Headers};

    fn record(value: Option<&[u8]>) -> Record<'_> {
        Record {
            partition: 1,
            offset: 7,
            value,
            ..Record::default()
        }
    }

    fn line(value: Option<&[u8]>, newline: Newline) -> Vec<u8> {
        let mut lines = Vec::new();
        let mut encoder = Encoder::new(Format::Raw(newline), "t");
        encoder.encode(&record(value), &mut lines).expect("fits");
        lines
    }

    #[test]
    fn null_and_empty_values_are_empty_lines() {
        for newline in [Newline::Space, Newline::Escape, Newline::Fail] {
            assert_eq!(line(None, newline), b"\n");
            assert_eq!(line(Some(b""), newline), b"\n");
        }
    }

    #[test]
    fn any_other_byte_stays_as_it_is() {
        let bytes = (0..=255).filter(|b| *b != b'\n').collect::<Vec<u8>>();
        let expected = [&bytes[..], b"\n"].concat();
        assert_eq!(line(Some(&bytes), Newline::Space), expected);
        assert_eq!(line(Some(&bytes), Newline::Fail), expected);
    }

    #[test]
    fn a_newline_becomes_a_space() {
        assert_eq!(line(Some(b"a\nb\r\n"), Newline::Space), b"a b\r \n");
    }

    #[test]
    fn an_escaped_newline_can_be_told_from_the_letters() {
        let escaped = line(Some(b"a\nb\\n\r"), Newline::Escape);
        assert_eq!(escaped, b"a\\nb\\\\n\\r\n");
    }

    #[test]
    fn a_newline_that_must_not_be_leaves_the_lines_as_they_were() {
        let mut lines = b"ok\n".to_vec();
        let mut encoder = Encoder::new(Format::Raw(Newline::Fail), "t");
        let refused = encoder.encode(&record(Some(b"a\nb")), &mut lines);
        let expected = NewlineInValue {
            partition: 1,
            offset: 7,
        };
        assert_eq!(refused, Err(expected.into()));
        assert_eq!(lines, b"ok\n");
    }

    #[derive(Debug)]
    struct Broken;

    impl Headers for Broken {
        fn visit(&self, each: &mut EachHeader<'_>) -> Result<(), HeadersProblem> {
            each(b"first", None);
            Err(HeadersProblem("half of them are missing".into()))
        }
    }

    #[test]
    fn headers_that_cannot_be_read_leave_the_lines_as_they_were_and_are_nothing_to_raw_ones() {
        let record = Record {
            headers: Some(&Broken),
            ..record(Some(b"a"))
        };
        let mut lines = b"ok\n".to_vec();
        let mut encoder = Encoder::new(Format::Json(ValueAs::String), "t");
        let refused = encoder.encode(&record, &mut lines).expect_err("refused");
        assert_eq!(
            refused.to_string(),
            "the headers of partition 1 offset 7 can't be read: half of them are missing"
        );
        assert_eq!(lines, b"ok\n");
        let mut encoder = Encoder::new(Format::Raw(Newline::Fail), "t");
        encoder.encode(&record, &mut lines).expect("fits");
        assert_eq!(lines, b"ok\na\n");
    }
}
