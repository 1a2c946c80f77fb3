//! `--format`: a text in which tokens stand for what a record has, as kcat has them.

use std::str::FromStr;

use archiver_format::record::{HeadersProblem, Record};
use jiff::tz::TimeZone;

use super::safe::formatted;
use super::times::{Shape, Times};

/// The tokens, in the order in which they are explained.
pub(super) const HELP: &str = "\
%t topic       %p partition  %o offset     %k key        %v or %s value
%T timestamp in ms since 1970, -1 without  %D timestamp  %r receive time
%K and %S      bytes of key and value, -1 of null        %h headers, a=b,c=d
%% \\\\ \\n \\t \\r \\0 \\xHH   themselves. A newline is added, unless it ends in \\n or \\0";

/// What was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tokens(Vec<Token>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Text(Vec<u8>),
    Topic,
    Partition,
    Offset,
    Milliseconds,
    Time,
    Received,
    Key,
    KeySize,
    Value,
    ValueSize,
    Headers,
}

impl FromStr for Tokens {
    type Err = String;

    fn from_str(format: &str) -> Result<Self, String> {
        let (mut tokens, mut text) = (Vec::new(), Vec::new());
        let mut rest = format.chars();
        while let Some(character) = rest.next() {
            let token = match character {
                '%' => match rest.next() {
                    Some('%') => {
                        text.push(b'%');
                        continue;
                    }
                    Some(letter) => token(letter)?,
                    None => return Err("it ends in a single %; write %% for one".to_owned()),
                },
                '\\' => {
                    text.push(escaped(&mut rest)?);
                    continue;
                }
                other => {
                    text.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes());
                    continue;
                }
            };
            if !text.is_empty() {
                tokens.push(Token::Text(std::mem::take(&mut text)));
            }
            tokens.push(token);
        }
        if !matches!(text.last(), Some(b'\n' | b'\0')) {
            text.push(b'\n');
        }
        tokens.push(Token::Text(text));
        Ok(Self(tokens))
    }
}

fn token(letter: char) -> Result<Token, String> {
    Ok(match letter {
        't' => Token::Topic,
        'p' => Token::Partition,
        'o' => Token::Offset,
        'T' => Token::Milliseconds,
        'D' => Token::Time,
        'r' => Token::Received,
        'k' => Token::Key,
        'K' => Token::KeySize,
        'v' | 's' => Token::Value,
        'S' => Token::ValueSize,
        'h' => Token::Headers,
        _ => {
            return Err(format!(
                "%{letter} is no token; there are %t %p %o %k %v %T %D %r %K %S %h, and %%"
            ));
        }
    })
}

/// What a backslash and what follows stand for.
fn escaped(rest: &mut std::str::Chars<'_>) -> Result<u8, String> {
    let unknown = || "after a backslash comes n, t, r, 0, xHH or another backslash".to_owned();
    match rest.next().ok_or_else(unknown)? {
        'n' => Ok(b'\n'),
        't' => Ok(b'\t'),
        'r' => Ok(b'\r'),
        '0' => Ok(0),
        '\\' => Ok(b'\\'),
        'x' => {
            let digits = rest.as_str().get(..2).ok_or_else(unknown)?;
            let is_hexadecimal = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            rest.nth(1);
            let byte = u8::from_str_radix(digits, 16).ok();
            byte.filter(|_| is_hexadecimal).ok_or_else(unknown)
        }
        _ => Err(unknown()),
    }
}

/// Fills the tokens of records of one topic in.
pub(super) struct Filler {
    tokens: Tokens,
    topic: String,
    received: Times,
    times: Times,
}

impl Filler {
    /// Times are by the clock of this zone.
    pub fn new(tokens: Tokens, topic: &str, zone: &TimeZone) -> Self {
        Self {
            tokens,
            topic: topic.to_owned(),
            received: Times::new(Shape::Whole, zone),
            times: Times::new(Shape::Whole, zone),
        }
    }

