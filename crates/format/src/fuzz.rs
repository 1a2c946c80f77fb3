//! Oracles: the claims that must hold for any bytes from outside. One function for each parser, run by the fuzzers in
//! `fuzz/` and, on everything that is kept there, by the tests.

use std::collections::HashMap;
use std::io::Cursor;
use std::path::{Component, Path};
use std::{fs, str};

use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::checkpoint::{self, Format, decode, encode};
use crate::compression::{Compression, check_whole, compress};
use crate::envelope::{Decoded, Envelope, ValueAs, decode as decode_envelope};
use crate::index::{self, Block, IndexError, IndexReader, Lines, Origin};
use crate::line::{self, Encoder, Newline, RefusedRecord};
use crate::list::{self, LINE_BYTES_MAX};
use crate::record::{Header, Record, Timestamp, TimestampKind};
use crate::segment::GROWING;
use crate::state_files::STATE_DIRECTORY;
use crate::template::{Template, TemplateError, Values, with_sequence};

/// A checkpoint is taken only if it is what would be written; so are the bytes with a fitting checksum around them.
pub fn checkpoint(bytes: &[u8]) {
    taken(bytes);
    let inner = String::from_utf8(bytes.to_vec()).ok();
    let inner = inner.and_then(|text| RawValue::from_string(text).ok());
    let Some(inner) = inner else { return };
    for format in [Format::V1, Format::V2, Format::V3] {
        if let Ok(sealed) = checkpoint::envelope(format, inner.clone()) {
            taken(&sealed);
        }
    }
}

fn taken(bytes: &[u8]) {
    let Ok(checkpoint) = decode(bytes) else {
        return;
    };
    for (partition, at) in checkpoint.progress.positions.iter() {
        assert!(partition >= 0 && at.next.get() >= 0);
    }
    let written = encode(&checkpoint).expect("what was read can be written");
    assert_eq!(decode(&written), Ok(checkpoint));
    let is_older = bytes.starts_with(b"{\"format\":1,") || bytes.starts_with(b"{\"format\":2,");
    assert!(is_older || written == bytes);
}

/// A list is either whole or damaged. Any bytes with a fitting checksum are a whole line, with another one a damaged line.
pub fn gaps(bytes: &[u8]) {
    let damaged = |list: &[u8], known| list::read(list, known, b"{\"", |_, _, _| Ok(())).is_err();
    let is_whole = |list: &[u8]| !damaged(list, list.len() as u64);
    assert!(!is_whole(bytes) || bytes.last().is_none_or(|last| *last == b'\n'));
    // A list that is damaged even if no checkpoint counts it is never whole.
    assert!(!damaged(bytes, 0) || !is_whole(bytes));
    let line = bytes
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    let line = &line[..line.len().min(LINE_BYTES_MAX as usize / 2)];
    let mut list = [line, &list::end(line)].concat();
    assert!(is_whole(&list));
    list.extend_from_within(..);
    assert!(is_whole(&list));
    if let Some(last) = line.len().checked_sub(1) {
        list[last] ^= 0x40;
        assert!(!is_whole(&list));
    }
}

/// Each record is one line, from which its value can be restored, as far as `newline` keeps it.
///
/// The first byte chooses `newline`. The bytes `FE` separate the values; one that begins with `FF` is null.
pub fn lines(bytes: &[u8]) {
    let Some((choice, bytes)) = bytes.split_first() else {
        return;
    };
    let newline = [Newline::Space, Newline::Escape, Newline::Fail][usize::from(*choice) % 3];
    let mut encoder = Encoder::new(line::Format::Raw(newline), "t");
    let (mut lines, mut expected) = (Vec::new(), Vec::new());
    for (offset, value) in (0..).zip(bytes.split(|byte| *byte == 0xfe)) {
        let value = (value.first() != Some(&0xff)).then_some(value);
        let before = lines.len();
        let record = Record {
            partition: i32::from(value.is_none()),
            offset,
            value,
            ..Record::default()
        };
        assert_eq!(record.next().get(), offset + 1);
        let value = value.unwrap_or_default();
        match encoder.encode(&record, &mut lines) {
            Ok(()) => expected.push(kept(value, newline)),
            Err(refused) => {
                let RefusedRecord::Newline(refused) = refused else {
                    panic!("{refused}");
                };
                assert!(newline == Newline::Fail && value.contains(&b'\n'));
                let named = (refused.partition, refused.offset);
                assert_eq!(named, (record.partition, offset));
                assert_eq!(lines.len(), before);
                continue;
            }
        }
        assert!(newline != Newline::Fail || !value.contains(&b'\n'));
    }
    assert_eq!(lines.last().copied().unwrap_or(b'\n'), b'\n');
    let mut lines = lines.split(|byte| *byte == b'\n').collect::<Vec<_>>();
    assert_eq!(lines.pop(), Some(&[][..]));
    let lines = lines.into_iter().map(|line| match newline {
        Newline::Escape => unescape(line),
        _ => line.to_vec(),
    });
    assert_eq!(lines.collect::<Vec<_>>(), expected);
}

