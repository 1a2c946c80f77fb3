//! The forms in which records are printed, and the lines that the records of one topic become.

use anyhow::Context;
use archiver_format::envelope::ValueAs;
use archiver_format::line::{Encoder, Format};
use archiver_format::record::Record;
use jiff::tz::TimeZone;

use super::document;
use super::safe::{self, Breaks, formatted};
use super::times::{Shape, Times};
use super::tokens::{Filler, Tokens};
use crate::terminal::{Style, Styles};

/// What is printed of a record.
#[derive(Debug, Clone)]
pub(super) enum Form {
    /// What people look at: on a terminal in some lines, else in fields with tabs between them.
    Shown,
    /// The value and a newline.
    Raw,
    /// The envelope.
    Json,
    /// What was typed.
    Tokens(Tokens),
}

/// How it is printed.
#[derive(Debug, Clone)]
pub(super) struct View {
    pub form: Form,
    /// Then nothing may get through that a terminal acts on.
    pub is_terminal: bool,
    pub styles: Styles,
    /// The columns that there are.
    pub width: usize,
    pub zone: TimeZone,
}

/// Makes the lines of one topic.
pub(super) struct Lines {
    kind: Kind,
    is_terminal: bool,
}

enum Kind {
    Raw,
    Json {
        encoder: Box<Encoder>,
        /// A line on its way to a terminal.
        line: Vec<u8>,
    },
    Tokens(Box<Filler>),
    Fields(Box<Fields>),
    Blocks(Box<Blocks>),
}

impl Lines {
    /// For records of this topic. In an envelope, values that are JSON stand as this.
    pub fn new(view: &View, topic: &str, value_as: ValueAs) -> Self {
        let zone = &view.zone;
        let kind = match &view.form {
            Form::Raw => Kind::Raw,
            Form::Json => Kind::Json {
                encoder: Box::new(Encoder::new(Format::Json(value_as), topic)),
                line: Vec::new(),
            },
            Form::Tokens(tokens) => Kind::Tokens(Filler::new(tokens.clone(), topic, zone).into()),
            Form::Shown if view.is_terminal => Kind::Blocks(Blocks::new(view, topic).into()),
            Form::Shown => Kind::Fields(Fields::new(view, topic).into()),
        };
        Self {
            kind,
            is_terminal: view.is_terminal,
        }
    }

    /// Appends a record that was received at this time, in milliseconds since 1970.
    ///
    /// # Errors
    ///
    /// If its headers are wanted and can't be read.
    pub fn append(
        &mut self,
        record: &Record<'_>,
        received_ms: i64,
        to: &mut Vec<u8>,
    ) -> anyhow::Result<()> {
        let bytes: fn(&[u8], &mut Vec<u8>) = match self.is_terminal {
            true => |bytes, to| safe::append(bytes, Breaks::Kept, to),
            false => |bytes, to| to.extend_from_slice(bytes),
        };
        let appended = match &mut self.kind {
            Kind::Raw => {
                bytes(record.value.unwrap_or_default(), to);
                to.push(b'\n');
                Ok(())
            }
            Kind::Json { encoder, line } if self.is_terminal => {
                line.clear();
                encoder.encode(record, line)?;
                safe::append_json(&String::from_utf8_lossy(line), to);
                Ok(())
            }
            Kind::Json { encoder, .. } => return Ok(encoder.encode(record, to)?),
            Kind::Tokens(filler) => filler.append(record, received_ms, bytes, to),
            Kind::Fields(fields) => {
                fields.append(record, received_ms, to);
                Ok(())
            }
            Kind::Blocks(blocks) => blocks.append(record, received_ms, to),
        };
        appended.with_context(|| {
            let Record {
                partition, offset, ..
            } = record;
            format!("reading the headers of partition {partition} offset {offset}")
        })
    }
}

/// A line of fields with tabs between them, which are in no field.
struct Fields {
    topic: String,
    received: Times,
    times: Times,
}

