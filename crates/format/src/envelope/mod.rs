//! The envelope: a record as one JSON object on one line, from which every byte of it comes back.
//!
//! ```json
//! {"topic":"t","partition":0,"offset":7,"timestamp":1764420000123,"timestamp_type":"create","key":"k","value":"v","headers":[["h","v"]]}
//! ```
//!
//! The keys always stand in this order, without spaces. No timestamp is two nulls, no headers are `[]`.
//!
//! **Bytes** (key, value, a header's value) are a string where they are UTF-8, `null` where there are none: a tombstone is
//! not an empty value. What is not UTF-8 stands as base64 (RFC 4648, padded) under another key, `key_base64` or
//! `value_base64`, so that nobody takes it for text. In a header, `{"base64":"…"}` takes the place of the string, for a name
//! too.
//!
//! **A value as JSON** ([`ValueAs::Json`]) stands under `value` as it is, byte by byte: an object, an array, a number, `true`
//! or `false`. No second key is needed to tell it from a string. Whatever is a string under `value` is the value's text,
//! `null` is none, and anything else is a value that was JSON; so lines of both kinds are read back in the same way. That is
//! why a value that is itself a JSON string, or the word `null`, stays text: `"value":"\"a\""`.
//!
//! A value is also text if reading it back would not give its bytes, or if some readers would refuse its line: if it has a
//! line break or spaces around it, is nested deeper than [`DEPTH_MAX`], or escapes half a surrogate pair. Numbers of any
//! size and names that are there twice are left as they are: that is for whoever reads them.
//!
//! The leader epoch is not a part of it, as it says nothing of the record.

mod decode;
mod document;
mod escape;
mod quick;
mod unescape;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

pub use self::decode::{Decoded, NotAnEnvelope, decode};
pub use self::document::DEPTH_MAX;
use self::escape::Escaper;
use crate::index::Origin;
use crate::record::{HeadersProblem, Record, TimestampKind};

/// What a value that is JSON becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueAs {
    /// A string, like any other text.
    String,
    /// What it is.
    Json,
}

/// From this size on, in bytes of key and value, the length of a line is counted beforehand.
const COUNTED: usize = 64 << 10;
/// About what stands in a line beside topic, key, value and headers.
const AROUND: usize = 160;

/// Makes the lines of one topic.
#[derive(Debug)]
pub struct Envelope {
    value_as: ValueAs,
    /// What each line begins with: the topic, and the partition's key.
    head: Vec<u8>,
    escaper: Escaper,
}

