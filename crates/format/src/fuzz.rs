//! Oracles: the claims that must hold for any bytes from outside. One function for each parser, run by the fuzzers in
//! `fuzz/` and, on everything that is kept there, by the tests.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use serde_json::value::RawValue;

use crate::checkpoint::{Format, decode, encode, envelope};
use crate::compression::{Compression, check_whole, compress};
use crate::gap::{LINE_BYTES_MAX, damaged_line, seal};
use crate::index::{self, Block, IndexError, IndexReader, Lines, Origin};
use crate::line::{Newline, encode as encode_line};
use crate::record::Record;

/// A checkpoint is taken only if it is what would be written; so are the bytes with a fitting checksum around them.
pub fn checkpoint(bytes: &[u8]) {
    taken(bytes);
    let inner = String::from_utf8(bytes.to_vec()).ok();
    let inner = inner.and_then(|text| RawValue::from_string(text).ok());
    let Some(inner) = inner else { return };
    for format in [Format::V1, Format::V2] {
        if let Ok(sealed) = envelope(format, inner.clone()) {
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
    assert!(bytes.starts_with(b"{\"format\":1,") || written == bytes);
}

/// A list is either whole or damaged. Any bytes with a fitting checksum are a whole line, with another one a damaged line.
pub fn gaps(bytes: &[u8]) {
    let damaged = |list: &[u8], known| damaged_line(list, known).is_ok_and(|line| line.is_some());
    let is_whole = |list: &[u8]| !damaged(list, list.len() as u64);
    assert!(!is_whole(bytes) || bytes.last().is_none_or(|last| *last == b'\n'));
    // A list that is damaged even if no checkpoint counts it is never whole.
    assert!(!damaged(bytes, 0) || !is_whole(bytes));
    let line = bytes
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    let line = &line[..line.len().min(LINE_BYTES_MAX as usize / 2)];
    let mut list = [line, &seal(line)].concat();
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
    let (mut lines, mut expected) = (Vec::new(), Vec::new());
    for (offset, value) in (0..).zip(bytes.split(|byte| *byte == 0xfe)) {
        let value = (value.first() != Some(&0xff)).then_some(value);
        let before = lines.len();
        let record = Record {
            partition: i32::from(value.is_none()),
            offset,
            epoch: None,
            value,
        };
        assert_eq!(record.next().get(), offset + 1);
        let value = value.unwrap_or_default();
        match encode_line(&record, newline, &mut lines) {
            Ok(()) => expected.push(kept(value, newline)),
            Err(refused) => {
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
        super::bear(&fuzz, "gaps", super::gaps);
        super::bear(&fuzz, "index", super::index);
        super::bear(&fuzz, "lines", super::lines);
    }
}
