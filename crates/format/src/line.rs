//! Lines: each record's value as it is, then a newline. One record is one line, in the order of its partition.

use memchr::{memchr, memchr3_iter};

use crate::record::{Partition, Record};

/// The treatment of a newline byte inside a value, so that one record is one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Newline {
    /// `\n` becomes a space.
    Space,
    /// `\n`, `\r` and `\` become `\n`, `\r` and `\\`, as in JSON strings.
    Escape,
    /// The record is refused.
    Fail,
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

/// Appends a record as one line; a null value becomes an empty line. If the record is refused, nothing is appended.
#[inline]
pub fn encode(
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

    fn line(value: Option<&[u8]>, newline: Newline) -> Vec<u8> {
        let record = Record {
            partition: 1,
            offset: 7,
            value,
            timestamp: None,
            epoch: None,
        };
        let mut lines = Vec::new();
        encode(&record, newline, &mut lines).expect("fits");
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
        let record = Record {
            partition: 1,
            offset: 7,
            value: Some(b"a\nb"),
            timestamp: None,
            epoch: None,
        };
        let mut lines = b"ok\n".to_vec();
        let refused = encode(&record, Newline::Fail, &mut lines);
        let expected = NewlineInValue {
            partition: 1,
            offset: 7,
        };
        assert_eq!(refused, Err(expected));
        assert_eq!(lines, b"ok\n");
    }
}
