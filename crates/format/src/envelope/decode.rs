//! Records back from their lines.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::quick;
use crate::record::{Header, Partition, Record, Timestamp, TimestampKind};

/// A record as it stands in a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded<'a> {
    /// The topic that it is of.
    pub topic: Cow<'a, str>,
    /// The partition that it is in.
    pub partition: Partition,
    /// Its own offset.
    pub offset: i64,
    /// When it was written, if that is known.
    pub timestamp: Option<Timestamp>,
    /// Its key, if it has one.
    pub key: Option<Cow<'a, [u8]>>,
    /// Its value; `None` is a tombstone.
    pub value: Option<Cow<'a, [u8]>>,
    /// Its headers, in their order.
    pub headers: Vec<Header<'a>>,
}

impl Decoded<'_> {
    /// The record, without its topic. Its leader epoch isn't known.
    pub fn record(&self) -> Record<'_> {
        Record {
            partition: self.partition,
            offset: self.offset,
            value: self.value.as_deref(),
            epoch: None,
            timestamp: self.timestamp,
            key: self.key.as_deref(),
            headers: Some(&self.headers),
        }
    }
}

/// Why a line is no envelope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the line is not a record in JSON: {0}")]
pub struct NotAnEnvelope(String);

impl From<serde_json::Error> for NotAnEnvelope {
    fn from(error: serde_json::Error) -> Self {
        Self(error.to_string())
    }
}

/// The record of a line, with or without its newline. Its keys may stand in another order, and spaces between them.
pub fn decode(line: &[u8]) -> Result<Decoded<'_>, NotAnEnvelope> {
    match quick::decode(line) {
        Some(decoded) => Ok(decoded),
        None => in_general(line),
    }
}

/// The record of a line that may be written in any way.
pub(super) fn in_general(line: &[u8]) -> Result<Decoded<'_>, NotAnEnvelope> {
    let line = serde_json::from_slice::<Line<'_>>(line)?;
    let timestamp = match (line.timestamp, line.timestamp_type) {
        (None, None) => None,
        (Some(ms), Some(kind)) => Some(Timestamp { ms, kind }),
        _ => return wrong("`timestamp` without `timestamp_type`, or the other way round"),
    };
    let key = match (line.key, line.key_base64) {
        (Some(key), None) => key.map(Text::bytes),
        (None, Some(key)) => Some(unpacked(&key)?.into()),
        _ => return wrong("it must have one of `key` and `key_base64`"),
    };
    let value = match (line.value, line.value_base64) {
        (Some(value), None) => plain(value)?,
        (None, Some(value)) => Some(unpacked(&value)?.into()),
        _ => return wrong("it must have one of `value` and `value_base64`"),
    };
    let headers = line.headers.into_iter().map(|(name, value)| {
        let value = value.map(Bytes::bytes).transpose()?;
        Ok((name.bytes()?, value))
    });
    Ok(Decoded {
        topic: line.topic,
        partition: line.partition,
        offset: line.offset,
        timestamp,
        key,
        value,
        headers: headers.collect::<Result<_, NotAnEnvelope>>()?,
    })
}

/// A line as it is written. That a key is there and null is another thing than that it isn't there.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    #[serde(borrow)]
    topic: Cow<'a, str>,
    partition: Partition,
    offset: i64,
    timestamp: Option<i64>,
    timestamp_type: Option<TimestampKind>,
    #[serde(borrow, default, deserialize_with = "there")]
    key: Option<Option<Text<'a>>>,
    #[serde(borrow, default)]
    key_base64: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "there")]
    value: Option<&'a RawValue>,
    #[serde(borrow, default)]
    value_base64: Option<Text<'a>>,
    #[serde(borrow)]
    headers: Vec<(Bytes<'a>, Option<Bytes<'a>>)>,
}

/// A string, borrowed where nothing in it is escaped.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Text<'a> {
    fn bytes(self) -> Cow<'a, [u8]> {
        match self.0 {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        }
    }
}

/// A header's name or value.
#[derive(Deserialize)]
#[serde(untagged)]
enum Bytes<'a> {
    Text(#[serde(borrow)] Text<'a>),
    Binary(#[serde(borrow)] Binary<'a>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Binary<'a> {
    #[serde(borrow)]
    base64: Text<'a>,
}

impl<'a> Bytes<'a> {
    fn bytes(self) -> Result<Cow<'a, [u8]>, NotAnEnvelope> {
        match self {
            Self::Text(text) => Ok(text.bytes()),
            Self::Binary(binary) => Ok(unpacked(&binary.base64)?.into()),
        }
    }
}

/// A value, null too, of a key that is there.
fn there<'de, T: Deserialize<'de>, D: Deserializer<'de>>(value: D) -> Result<Option<T>, D::Error> {
    T::deserialize(value).map(Some)
}

/// What stands under `value`: text is a string, no value is `null`, and what was JSON is anything else.
fn plain(value: &RawValue) -> Result<Option<Cow<'_, [u8]>>, NotAnEnvelope> {
    let typed = value.get();
    Ok(match typed.as_bytes().first() {
        Some(b'"') => Some(serde_json::from_str::<Text<'_>>(typed)?.bytes()),
        Some(b'n') => None,
        _ => Some(Cow::Borrowed(typed.as_bytes())),
    })
}

fn unpacked(base64: &Text<'_>) -> Result<Vec<u8>, NotAnEnvelope> {
    let bytes = STANDARD.decode(base64.0.as_bytes());
    bytes.map_err(|e| NotAnEnvelope(format!("unpacking base64: {e}")))
}

fn wrong<T>(what: &str) -> Result<T, NotAnEnvelope> {
    Err(NotAnEnvelope(what.into()))
}
