//! The pipeline: batches on their way into the files, compressed side by side and written in the order of their
//! submission.
//!
//! Gaps and checks of the files go through it too, so that they keep their place among the records.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use archiver_format::checkpoint::Unnamed;
use archiver_format::compression::Compression;
use archiver_format::gap::Gap;
use archiver_format::manifest::SealReason;
use archiver_format::position::Advance;
use archiver_format::segment::SegmentFile;
use futures_util::StreamExt;
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::FuturesOrdered;

use super::batch::{Batch, Member};
use super::writer::{Entry, Extent, WriteError, Writer, Wrote};
use crate::ledger::Written;
use crate::world::disk::Disk;
use crate::world::executor::{Cores, Executor};
use crate::world::fs::Fs;
use crate::world::memory::Held;

/// How many entries are in flight at most: enough to keep two cores at compressing while one is written.
const MOST_IN_FLIGHT: usize = 4;

/// An entry and the memory that it holds until it is written.
type Ready = io::Result<(Entry, Held)>;

/// Compresses batches on the threads that all archives share, which no disk that hangs can hold.
#[derive(Clone)]
pub struct Compressor {
    how: Compression,
    cores: Executor,
}

impl Compressor {
    /// `None` where nothing is compressed. Fails if the system gives no threads for it.
    pub fn new(how: Compression, cores: &Cores) -> io::Result<Option<Self>> {
        Ok(match how {
            Compression::None => None,
            how => Some(Self {
                how,
                cores: cores.executor()?,
            }),
        })
    }
}

/// An archive's entries that were submitted and are not written yet, and their writer.
pub struct Pipeline {
    disk: Disk,
    compressor: Option<Compressor>,
    /// Entries that are being compressed, in their order.
    compressing: FuturesOrdered<BoxFuture<'static, Ready>>,
    /// Entries for the next write, in their order.
    ready: VecDeque<(Entry, Held)>,
    writer: WriterState,
    /// How many entries were submitted and are not written.
    in_flight: usize,
    /// A check of the files is among them.
    checking: bool,
    /// When a segment is to be sealed that nothing more is written to, in milliseconds since 1970.
    next_rotation: Option<i64>,
    extent: Extent,
    /// Something failed: the writer stands at the last good byte, and nothing more may be written.
    failed: bool,
    /// A write failed in such a way that what was written before may not be trusted either.
    distrusted: bool,
}

/// Compresses each part of a batch.
fn compress(batch: Batch, compression: Compression) -> io::Result<Entry> {
    let (parts, advance) = batch.into_parts();
    let members = parts.into_iter().map(|part| Member::new(part, compression));
    Ok(Entry::Records(members.collect::<io::Result<_>>()?, advance))
}

/// Where the writer is.
enum WriterState {
    Resting(Box<Writer>),
    Writing(BoxFuture<'static, Done>),
    /// Only between the two.
    Moving,
}

/// A finished write: the writer, how many entries it had, and what was written or went wrong.
type Done = (Box<Writer>, usize, Result<Wrote, WriteError>);

impl Pipeline {
    /// An empty pipeline to this writer.
    pub fn new(disk: Disk, compressor: Option<Compressor>, mut writer: Writer) -> Self {
        Self {
            disk,
            compressor,
            compressing: FuturesOrdered::new(),
            ready: VecDeque::new(),
            in_flight: 0,
            checking: false,
            next_rotation: writer.next_rotation(),
            extent: writer.extent(),
            writer: WriterState::Resting(Box::new(writer)),
            failed: false,
            distrusted: false,
        }
    }

    /// Can another batch be submitted?
    pub fn has_room(&self) -> bool {
        self.in_flight < MOST_IN_FLIGHT
    }

    /// Is everything that was submitted in the files?
    pub fn is_idle(&self) -> bool {
        self.in_flight == 0
    }

    /// Did something fail, so that nothing more is written?
    pub fn has_failed(&self) -> bool {
        self.failed
    }

    /// Takes a batch of records; `held` is its share of the memory budget.
    pub fn submit(&mut self, batch: Batch, held: Held) {
        let Some(Compressor { how, cores }) = self.compressor.clone() else {
            let entry = compress(batch, Compression::None);
            self.push(std::future::ready(entry.map(|entry| (entry, held))).boxed());
            return;
        };
        // A task of its own, so that it goes on while nobody polls this pipeline.
        let job =
            tokio::spawn(async move { cores.run(move || Ok((compress(batch, how)?, held))).await });
        self.push(
            job.map(|done| done.unwrap_or_else(|e| Err(io::Error::other(e))))
                .boxed(),
        );
    }

    /// Takes gaps, to be listed after the records that were submitted before.
    pub fn submit_gaps(&mut self, gaps: Vec<Gap>, advance: Advance) {
        self.push_entry(Entry::Gaps(gaps, advance));
    }