impl Envelope {
    /// The envelope for records of this topic.
    pub fn new(topic: &str, value_as: ValueAs) -> Self {
        let mut escaper = Escaper::default();
        let mut head = br#"{"topic":"#.to_vec();
        escaper.string(topic.as_bytes(), &mut head);
        head.extend_from_slice(br#","partition":"#);
        Self {
            value_as,
            head,
            escaper,
        }
    }

    /// About how many bytes the line of a record takes, its headers aside; of a large one it is known.
    pub fn size(&self, record: &Record<'_>) -> usize {
        let fields = [record.key, record.value].into_iter().flatten();
        let bytes = fields.clone().map(<[u8]>::len).sum::<usize>();
        let bytes = match bytes {
            0..COUNTED => bytes,
            _ => fields.map(size).sum(),
        };
        self.head.len() + AROUND + bytes
    }

    /// Appends a record as one line. If its headers can't be read, nothing is appended.
    pub fn encode(
        &mut self,
        record: &Record<'_>,
        lines: &mut Vec<u8>,
    ) -> Result<(), HeadersProblem> {
        let before = lines.len();
        lines.extend_from_slice(&self.head);
        number(record.partition, lines);
        lines.extend_from_slice(br#","offset":"#);
        number(record.offset, lines);
        match record.timestamp {
            Some(timestamp) => {
                lines.extend_from_slice(br#","timestamp":"#);
                number(timestamp.ms, lines);
                lines.extend_from_slice(match timestamp.kind {
                    TimestampKind::Create => br#","timestamp_type":"create","#,
                    TimestampKind::Append => br#","timestamp_type":"append","#,
                });
            }
            None => lines.extend_from_slice(br#","timestamp":null,"timestamp_type":null,"#),
        }
        self.field([br#""key":"#, br#""key_base64":"#], record.key, lines);
        match record.value {
            Some(value) if self.value_as == ValueAs::Json && document::stands_alone(value) => {
                lines.extend_from_slice(br#","value":"#);
                lines.extend_from_slice(value);
            }
            value => self.field([br#","value":"#, br#","value_base64":"#], value, lines),
        }
        lines.extend_from_slice(br#","headers":["#);
        if let Some(headers) = record.headers {
            let mut comma = false;
            let read = headers.visit(&mut |name, value| {
                lines.extend_from_slice(if comma { b",[" } else { b"[" });
                comma = true;
                self.bytes(name, lines);
                lines.push(b',');
                match value {
                    Some(value) => self.bytes(value, lines),
                    None => lines.extend_from_slice(b"null"),
                }
                lines.push(b']');
            });
            if let Err(problem) = read {
                lines.truncate(before);
                return Err(problem);
            }
        }
        lines.extend_from_slice(b"]}\n");
        Ok(())
    }

    /// Appends what is known of a record by the line that its value has become and by the index: topic, partition, offset,
    /// timestamp and value. Key and headers are left out, and so is whose clock the timestamp is by. Where the line comes
    /// from may be unknown, too.
    pub fn encode_line(&mut self, origin: Option<&Origin>, line: &[u8], lines: &mut Vec<u8>) {
        lines.extend_from_slice(&self.head);
        match origin {
            Some(origin) => {
                number(origin.partition, lines);
                lines.extend_from_slice(br#","offset":"#);
                number(origin.offset, lines);
            }
            None => lines.extend_from_slice(br#"null,"offset":null"#),
        }
        lines.extend_from_slice(br#","timestamp":"#);
        match origin.and_then(|origin| origin.timestamp_ms) {
            Some(ms) => number(ms, lines),
            None => lines.extend_from_slice(b"null"),
        }
        self.field([br#","value":"#, br#","value_base64":"#], Some(line), lines);
        lines.extend_from_slice(b"}\n");
    }

    /// The key or the value, after what it is called as text or as base64.
    fn field(&mut self, called: [&[u8]; 2], bytes: Option<&[u8]>, lines: &mut Vec<u8>) {
        let [as_text, as_base64] = called;
        match bytes {
            None => {
                lines.extend_from_slice(as_text);
                lines.extend_from_slice(b"null");
            }
            Some(text) if std::str::from_utf8(text).is_ok() => {
                lines.extend_from_slice(as_text);
                self.escaper.string(text, lines);
            }
            Some(binary) => {
                lines.extend_from_slice(as_base64);
                base64_string(binary, lines);
            }
        }
    }

    /// A header's name or value.
    fn bytes(&mut self, bytes: &[u8], lines: &mut Vec<u8>) {
        if std::str::from_utf8(bytes).is_ok() {
            return self.escaper.string(bytes, lines);
        }
        lines.extend_from_slice(br#"{"base64":"#);
        base64_string(bytes, lines);
        lines.push(b'}');
    }
}

/// How many bytes a key or a value takes as text or as base64.
fn size(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes) {
        Ok(_) => escape::length(bytes),
        Err(_) => bytes.len().div_ceil(3) * 4,
    }
}

#[inline]
fn number(number: impl itoa::Integer, lines: &mut Vec<u8>) {
    lines.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

fn base64_string(bytes: &[u8], lines: &mut Vec<u8>) {
    lines.push(b'"');
    let from = lines.len();
    lines.resize(from + bytes.len().div_ceil(3) * 4, b'=');
    // It fits: that is its length with its padding.
    let written = STANDARD.encode_slice(bytes, &mut lines[from..]);
    debug_assert_eq!(written, Ok(lines.len() - from));
    lines.push(b'"');
}

#[cfg(test)]
mod tests;
