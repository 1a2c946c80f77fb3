//! Chunks into gzip members (RFC 1952) or zstd frames (RFC 8878), each whole by itself.

use std::cell::RefCell;
use std::io::{self, Read};

use flate2::read::MultiGzDecoder;

use crate::config::Compression;

/// Compresses a chunk into one member or frame; without compression it is passed on as it is.
pub fn compress(bytes: Vec<u8>, how: Compression) -> io::Result<Vec<u8>> {
    match how {
        Compression::None => Ok(bytes),
        Compression::Gzip(level) => gzip_member(&bytes, level),
        Compression::Zstd(level) => zstd_frame(&bytes, level),
    }
}

/// A thread's last compressor and its level: one takes up to a megabyte, and some time to make.
type Kept<C, L> = RefCell<Option<(L, C)>>;

thread_local! {
    static GZIP: Kept<libdeflater::Compressor, u32> = const { RefCell::new(None) };
    static ZSTD: Kept<zstd::bulk::Compressor<'static>, i32> = const { RefCell::new(None) };
}

/// The thread's compressor of this level.
fn kept<C, L: Copy + PartialEq>(
    kept: &mut Option<(L, C)>,
    level: L,
    make: impl FnOnce() -> io::Result<C>,
) -> io::Result<&mut C> {
    if kept.as_ref().is_none_or(|(of, _)| *of != level) {
        *kept = Some((level, make()?));
    }
    let compressor = kept.as_mut().map(|(_, compressor)| compressor);
    compressor.ok_or_else(|| io::Error::other("no compressor"))
}

/// By libdeflate: a member is whole in memory anyway, and it is faster than zlib at a better ratio.
fn gzip_member(bytes: &[u8], level: u32) -> io::Result<Vec<u8>> {
    let make = || {
        let level = i32::try_from(level).map_err(io::Error::other)?;
        let level = libdeflater::CompressionLvl::new(level);
        let level = level.map_err(|_| io::Error::other("gzip has no such level"))?;
        Ok(libdeflater::Compressor::new(level))
    };
    GZIP.with_borrow_mut(|thread| {
        let compressor = kept(thread, level, make)?;
        let mut member = vec![0; compressor.gzip_compress_bound(bytes.len())];
        let length = compressor.gzip_compress(bytes, &mut member);
        member.truncate(length.map_err(io::Error::other)?);
        Ok(member)
    })
}

fn zstd_frame(bytes: &[u8], level: i32) -> io::Result<Vec<u8>> {
    let make = || {
        let mut compressor = zstd::bulk::Compressor::new(level)?;
        compressor.include_checksum(true)?;
        Ok(compressor)
    };
    ZSTD.with_borrow_mut(|thread| kept(thread, level, make)?.compress(bytes))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk() -> Vec<u8> {
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
            let one = compress(chunk(), how).expect("compresses");
            let file = [one.clone(), one].concat();
            check(&file[..], how).unwrap_or_else(|e| panic!("{how:?}: {e}"));
        }
    }

    #[test]
    fn a_torn_or_foreign_file_is_not_appended_to() {
        for how in [
            Compression::None,
            Compression::Gzip(1),
            Compression::Zstd(1),
        ] {
            let whole = compress(chunk(), how).expect("compresses");
            assert!(
                check(&whole[..whole.len() - 5], how).is_err(),
                "{how:?}, torn"
            );
        }
        let gzip = compress(chunk(), Compression::Gzip(1)).expect("compresses");
        assert!(check(&gzip[..], Compression::Zstd(1)).is_err());
        assert!(check(&b"{}\n"[..], Compression::Gzip(1)).is_err());
    }
}