    /// Takes a check: are the files still those that were opened? One at a time, as a disk may not answer.
    pub fn submit_check(&mut self) {
        if std::mem::replace(&mut self.checking, true) {
            return;
        }
        self.push_entry(Entry::Check);
    }

    /// Takes the wish to seal segments whose time is over, if there are any at this time, in milliseconds since 1970.
    pub fn submit_rotation(&mut self, now: i64) {
        if self.next_rotation.is_some_and(|due| due <= now) {
            // It is worked out anew when that is done.
            self.next_rotation = None;
            self.push_entry(Entry::Rotate);
        }
    }

    /// Takes the wish to seal all segments.
    pub fn submit_seal(&mut self, reason: SealReason) {
        self.push_entry(Entry::Seal(reason));
    }

    /// Takes segments that a checkpoint counts as sealed, to give them their final names.
    pub fn submit_names(&mut self, sealed: Vec<Unnamed>) {
        self.push_entry(Entry::Name(sealed));
    }

    /// Takes segments that a checkpoint counts as deleted, to delete them.
    pub fn submit_deletions(&mut self, deleted: Vec<SegmentFile>) {
        self.push_entry(Entry::Delete(deleted));
    }

    fn push_entry(&mut self, entry: Entry) {
        self.push(std::future::ready(Ok((entry, Held::default()))).boxed());
    }

    fn push(&mut self, entry: BoxFuture<'static, Ready>) {
        self.in_flight += 1;
        self.compressing.push_back(entry);
    }

    /// Goes on until something has been written, and says how much. Waits for ever when nothing is in flight or a write
    /// has failed. May be dropped and called again.
    pub async fn progress(&mut self) -> Result<Wrote, WriteError> {
        loop {
            self.begin_write();
            let compressing = &mut self.compressing;
            let compressed = match &mut self.writer {
                WriterState::Writing(writing) => tokio::select! {
                    biased;
                    Some(entry) = compressing.next() => entry,
                    (mut writer, entries, written) = writing => {
                        self.in_flight -= entries;
                        self.failed |= written.is_err();
                        self.distrusted |= is_distrusted(&written);
                        self.next_rotation = writer.next_rotation();
                        self.extent = writer.extent();
                        self.writer = WriterState::Resting(writer);
                        return written;
                    }
                },
                _ if self.failed => std::future::pending().await,
                _ => match compressing.next().await {
                    Some(entry) => entry,
                    None => std::future::pending().await,
                },
            };
            match compressed {
                Ok(entry) => self.ready.push_back(entry),
                Err(e) => {
                    self.failed = true;
                    return Err(WriteError::Compress(e));
                }
            }
        }
    }

    /// Hands everything that is ready to the writer, if it rests.
    fn begin_write(&mut self) {
        if self.ready.is_empty() || self.failed {
            return;
        }
        let mut writer = match std::mem::replace(&mut self.writer, WriterState::Moving) {
            WriterState::Resting(writer) => writer,
            other => {
                self.writer = other;
                return;
            }
        };
        let entries = std::mem::take(&mut self.ready);
        let is_check = |(entry, _): &(Entry, Held)| matches!(entry, Entry::Check);
        self.checking &= !entries.iter().any(is_check);
        let disk = self.disk.clone();
        let timings = Arc::clone(disk.timings());
        let job = async move {
            disk.run(move |fs| {
                let (begun, count) = (Instant::now(), entries.len());
                let mut wrote = Wrote::default();
                for (entry, _held) in entries {
                    match writer.append(fs, entry) {
                        Ok(more) => wrote += more,
                        Err(e) => return (writer, count, Err(e)),
                    }
                }
                if wrote.records > 0 {
                    timings.writes.count(begun.elapsed());
                }
                (writer, count, Ok(wrote))
            })
            .await
        };
        self.writer = WriterState::Writing(job.boxed());
    }

    /// What the segments took up on the disk after the last write.
    pub fn extent(&self) -> Extent {
        self.extent
    }

    /// The progress so far, if no write is going on.
    pub fn written(&self) -> Option<Written> {
        match &self.writer {
            WriterState::Resting(writer) => Some(writer.written()),
            _ => None,
        }
    }

    /// Gives segments that a checkpoint counts as sealed their final names, after the pipeline has ended. If that fails,
    /// the next start does it.
    pub async fn name(&mut self, sealed: Vec<Unnamed>) -> Result<(), WriteError> {
        let WriterState::Resting(mut writer) =
            std::mem::replace(&mut self.writer, WriterState::Moving)
        else {
            return Ok(());
        };
        let job = move |fs: &dyn Fs| {
            let named = writer.append(fs, Entry::Name(sealed));
            (writer, named)
        };
        let (writer, named) = self.disk.run(job).await;
        self.writer = WriterState::Resting(writer);
        named.map(drop)
    }

