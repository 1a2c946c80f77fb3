//! Chunks into gzip members (RFC 1952) or zstd frames (RFC 8878), each whole by itself.

use std::cell::RefCell;
use std::io::{self, Read, Write};

use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

use crate::config::Compression;

/// Compresses a chunk into one member or frame; without compression it is passed on as it is.
pub fn compress(bytes: Vec<u8>, how: Compression) -> io::Result<Vec<u8>> {
    match how {
        Compression::None => Ok(bytes),
        Compression::Gzip(level) => {
            let room = Vec::with_capacity(bytes.len() / 4 + 64);
            let mut encoder = GzEncoder::new(room, flate2::Compression::new(level));
            encoder.write_all(&bytes)?;
            encoder.finish()
        }
        Compression::Zstd(level) => zstd_frame(&bytes, level),
    }
}

thread_local! {
    /// A context takes a megabyte and some time to make, so each thread keeps its last one.
    static ZSTD: RefCell<Option<(i32, zstd::bulk::Compressor<'static>)>> = const { RefCell::new(None) };
}

fn zstd_frame(bytes: &[u8], level: i32) -> io::Result<Vec<u8>> {
    ZSTD.with_borrow_mut(|kept| {
        let compressor = match kept {
            Some((of, compressor)) if *of == level => compressor,
            _ => {
                let mut compressor = zstd::bulk::Compressor::new(level)?;
                compressor.include_checksum(true)?;
                &mut kept.insert((level, compressor)).1
            }
        };
        compressor.compress(bytes)
    })
}

/// Reads a whole file that is to be appended to; fails if it is not what `how` says, from its first byte to
/// its last, or doesn't end with a whole line.
pub fn check(file: impl Read, how: Compression) -> io::Result<()> {
    let mut decoded: Box<dyn Read + '_> = match how {
        Compression::None => Box::new(file),
        Compression::Gzip(_) => Box::new(MultiGzDecoder::new(file)),
        Compression::Zstd(_) => Box::new(zstd::Decoder::new(file)?),
    };
    let mut buffer = vec![0; 1 << 16];
    let mut last = b'\n';
    loop {
        match decoded.read(&mut buffer)? {
            0 if last == b'\n' => return Ok(()),
            0 => return Err(io::Error::other("its last line has no newline")),
            n => last = buffer[n - 1],
        }
    }
}