impl Fields {
    fn new(view: &View, topic: &str) -> Self {
        Self {
            topic: topic.to_owned(),
            received: Times::new(Shape::Whole, &view.zone),
            times: Times::new(Shape::Whole, &view.zone),
        }
    }

    fn append(&mut self, record: &Record<'_>, received_ms: i64, to: &mut Vec<u8>) {
        self.received.append(received_ms, to);
        let (topic, partition, offset) = (&self.topic, record.partition, record.offset);
        formatted(to, format_args!("\t{topic}\t{partition}\t{offset}\t"));
        self.times.append_of(record.timestamp, to);
        for field in [record.key, record.value] {
            to.push(b'\t');
            safe::append(field.unwrap_or(b"null"), Breaks::Escaped, to);
        }
        to.push(b'\n');
    }
}

/// A line that says which record it is, one for each header, then the value.
struct Blocks {
    topic: String,
    received: Times,
    times: Times,
    styles: Styles,
    width: usize,
}

impl Blocks {
    fn new(view: &View, topic: &str) -> Self {
        Self {
            topic: topic.to_owned(),
            received: Times::new(Shape::Clock, &view.zone),
            times: Times::new(Shape::Day, &view.zone),
            styles: view.styles,
            width: view.width,
        }
    }

    fn append(
        &mut self,
        record: &Record<'_>,
        received_ms: i64,
        to: &mut Vec<u8>,
    ) -> Result<(), archiver_format::record::HeadersProblem> {
        let styles = self.styles;
        let paint = |style, text: &[u8], to: &mut Vec<u8>| {
            let painted = styles.paint(style, &String::from_utf8_lossy(text));
            to.extend_from_slice(painted.as_bytes());
        };
        let escaped = |bytes: Option<&[u8]>, style, to: &mut Vec<u8>| {
            let mut safe = Vec::new();
            safe::append(bytes.unwrap_or(b"null"), Breaks::Escaped, &mut safe);
            let style = if bytes.is_some() { style } else { Style::Dim };
            paint(style, &safe, to);
        };
        let mut text = Vec::new();
        self.received.append(received_ms, &mut text);
        paint(Style::Dim, &text, to);
        to.push(b' ');
        paint(Style::Bold, self.topic.as_bytes(), to);
        let (partition, offset) = (record.partition, record.offset);
        formatted(to, format_args!(" {partition}:{offset} "));
        text.clear();
        self.times.append_of(record.timestamp, &mut text);
        paint(Style::Dim, &text, to);
        to.push(b' ');
        escaped(record.key, Style::Name, to);
        to.push(b'\n');
        if let Some(headers) = record.headers {
            headers.visit(&mut |name, value| {
                to.extend_from_slice(b"  ");
                escaped(Some(name), Style::Dim, to);
                to.extend_from_slice(b": ");
                escaped(value, Style::Dim, to);
                to.push(b'\n');
            })?;
        }
        match record.value.and_then(document::text) {
            Some(json) => document::append(json, self.width, styles, to),
            None => escaped(record.value, Style::Plain, to),
        }
        to.push(b'\n');
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use archiver_format::record::{Header, Timestamp, TimestampKind};

    use super::*;

    const FORMS: [&str; 4] = ["shown", "raw", "json", "tokens"];

    fn lines(form: &str, is_terminal: bool) -> Lines {
        let form = match form {
            "shown" => Form::Shown,
            "raw" => Form::Raw,
            "json" => Form::Json,
            _ => Form::Tokens(
                "%t %p %o %T %D %r %k %v %h %K %S"
                    .parse()
                    .expect("a format"),
            ),
        };
        let view = View {
            form,
            is_terminal,
            styles: Styles::none(),
            width: 80,
            zone: TimeZone::UTC,
        };
        Lines::new(&view, "my-stream", ValueAs::Json)
    }

    fn shown(lines: &mut Lines, record: &Record<'_>) -> Vec<u8> {
        let mut to = Vec::new();
        let appended = lines.append(record, 1_764_420_000_999, &mut to);
        appended.expect("headers");
        to
    }

    fn record<'a>(key: Option<&'a [u8]>, value: Option<&'a [u8]>) -> Record<'a> {
        Record {
            partition: 3,
            offset: 42,
            timestamp: Some(Timestamp {
                ms: 1_764_420_000_123,
                kind: TimestampKind::Create,
            }),
            key,
            value,
            ..Record::default()
        }
    }

    #[test]
    fn on_a_terminal_a_line_says_which_record_it_is_and_the_value_follows() {
        let mut lines = lines("shown", true);
        for (key, value, expected) in [
            (
                Some(&b"k\n1"[..]),
                Some(&b"{\"a\":1}"[..]),
                "k\\n1\n{\"a\": 1}\n",
            ),
            (None, Some(b"plain\x1b[2J"), "null\nplain\\x1b[2J\n"),
            (None, None, "null\nnull\n"),
            (Some(b""), Some(b""), "\n\n"),
        ] {
            let shown = shown(&mut lines, &record(key, value));
            let head = "12:40:00.999 my-stream 3:42 2025-11-29 12:40:00.123 ";
            assert_eq!(String::from_utf8_lossy(&shown), format!("{head}{expected}"));
        }
    }

    #[test]
    fn in_a_pipe_a_record_is_a_line_of_seven_fields() {
        let mut lines = lines("shown", false);
        for bytes in [&b"a\tb\nc\rd\x1b"[..], b"", b"{\"a\":1}", b"\xff"] {
            let shown = shown(&mut lines, &record(Some(bytes), Some(bytes)));
            let line = shown.strip_suffix(b"\n").expect("a line");
            let fields = line.split(|byte| *byte == b'\t').collect::<Vec<_>>();
            assert_eq!(fields.len(), 7, "{shown:?}");
            let is_safe = |field: &&[u8]| safe::is_safe(field, Breaks::Escaped);
            assert!(fields.iter().all(is_safe), "{shown:?}");
        }
        let expected = "2025-11-29T12:40:00.999+00:00\tmy-stream\t3\t42\t2025-11-29T12:40:00.123+00:00\tnull\tv\n";
        let shown = shown(&mut lines, &record(None, Some(b"v")));
        assert_eq!(String::from_utf8_lossy(&shown), expected);
    }

    #[test]
    fn raw_and_typed_forms_are_byte_for_byte_in_a_pipe() {
        for seed in 0..2_000 {
            let bytes = safe::any_bytes(seed);
            let record = record(Some(&bytes), Some(&bytes));
            let raw = shown(&mut lines("raw", false), &record);
            assert_eq!(raw, [&bytes[..], b"\n"].concat());
        }
    }

    #[test]
    fn whatever_a_record_holds_nothing_of_it_reaches_a_terminal_but_text() {
        for form in FORMS {
            let mut lines = lines(form, true);
            for seed in 0..3_000 {
                let [key, value, name] = [0, 1, 2].map(|n| safe::any_bytes(seed * 3 + n));
                let headers: Vec<Header<'_>> = vec![(name.into(), Some(value.clone().into()))];
                let record = Record {
                    headers: Some(&headers),
                    ..record(Some(&key), Some(&value))
                };
                let shown = shown(&mut lines, &record);
                assert!(safe::is_safe(&shown, Breaks::Kept), "{form}: {shown:?}");
            }
        }
    }

    #[test]
    fn an_envelope_on_a_terminal_is_the_same_document() {
        let value = "{\"a\":\"\u{9b}\u{7f}\u{202e}\"}".as_bytes();
        let record = record(Some("\u{85}".as_bytes()), Some(value));
        let read = |is_terminal| {
            let shown = shown(&mut lines("json", is_terminal), &record);
            serde_json::from_slice::<serde_json::Value>(&shown).expect("JSON")
        };
        assert_eq!(read(true), read(false));
        assert_eq!(read(true)["value"]["a"], "\u{9b}\u{7f}\u{202e}");
    }
}