    /// Ends the pipeline: waits for a write that is going on, and returns the progress up to the last good byte; `None` if
    /// that may not be trusted. Everything else that was in flight is dropped.
    pub async fn end(&mut self) -> Option<Written> {
        self.failed = true;
        if let WriterState::Writing(writing) = &mut self.writer {
            let (writer, _, written) = writing.await;
            self.writer = WriterState::Resting(writer);
            self.distrusted |= is_distrusted(&written);
        }
        self.written().filter(|_| !self.distrusted)
    }
}

/// May what was written before not be trusted either?
fn is_distrusted(written: &Result<Wrote, WriteError>) -> bool {
    written.as_ref().is_err_and(WriteError::is_distrusted)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use archiver_format::line::{Encoder, Format, Newline};
    use archiver_format::record::{NextOffset, Record};
    use archiver_format::segment::Route;

    use super::*;
    use crate::config::Archive;
    use crate::ledger::append_file::AppendFile;
    use crate::sim::disk::{Fault, Faults, SimFs};
    use crate::sim::random::Random;
    use crate::world::devices::Devices;
    use crate::world::fs::create_dirs;

    #[tokio::test(start_paused = true)]
    async fn a_disk_that_hangs_is_not_looked_at_again_and_again() {
        let fs = SimFs::new(Random::new(1)).start();
        let data = AppendFile::create(&fs, Path::new("/data")).expect("nothing is in the way");
        let writer = Writer::for_tests(vec![data]);
        let hangs = Arc::new(|| std::future::pending().boxed());
        let devices = Devices::in_tasks(Arc::new(fs), 1 << 20, hangs, 1);
        let disk = devices.at(Path::new("/data")).await.expect("no threads");
        let mut pipeline = Pipeline::new(disk, None, writer);
        for _ in 0..100 {
            pipeline.submit_check();
            assert!(pipeline.progress().now_or_never().is_none());
        }
        assert!(pipeline.has_room(), "{} in flight", pipeline.in_flight);
    }

    /// A batch of one line, whose segment isn't open yet.
    fn batch() -> Batch {
        let mut batch = Batch::with_room(8);
        let record = Record {
            value: Some(b"a"),
            ..Record::default()
        };
        let mut encoder = Encoder::new(Format::Raw(Newline::Fail), "t");
        let pushed = batch.push(Route::default(), &record, NextOffset::ZERO, &mut encoder);
        pushed.expect("no newline");
        batch
    }

    /// A write whose operation of this number fails: its error, if somebody `hears` of it, whether the pipeline is believed
    /// at its end, and whether a checkpoint is that was in the making.
    async fn fails_at(operation: u64, hears: bool) -> (Option<WriteError>, bool, bool) {
        let world = SimFs::new(Random::new(1));
        let fs = world.start();
        let state = Archive::for_tests().state;
        for directory in [Path::new("/state"), &state] {
            create_dirs(&fs, directory).expect("created");
        }
        let idle = Arc::new(|| std::future::ready(()).boxed());
        let devices = Devices::in_tasks(Arc::new(fs), 1 << 20, idle, 1);
        let disk = devices.at(Path::new("/")).await.expect("no threads");
        let mut pipeline = Pipeline::new(disk.clone(), None, Writer::for_tests(Vec::new()));
        let before = pipeline.written().expect("it rests");
        let at = Some((world.counts().0 + operation, Fault::Io));
        world.set_faults(Faults {
            at,
            ..Faults::default()
        });
        pipeline.submit(batch(), Held::default());
        let mut error = None;
        if hears {
            error = pipeline.progress().await.err();
        } else {
            assert!(pipeline.progress().now_or_never().is_none());
        }
        let ended = pipeline.end().await;
        world.set_faults(Faults::default());
        (error, ended.is_some(), before.sync(&disk).await.is_ok())
    }

    #[tokio::test]
    async fn after_a_sync_that_failed_in_a_write_no_checkpoint_in_the_making_is_believed() {
        let mut failed = 0;
        for operation in 1..40 {
            let (error, is_believed, is_stored) = fails_at(operation, true).await;
            let is_distrusted = error.as_ref().is_some_and(WriteError::is_distrusted);
            let is_sync = matches!(error, Some(WriteError::Syncing(_)));
            assert_eq!(is_believed, !is_distrusted, "{operation}: {error:?}");
            assert_eq!(is_stored, !is_sync, "{operation}: {error:?}");
            let unheard = fails_at(operation, false).await;
            assert_eq!(
                (unheard.1, unheard.2),
                (is_believed, is_stored),
                "{operation}: {error:?}"
            );
            failed += usize::from(is_sync);
        }
        assert!(failed > 1, "{failed} syncs");
    }
}
