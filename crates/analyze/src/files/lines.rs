//! The lines of a file that nobody has made an index of.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use archiver_format::compression::{Algorithm, decompress};
use archiver_format::read::Share;

/// How many bytes are read at once.
const PIECE_BYTES: usize = 256 << 10;
/// The longest line, in bytes: what is longer is none of JSON.
const LINE_BYTES_MOST: u64 = 256 << 20;

/// What programs of Windows put before the first line.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Gives each line of a share of the first so many bytes of a file, without its end, until nobody takes them. Lines with nothing but spaces are left
/// out. What is compressed is the first reader's alone.
///
/// # Errors
///
/// If the file can't be read, or has a line that is too long.
pub fn read(
    path: &Path,
    algorithm: Algorithm,
    (share, length): (Share, u64),
    mut give: impl FnMut(&[u8]) -> bool,
) -> io::Result<()> {
    let mut file = File::open(path)?;
    let (mut at, end) = match algorithm {
        Algorithm::None => begin(&mut file, share, length)?,
        _ if share.number == 0 => (0, u64::MAX),
        _ => return Ok(()),
    };
    let file = BufReader::with_capacity(PIECE_BYTES, file);
    let mut text = BufReader::with_capacity(PIECE_BYTES, decompress(file, algorithm)?);
    let mut line = Vec::new();
    let mut is_first = at == 0;
    while at < end {
        line.clear();
        let read = (&mut text)
            .take(LINE_BYTES_MOST)
            .read_until(b'\n', &mut line)? as u64;
        if read == 0 {
            break;
        }
        if read == LINE_BYTES_MOST {
            return Err(io::Error::other(
                "it has a line that is longer than 256 MiB",
            ));
        }
        at += read;
        let mut line = &line[..];
        if is_first {
            line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
            is_first = false;
        }
        let line = line.trim_ascii();
        if !line.is_empty() && !give(line) {
            break;
        }
    }
    Ok(())
}

/// Goes to the first line that begins in this share, and returns where that is, and where the share ends, in bytes.
fn begin(file: &mut File, share: Share, length: u64) -> io::Result<(u64, u64)> {
    let part = length.div_ceil(share.of.max(1));
    let (from, to) = (
        part.saturating_mul(share.number),
        part.saturating_mul(share.number + 1),
    );
    if from == 0 || from >= length {
        return Ok((from, to.min(length)));
    }
    file.seek(SeekFrom::Start(from - 1))?;
    let mut before = Vec::new();
    let skipped = BufReader::new(&mut *file).read_until(b'\n', &mut before)? as u64;
    let at = from - 1 + skipped;
    file.seek(SeekFrom::Start(at))?;
    Ok((at, to.min(length)))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use archiver_format::compression::{Compression, compress};

    use super::*;

    fn lines(path: &Path, algorithm: Algorithm, of: u64) -> Vec<String> {
        let mut lines = Vec::new();
        for number in 0..of {
            let give = |line: &[u8]| {
                lines.push(String::from_utf8_lossy(line).into_owned());
                true
            };
            let length = fs::metadata(path).expect("is there").len();
            read(path, algorithm, (Share { number, of }, length), give).expect("is read");
        }
        lines
    }

    #[test]
    fn each_line_is_in_one_share_whatever_their_number() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("lines");
        for text in [
            "",
            "a",
            "a\n",
            "\n\na\r\n  \nbb\nccc\n\ndddd",
            "aaaaaaaaaaaaaaa\nb\nc\n",
            "\u{feff}a\nb\n",
        ] {
            let shown = text.trim_start_matches('\u{feff}');
            let expected = shown.lines().map(str::trim).filter(|line| !line.is_empty());
            let expected = expected.collect::<Vec<_>>();
            fs::write(&path, text).expect("is written");
            for of in 1..20 {
                assert_eq!(
                    lines(&path, Algorithm::None, of),
                    expected,
                    "{text:?} by {of}"
                );
            }
            for how in [Compression::Gzip(1), Compression::Zstd(1)] {
                let packed = compress(text.into(), how).expect("is packed");
                fs::write(&path, packed).expect("is written");
                assert_eq!(lines(&path, how.algorithm(), 3), expected, "{text:?}");
            }
        }
    }
}
