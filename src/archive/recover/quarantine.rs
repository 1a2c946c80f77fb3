//! Quarantine: bytes that are cut off a data file whose topic was deleted and created again. Kafka may not have these
//! records any more, so they are kept in a file of their own before they are cut off.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use archiver_format::checkpoint::Identity;
use archiver_format::segment::SegmentFile;

use crate::archive::definition::{Archive, Failure};
use crate::ledger::{SegmentHandle, Store};
use crate::observe::reason::Reason;
use crate::world::disk::Disk;
use crate::world::fs::{File, Fs};

/// How much is copied at once, in bytes.
const PIECE: usize = 1 << 16;

/// Bytes of a segment that are about to be cut off.
pub(super) struct Doubtful {
    /// Its segment.
    pub segment: SegmentFile,
    /// Its file.
    pub handle: SegmentHandle,
    /// From this byte on.
    pub from: u64,
}

impl Archive {
    /// Copies each of these into a file of its own, durably, unless that was done before.
    pub(super) async fn quarantine(
        &self,
        disk: &Disk,
        store: &Store,
        identity: &Identity,
        doubtful: Vec<Doubtful>,
    ) -> Result<(), Failure> {
        for doubtful in doubtful {
            self.keep(disk, store, identity, doubtful).await?;
        }
        Ok(())
    }

    async fn keep(
        &self,
        disk: &Disk,
        store: &Store,
        identity: &Identity,
        doubtful: Doubtful,
    ) -> Result<(), Failure> {
        let Doubtful {
            segment,
            handle:
                SegmentHandle {
                    path: file,
                    file: data,
                },
            from,
        } = doubtful;
        let id = identity.topic_id.as_deref();
        let sequence = segment.name.is_some().then_some(segment.sequence);
        let path = store
            .dir()
            .unverified(id, sequence, from, identity.compression);
        let file = file.display();
        let failed = |source: io::Error| {
            let doing = format!(
                "keeping what {file} holds from byte {from} on, which may be of a topic that is gone, in {}",
                path.display()
            );
            Failure::retry(Reason::Disk { doing, source })
        };
        let (kept, found) = (path.clone(), Arc::clone(&data));
        let look = move |fs: &dyn Fs| match fs.stat(&kept) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Some(found.stat()?.length)),
            there => there.map(|_| None),
        };
        let end = disk.run(look).await.map_err(failed)?;
        let Some(end) = end.filter(|&end| end > from) else {
            return Ok(());
        };
        let copied = disk.replace(&path, move |to| copy(&*data, from..end, to));
        copied.await.map_err(failed)?;
        tracing::warn!(
            "archive {}: {} bytes of {file} that its checkpoint doesn't count may be of the topic that is gone; they \
             are kept in {}",
            self.config.name,
            end - from,
            path.display(),
        );
        Ok(())
    }
}

/// Appends these bytes of one file to another.
fn copy(from: &dyn File, bytes: Range<u64>, to: &dyn File) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    let mut at = bytes.start;
    while at < bytes.end {
        let left = usize::try_from(bytes.end - at).unwrap_or(PIECE);
        let piece = &mut piece[..left.min(PIECE)];
        let read = from.read_exact_at(piece, at);
        read.map_err(|e| io::Error::new(e.kind(), format!("reading the data file: {e}")))?;
        to.append(piece)?;
        at += piece.len() as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::sim::disk::SimFs;
    use crate::sim::random::Random;

    #[test]
    fn what_is_kept_is_the_same_byte_for_byte_however_long_it_is() {
        // No two pieces are alike.
        let bytes = (0..60_000_u32).flat_map(u32::to_le_bytes);
        let bytes = bytes.collect::<Vec<_>>();
        for from in [0, 1, PIECE - 1, PIECE, 3 * PIECE + 7] {
            let world = SimFs::new(Random::new(1));
            let fs = world.start();
            let create = |path: &str| fs.create_new(Path::new(path)).expect("a new file");
            let (data, kept) = (create("/data"), create("/kept"));
            data.append(&bytes).expect("room");
            copy(&*data, from as u64..bytes.len() as u64, &*kept).expect("room");
            let kept = world.peek(Path::new("/kept")).expect("a file");
            let differs = kept.iter().zip(&bytes[from..]).position(|(a, b)| a != b);
            assert_eq!(
                differs, None,
                "kept from byte {from} on: other bytes from here on"
            );
            assert_eq!(kept.len(), bytes.len() - from);
        }
    }
}
