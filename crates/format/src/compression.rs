//! Compression: lines into gzip members (RFC 1952) or zstd frames (RFC 8878), each whole by itself, and back.

mod decompressor;

use std::cell::RefCell;
use std::io::{self, BufRead, Read};

use flate2::bufread::{GzDecoder, MultiGzDecoder};
use serde::{Deserialize, Serialize};

pub use decompressor::Decompressor;

/// How a file is compressed; the level may change within a file and is not part of this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// Plain lines.
    None,
    /// A sequence of gzip members.
    Gzip,
    /// A sequence of zstd frames.
    Zstd,
}

/// How a file is compressed, and at which level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Plain lines.
    None,
    /// A sequence of gzip members at this level, 1–9.
    Gzip(u32),
    /// A sequence of zstd frames at this level, 1–19.
    Zstd(i32),
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::None, Self::Gzip, Self::Zstd];

    /// Its name in the configuration and in checkpoints.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    /// The ending of such a file's name, dot included; empty if it is not compressed.
    pub const fn ending(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Gzip => ".gz",
            Self::Zstd => ".zst",
        }
    }

    /// The pieces of such a file, for a message.
    pub const fn made_of(self) -> &'static str {
        match self {
            Self::None => "plain lines",
            Self::Gzip => "gzip members",
            Self::Zstd => "zstd frames",
        }
    }
}

impl Compression {
    /// The same without the level.
    pub const fn algorithm(self) -> Algorithm {
        match self {
            Self::None => Algorithm::None,
            Self::Gzip(_) => Algorithm::Gzip,
            Self::Zstd(_) => Algorithm::Zstd,
        }
    }
}

/// Compresses lines into one member or frame; without compression they stay as they are.
pub fn compress(bytes: Vec<u8>, how: Compression) -> io::Result<Vec<u8>> {
    match how {
        Compression::None => Ok(bytes),
        Compression::Gzip(level) => gzip_member(&bytes, level),
        Compression::Zstd(level) => zstd_frame(&bytes, level),
    }
}

/// A thread's last compressor and its level, kept because one takes up to a megabyte and some time to make.
type Cached<C, L> = RefCell<Option<(L, C)>>;

thread_local! {
    static GZIP: Cached<libdeflater::Compressor, u32> = const { RefCell::new(None) };
    static ZSTD: Cached<zstd::bulk::Compressor<'static>, i32> = const { RefCell::new(None) };
    static BESIDE: Cached<zstd::bulk::Compressor<'static>, i32> = const { RefCell::new(None) };
}

/// The thread's compressor of this level.
fn cached<C, L: Copy + PartialEq>(
    cached: &mut Option<(L, C)>,
    level: L,
    make: impl FnOnce() -> io::Result<C>,
) -> io::Result<&mut C> {
    if cached.as_ref().is_none_or(|(of, _)| *of != level) {
        *cached = Some((level, make()?));
    }
    let compressor = cached.as_mut().map(|(_, compressor)| compressor);
    compressor.ok_or_else(|| io::Error::other("no compressor"))
}

/// Made by libdeflate, which needs a whole member in memory, and is faster than zlib at a better ratio.
fn gzip_member(bytes: &[u8], level: u32) -> io::Result<Vec<u8>> {
    let make = || {
        let level = i32::try_from(level).map_err(io::Error::other)?;
        let level = libdeflater::CompressionLvl::new(level);
        let level = level.map_err(|_| io::Error::other("gzip has no such level"))?;
        Ok(libdeflater::Compressor::new(level))
    };
    GZIP.with_borrow_mut(|thread| {
        let compressor = cached(thread, level, make)?;
        let mut member = vec![0; compressor.gzip_compress_bound(bytes.len())];
        let length = compressor.gzip_compress(bytes, &mut member);
        member.truncate(length.map_err(io::Error::other)?);
        Ok(member)
    })
}

/// With a checksum, so that damage is noticed when it is read.
fn zstd_frame(bytes: &[u8], level: i32) -> io::Result<Vec<u8>> {
    let make = || {
        let mut compressor = zstd::bulk::Compressor::new(level)?;
        compressor.include_checksum(true)?;
        Ok(compressor)
    };
    ZSTD.with_borrow_mut(|thread| cached(thread, level, make)?.compress(bytes))
}

