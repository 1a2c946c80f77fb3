//! Records back from lines as they are written here, without headers: in one pass, and some times as fast as JSON is read
//! in general.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use memchr::memchr;

use super::decode::Decoded;
use super::document::stands_alone;
use super::unescape::string;
use crate::record::{Timestamp, TimestampKind};

/// The record of a line, with or without its newline; `None` if the line must be read in general: it has headers, is written
/// otherwise, or is none.
pub(super) fn decode(line: &[u8]) -> Option<Decoded<'_>> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    // From here on it is cut at ASCII alone.
    std::str::from_utf8(line).ok()?;
    let mut rest = Rest(line.strip_suffix(br#","headers":[]}"#)?);
    rest.word(br#"{"topic":"#)?;
    let topic = match rest.string()? {
        Cow::Borrowed(topic) => std::str::from_utf8(topic).ok()?,
        Cow::Owned(_) => return None,
    };
    rest.word(br#","partition":"#)?;
    let partition = rest.number()?.try_into().ok()?;
    rest.word(br#","offset":"#)?;
    let offset = rest.number()?;
    rest.word(br#","timestamp":"#)?;
    let timestamp = match rest.word(br#"null,"timestamp_type":null,"#) {
        Some(()) => None,
        None => {
            let ms = rest.number()?;
            let append = br#","timestamp_type":"append","#;
            let kind = match rest.word(br#","timestamp_type":"create","#) {
                Some(()) => TimestampKind::Create,
                None => rest.word(append).map(|()| TimestampKind::Append)?,
            };
            Some(Timestamp { ms, kind })
        }
    };
    let key = match rest.word(br#""key":"#) {
        Some(()) => rest.null_or_string()?,
        None => {
            rest.word(br#""key_base64":"#)?;
            Some(rest.base64()?)
        }
    };
    let value = match rest.word(br#","value":"#) {
        Some(()) if matches!(rest.0.first(), Some(b'"' | b'n')) => rest.null_or_string()?,
        Some(()) => {
            let json = std::mem::take(&mut rest.0);
            stands_alone(json).then_some(Some(Cow::Borrowed(json)))?
        }
        None => {
            rest.word(br#","value_base64":"#)?;
            Some(rest.base64()?)
        }
    };
    rest.0.is_empty().then_some(Decoded {
        topic: topic.into(),
        partition,
        offset,
        timestamp,
        key,
        value,
        headers: Vec::new(),
    })
}

/// What wasn't read yet. `None` is something that isn't read here.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    #[inline]
    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(word)?;
        Some(())
    }

    fn number(&mut self) -> Option<i64> {
        let is_negative = self.word(b"-").is_some();
        let digits = self.0.iter().take_while(|byte| byte.is_ascii_digit());
        let (digits, rest) = self.0.split_at(digits.count());
        self.0 = rest;
        if digits.is_empty() || (digits[0] == b'0' && (digits.len() > 1 || is_negative)) {
            return None;
        }
        // So many digits fit, whatever they are.
        if digits.len() <= 18 {
            let digits = digits.iter().map(|digit| i64::from(digit - b'0'));
            let number = digits.fold(0, |number, digit| number * 10 + digit);
            return Some(if is_negative { -number } else { number });
        }
        digits.iter().try_fold(0_i64, |number, digit| {
            let digit = i64::from(digit - b'0');
            let number = number.checked_mul(10)?;
            match is_negative {
                true => number.checked_sub(digit),
                false => number.checked_add(digit),
            }
        })
    }

    fn null_or_string(&mut self) -> Option<Option<Cow<'a, [u8]>>> {
        match self.word(b"null") {
            Some(()) => Some(None),
            None => self.string().map(Some),
        }
    }

    fn base64(&mut self) -> Option<Cow<'a, [u8]>> {
        self.word(b"\"")?;
        let end = memchr(b'"', self.0)?;
        let bytes = STANDARD.decode(&self.0[..end]).ok()?;
        self.0 = &self.0[end + 1..];
        Some(bytes.into())
    }

    /// A string with its quotes, borrowed where nothing in it is escaped.
    #[inline]
    fn string(&mut self) -> Option<Cow<'a, [u8]>> {
        self.word(b"\"")?;
        let (text, rest) = string(self.0)?;
        self.0 = rest;
        Some(text)
    }
}