    /// Appends a record that was received at this time, in milliseconds since 1970; its bytes by `bytes`.
    pub fn append(
        &mut self,
        record: &Record<'_>,
        received_ms: i64,
        bytes: impl Fn(&[u8], &mut Vec<u8>),
        to: &mut Vec<u8>,
    ) -> Result<(), HeadersProblem> {
        let size = |field: Option<&[u8]>| field.map_or(-1, |field| field.len() as i64);
        for token in &self.tokens.0 {
            match token {
                Token::Text(text) => to.extend_from_slice(text),
                Token::Topic => to.extend_from_slice(self.topic.as_bytes()),
                Token::Partition => formatted(to, format_args!("{}", record.partition)),
                Token::Offset => formatted(to, format_args!("{}", record.offset)),
                Token::Milliseconds => {
                    let ms = record.timestamp_ms().unwrap_or(-1);
                    formatted(to, format_args!("{ms}"));
                }
                Token::Time => self.times.append_of(record.timestamp, to),
                Token::Received => self.received.append(received_ms, to),
                Token::Key => bytes(record.key.unwrap_or_default(), to),
                Token::KeySize => formatted(to, format_args!("{}", size(record.key))),
                Token::Value => bytes(record.value.unwrap_or_default(), to),
                Token::ValueSize => formatted(to, format_args!("{}", size(record.value))),
                Token::Headers => headers(record, &bytes, to)?,
            }
        }
        Ok(())
    }
}

/// Appends the headers as kcat does: `name=value,name=value`.
fn headers(
    record: &Record<'_>,
    bytes: &impl Fn(&[u8], &mut Vec<u8>),
    to: &mut Vec<u8>,
) -> Result<(), HeadersProblem> {
    let Some(headers) = record.headers else {
        return Ok(());
    };
    let mut is_first = true;
    headers.visit(&mut |name, value| {
        if !std::mem::replace(&mut is_first, false) {
            to.push(b',');
        }
        bytes(name, to);
        to.push(b'=');
        bytes(value.unwrap_or(b"NULL"), to);
    })
}

#[cfg(test)]
mod tests {
    use archiver_format::record::{Header, Timestamp, TimestampKind};

    use super::*;

    fn filled(format: &str, record: &Record<'_>) -> String {
        let tokens = format.parse::<Tokens>().expect("a format");
        let mut to = Vec::new();
        let bytes = |bytes: &[u8], to: &mut Vec<u8>| to.extend_from_slice(bytes);
        Filler::new(tokens, "my-stream", &TimeZone::UTC)
            .append(record, 1_764_420_000_999, bytes, &mut to)
            .expect("headers");
        String::from_utf8(to).expect("UTF-8")
    }

    #[test]
    fn each_token_stands_for_what_the_record_has() {
        let headers: Vec<Header<'_>> = vec![
            (b"a"[..].into(), Some(b"1"[..].into())),
            (b"b"[..].into(), None),
        ];
        let record = Record {
            partition: 3,
            offset: 42,
            timestamp: Some(Timestamp {
                ms: 1_764_420_000_123,
                kind: TimestampKind::Create,
            }),
            key: Some(b"k1"),
            value: Some("€".as_bytes()),
            headers: Some(&headers),
            ..Record::default()
        };
        for (format, expected) in [
            ("%t/%p@%o", "my-stream/3@42\n"),
            ("%k=%v %s", "k1=€ €\n"),
            ("%T %D", "1764420000123 2025-11-29T12:40:00.123+00:00\n"),
            ("%r", "2025-11-29T12:40:00.999+00:00\n"),
            ("%K %S", "2 3\n"),
            ("%h", "a=1,b=NULL\n"),
            ("100%% \\t\\\\\\x41\\r ä", "100% \t\\A\r ä\n"),
            ("%o\\n", "42\n"),
            ("%o\\0", "42\0"),
            ("", "\n"),
        ] {
            assert_eq!(filled(format, &record), expected, "{format}");
        }
        assert_eq!(
            filled("%k|%v|%T|%K|%S|%h|%D", &Record::default()),
            "||-1|-1|-1||null\n"
        );
    }

    #[test]
    fn what_is_no_token_is_refused_with_those_that_there_are() {
        for (format, says) in [
            ("%x", "%x is no token; there are %t"),
            ("100%", "write %%"),
            ("\\q", "after a backslash"),
            ("a\\", "after a backslash"),
            ("\\x4", "after a backslash"),
            ("\\x+4", "after a backslash"),
            ("\\xä", "after a backslash"),
        ] {
            let said = format.parse::<Tokens>().expect_err("none");
            assert!(said.contains(says), "{format}: {said}");
        }
    }
}