/// Compresses what is kept beside lines into a zstd frame of level 1, without a checksum. The compressor of the lines,
/// which may have another level, stays as it is.
pub(crate) fn compress_beside(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let make = || zstd::bulk::Compressor::new(1);
    BESIDE.with_borrow_mut(|thread| cached(thread, 1, make)?.compress(bytes))
}

/// CRC-32 as gzip has it; of all checksums the quickest for a whole block.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    libdeflater::crc32(bytes)
}

/// Reads the lines of a file, member after member or frame after frame.
pub fn decompress<'r>(
    file: impl BufRead + Send + 'r,
    algorithm: Algorithm,
) -> io::Result<Box<dyn Read + Send + 'r>> {
    Ok(match algorithm {
        Algorithm::None => Box::new(file),
        Algorithm::Gzip => Box::new(MultiGzDecoder::new(file)),
        Algorithm::Zstd => Box::new(zstd::Decoder::with_buffer(file)?),
    })
}

/// So many bytes of plain lines are a piece, and the rest of the last line.
const PIECE_BYTES: u64 = 256 << 10;
/// No member and no line is larger.
const ONE_BYTES_MAX: u64 = 1 << 31;

/// Reads one member or frame, or a piece of plain lines, and nothing behind it; appends its lines to `plain`.
pub(crate) fn decompress_one(
    mut file: impl BufRead,
    algorithm: Algorithm,
    plain: &mut Vec<u8>,
) -> io::Result<()> {
    let before = plain.len();
    match algorithm {
        Algorithm::None => {
            file.by_ref().take(PIECE_BYTES).read_to_end(plain)?;
            if plain.last() != Some(&b'\n') {
                file.take(ONE_BYTES_MAX).read_until(b'\n', plain)?;
            }
        }
        Algorithm::Gzip => {
            let member = GzDecoder::new(file);
            member.take(ONE_BYTES_MAX).read_to_end(plain)?;
        }
        Algorithm::Zstd => {
            let frame = zstd::Decoder::with_buffer(file)?.single_frame();
            frame.take(ONE_BYTES_MAX).read_to_end(plain)?;
        }
    }
    match (plain.len() - before) as u64 >= ONE_BYTES_MAX {
        true => Err(io::Error::other("it has a piece that is too large")),
        false => Ok(()),
    }
}

/// Reads a whole file that is to be appended to. Fails if it is not of this algorithm from its first byte to its last,
/// or doesn't end with a whole line.
pub fn check_whole(file: impl BufRead + Send, algorithm: Algorithm) -> io::Result<()> {
    let mut lines = decompress(file, algorithm)?;
    let mut buffer = vec![0; 1 << 16];
    let mut last = b'\n';
    loop {
        match lines.read(&mut buffer)? {
            0 if last == b'\n' => return Ok(()),
            0 => return Err(io::Error::other("its last line has no newline")),
            n => last = buffer[n - 1],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines() -> Vec<u8> {
        (0..5_000)
            .flat_map(|n| format!("{{\"n\":{n}}}\n").into_bytes())
            .collect()
    }

    #[test]
    fn a_file_of_members_or_frames_is_whole_for_any_level() {
        for how in [
            Compression::None,
            Compression::Gzip(1),
            Compression::Gzip(9),
            Compression::Zstd(1),
            Compression::Zstd(19),
        ] {
            let one = compress(lines(), how).expect("compresses");
            let file = [one.clone(), one].concat();
            check_whole(&file[..], how.algorithm()).unwrap_or_else(|e| panic!("{how:?}: {e}"));
        }
    }

    #[test]
    fn a_torn_or_foreign_file_is_not_appended_to() {
        for how in [
            Compression::None,
            Compression::Gzip(1),
            Compression::Zstd(1),
        ] {
            let whole = compress(lines(), how).expect("compresses");
            assert!(
                check_whole(&whole[..whole.len() - 5], how.algorithm()).is_err(),
                "{how:?}, torn"
            );
        }
        let gzip = compress(lines(), Compression::Gzip(1)).expect("compresses");
        assert!(check_whole(&gzip[..], Algorithm::Zstd).is_err());
        assert!(check_whole(&b"{}\n"[..], Algorithm::Gzip).is_err());
    }
}
