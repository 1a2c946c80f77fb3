//! From a path, or standard input, to plain bytes: gzip and zstd are known by their first bytes, whatever the file is
//! called, with as many members or frames as there are.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, ErrorKind, Read};
use std::path::Path;

use archiver_format::compression::{Algorithm, decompress};

/// What is read at once, in bytes.
const BUFFER_BYTES: usize = 256 << 10;

/// Compressions that are not read here: how such a file begins, and what does.
const FOREIGN: [(&[u8], &str, &str); 3] = [
    (b"\xfd7zXZ\0", "xz", "xzcat"),
    (b"BZh", "bzip2", "bzcat"),
    (b"PK\x03\x04", "zip", "unzip -p"),
];

/// The plain bytes of a file.
pub(super) type Plain = Box<dyn BufRead + Send>;

/// Opens a file, or a pipe that has a name.
///
/// # Errors
///
/// If it can't be opened, or is compressed in another way.
pub(super) fn file(path: &Path) -> io::Result<Plain> {
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(ErrorKind::IsADirectory.into());
    }
    plain(file)
}

/// Opens standard input.
///
/// # Errors
///
/// As [`file`].
pub(super) fn standard_input() -> io::Result<Plain> {
    plain(io::stdin())
}

/// The plain bytes of what may be compressed.
pub(super) fn plain(mut bytes: impl Read + Send + 'static) -> io::Result<Plain> {
    let mut first = Vec::new();
    bytes.by_ref().take(6).read_to_end(&mut first)?;
    if let [0xff, 0xfe, ..] | [0xfe, 0xff, ..] = first[..] {
        return Err(io::Error::other(
            "it is UTF-16, and UTF-8 is read here; iconv -f UTF-16 -t UTF-8 FILE | archiver replay - makes it that",
        ));
    }
    for (magic, name, tool) in FOREIGN {
        if first.starts_with(magic) {
            return Err(io::Error::other(format!(
                "it is compressed by {name}, which is not read here; {tool} FILE | archiver replay - is"
            )));
        }
    }
    let algorithm = match first[..] {
        [0x1f, 0x8b, ..] => Algorithm::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Algorithm::Zstd,
        _ => Algorithm::None,
    };
    let bytes = BufReader::with_capacity(BUFFER_BYTES, Cursor::new(first).chain(bytes));
    Ok(match algorithm {
        Algorithm::None => Box::new(bytes),
        _ => Box::new(BufReader::with_capacity(
            BUFFER_BYTES,
            decompress(bytes, algorithm)?,
        )),
    })
}

#[cfg(test)]
mod tests {
    use archiver_format::compression::{Compression, compress};

    use super::*;

    fn read(bytes: Vec<u8>) -> io::Result<Vec<u8>> {
        let mut read = Vec::new();
        plain(Cursor::new(bytes))?.read_to_end(&mut read)?;
        Ok(read)
    }

    #[test]
    fn members_and_frames_are_known_by_their_first_bytes() {
        for how in [
            Compression::None,
            Compression::Gzip(1),
            Compression::Zstd(1),
        ] {
            let pack = |text: &str| compress(text.into(), how).expect("compresses");
            let twice = [pack("a\nb\n"), pack("c\n")].concat();
            assert_eq!(read(twice).expect("is whole"), b"a\nb\nc\n", "{how:?}");
        }
        assert_eq!(read(Vec::new()).expect("is read"), b"");
        assert_eq!(read(b"x".to_vec()).expect("is read"), b"x");
        let said = read(b"BZh91AY".to_vec())
            .expect_err("is foreign")
            .to_string();
        assert!(said.contains("bzcat FILE | archiver replay -"), "{said}");
    }
}
