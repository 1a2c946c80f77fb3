//! Members and frames whose plain length is known, one at a time.

use std::io;

use super::Algorithm;

/// Decompresses one member or frame after the other, in the memory that the ones before needed.
#[derive(Default)]
pub struct Decompressor {
    gzip: Option<libdeflater::Decompressor>,
    zstd: Option<zstd::bulk::Decompressor<'static>>,
    plain: Vec<u8>,
}

impl Decompressor {
    /// The lines of a gzip member, a zstd frame or plain lines, which have so many bytes. Fails if they haven't.
    pub fn decompress<'a>(
        &'a mut self,
        stored: &'a [u8],
        algorithm: Algorithm,
        plain_bytes: u64,
    ) -> io::Result<&'a [u8]> {
        // What the member or frame says of itself, before that much memory is taken.
        if says(stored, algorithm) != Some(plain_bytes) {
            return Err(io::Error::other("it is not as long as the index says"));
        }
        let length = usize::try_from(plain_bytes).map_err(io::Error::other)?;
        if algorithm == Algorithm::None {
            return Ok(stored);
        }
        let missing = length.saturating_sub(self.plain.len());
        self.plain.try_reserve_exact(missing)?;
        let written = match algorithm {
            Algorithm::Gzip => {
                self.plain.resize(length, 0);
                let gzip = self.gzip.get_or_insert_default();
                let written = gzip.gzip_decompress(stored, &mut self.plain);
                written.map_err(|_| io::Error::other("it is not a whole gzip member"))?
            }
            _ => {
                self.plain.clear();
                let zstd = match &mut self.zstd {
                    Some(zstd) => zstd,
                    none => none.insert(zstd::bulk::Decompressor::new()?),
                };
                zstd.decompress_to_buffer(stored, &mut self.plain)?
            }
        };
        match self.plain.get(..length) {
            Some(plain) if written == length => Ok(plain),
            _ => Err(io::Error::other("it is not as long as it says")),
        }
    }

    /// What was decompressed last; nothing of plain lines, which stay where they are.
    pub fn last(&self) -> &[u8] {
        &self.plain
    }
}

/// The plain length that a block has by its own account, as far as it says that; `None` if it is none.
fn says(stored: &[u8], algorithm: Algorithm) -> Option<u64> {
    match algorithm {
        Algorithm::None => Some(stored.len() as u64),
        Algorithm::Gzip => {
            let length = u32::from_le_bytes(*stored.last_chunk::<4>()?);
            // No more can be made of so few bytes.
            let most = (stored.len() as u64).saturating_mul(1_032);
            Some(u64::from(length)).filter(|length| *length <= most)
        }
        Algorithm::Zstd => zstd::zstd_safe::get_frame_content_size(stored)
            .ok()
            .flatten(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compression::{Compression, compress};

    #[test]
    fn members_and_frames_give_the_lines_that_they_were_made_of_and_no_others() {
        let mut decompressor = Decompressor::default();
        for how in [
            Compression::None,
            Compression::Gzip(1),
            Compression::Zstd(1),
        ] {
            let algorithm = how.algorithm();
            for length in [70_000, 1, 300_000, 20] {
                let lines = (0..length).map(|n| (n % 91) as u8).collect::<Vec<_>>();
                let stored = compress(lines.clone(), how).expect("compresses");
                let mut again = |stored: &[u8], length| {
                    let plain = decompressor.decompress(stored, algorithm, length);
                    plain.map(<[u8]>::to_vec)
                };
                assert_eq!(again(&stored, length).expect("is whole"), lines);
                assert!(again(&stored, length + 1).is_err(), "{how:?}");
                assert!(
                    again(&stored[..stored.len() - 1], length).is_err(),
                    "{how:?}"
                );
                assert!(again(&[], length).is_err(), "{how:?}");
                if how != Compression::None {
                    let twice = [stored.clone(), stored].concat();
                    assert!(again(&twice, 2 * length).is_err(), "{how:?}");
                }
            }
        }
    }
}
