//! Reading what archiver wrote, as strictly as can be.

use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::time::{Duration, Instant};

use flate2::bufread::GzDecoder;

/// A file's content, decompressed by its ending, or the one that it will have when it is sealed.
///
/// Anything but a whole number of gzip members, of zstd frames, of lines is an error.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let raw = fs::read(path)?;
    let path = match path.extension() {
        Some(growing) if growing == "part" => &path.with_extension(""),
        _ => path,
    };
    let text = match path.extension().and_then(|e| e.to_str()) {
        Some("gz") => gunzip(&raw)?,
        Some("zst") => unzstd(&raw)?,
        _ => raw,
    };
    match text.last() {
        None | Some(b'\n') => Ok(text),
        Some(_) => Err(io::Error::other("the last line has no end")),
    }
}

/// A file that is whole at all times; the test fails if it isn't. One that isn't there is empty.
///
/// A reader on Linux may see the first part of a single large write while it happens, so a tail
/// that is torn for a moment only is none.
#[track_caller]
pub fn read_growing(path: &Path) -> Vec<u8> {
    let start = Instant::now();
    loop {
        match read(path) {
            Ok(text) => return text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Vec::new(),
            Err(e) if start.elapsed() > Duration::from_secs(2) => {
                panic!("{}: {e}", path.display())
            }
            Err(_) => {}
        }
    }
}

/// A text's lines, without their ends.
pub fn lines(text: &[u8]) -> Vec<&[u8]> {
    let mut lines: Vec<&[u8]> = text.split(|&b| b == b'\n').collect();
    assert_eq!(lines.pop(), Some(&b""[..]), "the last line has no end");
    lines
}

/// How many lines a growing file has.
#[track_caller]
pub fn count(path: &Path) -> usize {
    read_growing(path).iter().filter(|&&b| b == b'\n').count()
}

/// Member by member, so that neither a torn tail nor garbage after the last one goes unseen.
fn gunzip(mut raw: &[u8]) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    while !raw.is_empty() {
        let mut member = GzDecoder::new(raw);
        member.read_to_end(&mut text)?;
        raw = member.into_inner();
    }
    Ok(text)
}

fn unzstd(mut raw: &[u8]) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    while !raw.is_empty() {
        let mut frame = zstd::stream::read::Decoder::with_buffer(raw)?.single_frame();
        frame.read_to_end(&mut text)?;
        raw = frame.finish();
    }
    Ok(text)
}

#[test]
fn whole_members_and_frames_are_read_and_torn_ones_refused() {
    use std::io::Write;

    type Encode<'a> = &'a dyn Fn(&[u8]) -> Vec<u8>;
    let gz = |text: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Default::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    };
    let zst = |text: &[u8]| zstd::encode_all(text, 1).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let plain = |text: &[u8]| text.to_vec();
    let cases: [(&str, Encode); 3] = [
        ("a.ndjson", &plain),
        ("a.ndjson.gz", &gz),
        ("a.ndjson.zst", &zst),
    ];
    for (name, encode) in cases {
        let path = directory.path().join(name);
        let whole = [encode(b"one\n"), encode(b"two\nthree\n")].concat();
        fs::write(&path, &whole).unwrap();
        assert_eq!(read(&path).unwrap(), b"one\ntwo\nthree\n", "{name}");
        fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        assert!(read(&path).is_err(), "{name} torn");
        fs::write(&path, [&whole[..], b"garbage"].concat()).unwrap();
        assert!(read(&path).is_err(), "{name} with garbage");
    }
}