/// The value, as far as it can be restored.
fn kept(value: &[u8], newline: Newline) -> Vec<u8> {
    let spaced = |&byte: &u8| if byte == b'\n' { b' ' } else { byte };
    match newline {
        Newline::Space => value.iter().map(spaced).collect(),
        Newline::Escape | Newline::Fail => value.to_vec(),
    }
}

fn unescape(line: &[u8]) -> Vec<u8> {
    let mut value = Vec::new();
    let mut bytes = line.iter();
    while let Some(&byte) = bytes.next() {
        value.push(match byte {
            b'\\' => match bytes.next() {
                Some(b'n') => b'\n',
                Some(b'r') => b'\r',
                Some(b'\\') => b'\\',
                other => panic!("a backslash and {other:?}"),
            },
            other => other,
        });
    }
    value
}

/// Any record comes back from its line in JSON, and what is taken for such a line is a record.
///
/// The bytes are a line; and a record: the bytes `FE` separate its value, its key, and the names and values of its headers;
/// what begins with `FF` is null.
pub fn envelope(bytes: &[u8]) {
    if let Ok(decoded) = decode_envelope(bytes) {
        comes_back(&decoded);
    }
    let mut fields = bytes.split(|byte| *byte == 0xfe);
    let fields = std::iter::from_fn(|| fields.next());
    let mut fields = fields.map(|field| (field.first() != Some(&0xff)).then_some(field));
    let (value, key) = (fields.next().flatten(), fields.next().flatten());
    let mut headers = Vec::<Header<'_>>::new();
    while let Some(name) = fields.next() {
        let value = fields.next().flatten();
        headers.push((name.unwrap_or(&b"\xff"[..]).into(), value.map(Into::into)));
    }
    let kind = [TimestampKind::Create, TimestampKind::Append][headers.len() % 2];
    let ms = bytes.len() as i64 - 1;
    comes_back(&Decoded {
        topic: "t".into(),
        partition: headers.len() as i32,
        offset: bytes.len() as i64,
        timestamp: key.is_some().then_some(Timestamp { ms, kind }),
        key: key.map(Into::into),
        value: value.map(Into::into),
        headers,
    });
}

fn comes_back(record: &Decoded<'_>) {
    for value_as in [ValueAs::String, ValueAs::Json] {
        let mut line = Vec::new();
        let mut envelope = Envelope::new(&record.topic, value_as);
        let encoded = envelope.encode(&record.record(), &mut line);
        assert_eq!(encoded, Ok(()));
        let end = line.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        assert_eq!(end, Some(line.len() - 1));
        assert!(serde_json::from_slice::<IgnoredAny>(&line).is_ok());
        assert_eq!(decode_envelope(&line).as_ref(), Ok(record));
    }
}

/// A file that is older than its archive is accepted as whole or refused; lines that archiver compresses are whole.
pub fn compressed(bytes: &[u8]) {
    let Some((choice, bytes)) = bytes.split_first() else {
        return;
    };
    let compressions = [
        Compression::None,
        Compression::Gzip(1),
        Compression::Zstd(1),
    ];
    let compression = compressions[usize::from(*choice) % 3];
    let algorithm = compression.algorithm();
    let _ = check_whole(bytes, algorithm);
    let Ok(member) = compress(bytes.to_vec(), compression) else {
        panic!("{compression:?} can't compress {} bytes", bytes.len());
    };
    let ends_with_a_line = bytes.last().is_none_or(|last| *last == b'\n');
    let is_whole = check_whole(&member[..], algorithm).is_ok();
    assert_eq!(is_whole, ends_with_a_line);
}

