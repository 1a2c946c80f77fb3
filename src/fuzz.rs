//! What must hold whatever bytes come from outside: one function for each parser, run by the fuzzers in `fuzz/` and,
//! on everything that is kept there, by the tests.

use crate::config::{Compression, Newline};
use crate::encode::Chunk;
use crate::record::Record;
use crate::segment::compression;

pub use crate::checkpoint::fuzz::checkpoint;
pub use crate::config::fuzz::{configuration, property, substitution, words};
pub use crate::gaps::fuzz::gaps;

/// Each record is one line, from which what `newline` keeps of it can be had again.
///
/// The first byte chooses `newline`; the records are what lies between the bytes `FE`, an `FF` before one makes it
/// null.
pub fn lines(bytes: &[u8]) {
    let Some((choice, bytes)) = bytes.split_first() else {
        return;
    };
    let newline = [Newline::Space, Newline::Escape, Newline::Fail][usize::from(*choice) % 3];
    let mut chunk = Chunk::default();
    let mut expected = Vec::new();
    for (offset, value) in (0..).zip(bytes.split(|byte| *byte == 0xfe)) {
        let value = (value.first() != Some(&0xff)).then_some(value);
        let (before, taken) = (chunk.bytes.len(), chunk.advance.clone());
        let record = Record {
            partition: i32::from(value.is_none()),
            offset,
            epoch: None,
            value,
        };
        let value = value.unwrap_or_default();
        match chunk.push(&record, newline) {
            Ok(()) => expected.push(match newline {
                Newline::Space => value
                    .iter()
                    .map(|&b| if b == b'\n' { b' ' } else { b })
                    .collect(),
                Newline::Escape | Newline::Fail => value.to_vec(),
            }),
            Err(refused) => {
                assert!(newline == Newline::Fail && value.contains(&b'\n'));
                assert_eq!(
                    (refused.partition, refused.offset),
                    (record.partition, offset)
                );
                assert_eq!((chunk.bytes.len(), &chunk.advance), (before, &taken));
                continue;
            }
        }
        assert!(newline != Newline::Fail || !value.contains(&b'\n'));
        let next = chunk
            .advance
            .to
            .iter()
            .find(|(p, _)| *p == record.partition);
        assert_eq!(next.map(|(_, place)| place.next), Some(offset + 1));
    }
    assert_eq!(chunk.advance.records, expected.len() as u64);
    assert_eq!(chunk.bytes.last().copied().unwrap_or(b'\n'), b'\n');
    let mut lines = chunk.bytes.split(|byte| *byte == b'\n').collect::<Vec<_>>();
    assert_eq!(lines.pop(), Some(&[][..]));
    let lines = lines.into_iter().map(|line| match newline {
        Newline::Escape => unescape(line),
        _ => line.to_vec(),
    });
    assert_eq!(lines.collect::<Vec<_>>(), expected);
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

/// A file that is there before its archive is taken for whole or refused; what archiver compresses is whole.
pub fn compressed(bytes: &[u8]) {
    let Some((choice, bytes)) = bytes.split_first() else {
        return;
    };
    let how = [
        Compression::None,
        Compression::Gzip(1),
        Compression::Zstd(1),
    ][usize::from(*choice) % 3];
    let _ = compression::check(bytes, how);
    let Ok(member) = compression::compress(bytes.to_vec(), how) else {
        panic!("{how:?} can't compress {} bytes", bytes.len());
    };
    let ends_with_a_line = bytes.last().is_none_or(|last| *last == b'\n');
    assert_eq!(
        compression::check(&member[..], how).is_ok(),
        ends_with_a_line
    );
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    type Target = fn(&[u8]);

    const TARGETS: [(&str, Target); 8] = [
        ("checkpoint", super::checkpoint),
        ("compressed", super::compressed),
        ("configuration", super::configuration),
        ("gaps", super::gaps),
        ("lines", super::lines),
        ("property", super::property),
        ("substitution", super::substitution),
        ("words", super::words),
    ];

    fn inputs(target: &str, kind: &str) -> Vec<Vec<u8>> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
        let Ok(entries) = fs::read_dir(root.join(kind).join(target)) else {
            return Vec::new();
        };
        let paths = entries.map(|entry| entry.expect("an entry").path());
        paths
            .map(|path| fs::read(path).expect("an input"))
            .collect()
    }

    #[test]
    fn what_fuzzing_began_with_and_what_it_found_is_borne() {
        for (name, target) in TARGETS {
            let seeds = inputs(name, "seeds");
            assert!(!seeds.is_empty(), "{name} has no seeds");
            for bytes in seeds.iter().chain(&inputs(name, "regressions")) {
                target(bytes);
                // And cut anywhere, as far as that is quick.
                for end in (0..bytes.len()).step_by(bytes.len() / 50 + 1) {
                    target(&bytes[..end]);
                }
            }
        }
    }
}