/// A template is refused or means what it shows, and no two segments of one archive get one path, nor one that is
/// archiver's own. A topic may stand in a second line.
pub fn template(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    let (text, topic) = text.split_once('\n').unwrap_or((text, "t"));
    let template = match Template::parse(text) {
        Ok(template) => template,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            let added = with_sequence(text);
            let lacks = matches!(error, TemplateError::NoSequence { .. });
            let again = Template::parse(&added);
            let is_no_help = matches!(
                again,
                Err(TemplateError::NoSequence { .. } | TemplateError::Adjacent { .. })
            );
            assert!(!lacks || !is_no_help, "{added}");
            return;
        }
    };
    let shown = template.to_string();
    assert_eq!(Template::parse(&shown).as_ref(), Ok(&template));
    let Ok(filled) = template.with(topic, "name") else {
        return;
    };
    let (directory, mut buckets) = (filled.fixed_directory(), filled.buckets());
    let mut paths = HashMap::new();
    for sequence in [0, 7, 10, u64::MAX] {
        for partition in [0, 7, 12] {
            for time_ms in [None, Some(0), Some(1_000_900_799_000), Some(i64::MAX)] {
                let path = filled.path(&Values {
                    partition: Some(partition),
                    sequence,
                    opened_ms: 86_400_000,
                    time_ms,
                });
                let within = path.strip_prefix(&directory).expect("within");
                let is_own = |name| {
                    name == Component::ParentDir
                        || name == Component::Normal(STATE_DIRECTORY.as_ref())
                };
                let is_out = !filled.is_fixed() && within.components().any(is_own);
                assert!(!is_out, "{path:?}");
                let is_growing = path
                    .as_os_str()
                    .as_encoded_bytes()
                    .ends_with(GROWING.as_bytes());
                assert!(template.is_fixed() || !is_growing, "{path:?}");
                let of = (
                    filled.has_sequence().then_some(sequence),
                    filled.by_partition().then_some(partition),
                    buckets.of(time_ms),
                );
                let known = *paths.entry(path).or_insert(of);
                assert_eq!(known, of, "{text}");
            }
        }
    }
}

/// An index is read or refused, with fitting checksums, too; what was pushed is read back.
///
/// The first byte says how long a head is, with which an entry is sealed around what follows.
pub fn index(bytes: &[u8]) {
    let _ = origins(bytes);
    let Some((length, bytes)) = bytes.split_first() else {
        return;
    };
    let (head, steps) = bytes.split_at(bytes.len().min(usize::from(*length)));
    let mut head = head.to_vec();
    if let Some(checksum) = head.first_chunk_mut() {
        *checksum = xxhash_rust::xxh3::xxh3_64(steps).to_le_bytes();
    }
    let _ = origins(&[index::header(1), index::entry::seal(&head, steps)].concat());
    let (mut lines, mut pushed) = (Lines::default(), Vec::new());
    let (mut offset, mut time) = (0_i64, 0_i64);
    for record in bytes.chunks_exact(4) {
        let [partition, skip, later, shift] = [0, 1, 2, 3].map(|at| record[at] as i8);
        offset += i64::from(skip) << (shift & 0x1f);
        time += i64::from(later) << (shift >> 5 & 7);
        let timestamp_ms = (partition != 7).then_some(time);
        let partition = i32::from(partition);
        lines.push(partition, offset, timestamp_ms);
        pushed.push(Origin {
            partition,
            offset,
            timestamp_ms,
        });
    }
    let block = Block {
        file_start: 0,
        file_bytes: 1,
        checksum: 0,
        plain_start: 0,
        plain_bytes: lines.len(),
        first_line: 0,
    };
    let entry = index::encode(&lines, &block);
    let again = origins(&[index::header(1), entry].concat());
    assert_eq!(again.expect("what was written can be read"), pushed);
}

/// The origins of all lines of an index.
fn origins(bytes: &[u8]) -> Result<Vec<Origin>, IndexError> {
    let mut index = IndexReader::new(Cursor::new(bytes))?;
    let (mut all, mut of_block) = (Vec::new(), Vec::new());
    while let Some(entry) = index.advance()? {
        let lines = entry.lines;
        index.origins(&mut of_block)?;
        assert_eq!(of_block.len() as u64, lines);
        all.append(&mut of_block);
    }
    Ok(all)
}

/// Gives a target everything that is kept for it in `fuzz/`, the folder of the fuzzers: what they begin with, and what once
/// broke something. Also cut anywhere, as far as that is quick.
pub fn bear(fuzz: &Path, name: &str, target: fn(&[u8])) {
    let inputs = |kind: &str| {
        let Ok(entries) = fs::read_dir(fuzz.join(kind).join(name)) else {
            return Vec::new();
        };
        let paths = entries.map(|entry| entry.expect("an entry").path());
        let inputs = paths.map(|path| fs::read(path).expect("an input"));
        inputs.collect::<Vec<_>>()
    };
    let seeds = inputs("seeds");
    assert!(!seeds.is_empty(), "{name} has no seeds");
    for bytes in seeds.iter().chain(&inputs("regressions")) {
        target(bytes);
        for end in (0..bytes.len()).step_by(bytes.len() / 50 + 1) {
            target(&bytes[..end]);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn what_fuzzing_began_with_and_what_it_found_is_borne() {
        let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
        super::bear(&fuzz, "checkpoint", super::checkpoint);
        super::bear(&fuzz, "compressed", super::compressed);
        super::bear(&fuzz, "envelope", super::envelope);
        super::bear(&fuzz, "gaps", super::gaps);
        super::bear(&fuzz, "index", super::index);
        super::bear(&fuzz, "lines", super::lines);
        super::bear(&fuzz, "template", super::template);
    }
}
