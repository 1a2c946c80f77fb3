//! Intake: where each partition stands, and the batch that its records go into.
//!
//! Each record is taken once, in the order of its partition: records before the partition's position are skipped, and
//! so are records behind a failure that leaves something out.

use archiver_format::line::{Encoder, RefusedRecord};
use archiver_format::position::{Position, Positions};
use archiver_format::record::{NextOffset, Partition, Record};

use super::window::{Progress, Verdict};
use crate::observe::status::WindowRead;
use crate::segment::batch::Batch;
use crate::segment::router::Router;
use crate::source::cluster::{Fetched, KafkaError, Reader};

/// A batch of few parts holds at most so many bytes, unless one record alone is larger.
pub const BATCH_BYTES: usize = 1 << 20;
/// For each so many parts that a batch has it may hold as much again, up to so many times.
const PARTS: usize = 32;
const SPREAD_MOST: usize = 4;
/// Smaller batches wait for the flush, so that a trickle doesn't become many small members.
const QUIET_BYTES: usize = 64 << 10;
/// How many records are taken at once, at most.
const TAKE_MOST: usize = 500;

/// An archive's reader, and the records that were taken from it and not submitted yet.
pub(super) struct Intake {
    /// Delivers the records that have arrived.
    pub reader: Box<dyn Reader>,
    /// Where each partition stands: behind the last record that was taken.
    positions: Positions,
    /// Says which way each record goes.
    router: Router,
    /// Makes the lines.
    encoder: Encoder,
    /// How far it is in its window, if it has one.
    window: Option<Progress>,
    /// The batch that is being filled.
    pub batch: Batch,
    /// More may have arrived than was taken.
    pub more: bool,
    /// Nothing is being read: the archive couldn't take its records, and others waited for their memory.
    is_let_go: bool,
    /// The batch is to be submitted as soon as the pipeline has room.
    pub flush_due: bool,
    /// Nothing was taken since the last look.
    quiet: bool,
    /// A batch of so many bytes is submitted early, when nothing more comes.
    worth_writing: usize,
}

/// The result of one take.
#[derive(Default)]
pub(super) struct Taken {
    /// How many records, of those that had arrived.
    pub count: usize,
    /// Batches that became full.
    pub full: Vec<Batch>,
    /// Partitions that can't be read.
    pub failed: Vec<(Partition, KafkaError)>,
    /// A record that the archive must not go beyond.
    pub refused: Option<RefusedRecord>,
    /// Partitions that have nothing more before an offset at present.
    pub ended: Vec<(Partition, NextOffset)>,
    /// A record that fills a batch alone: its partition, its offset and its size in bytes.
    pub large: Option<(Partition, i64, usize)>,
}

impl Intake {
    /// The intake from a reader that was started at these positions.
    pub fn new(
        reader: Box<dyn Reader>,
        positions: Positions,
        router: Router,
        encoder: Encoder,
        window: Option<Progress>,
    ) -> Self {
        Self {
            reader,
            positions,
            router,
            encoder,
            window,
            batch: Batch::default(),
            more: true,
            is_let_go: false,
            flush_due: false,
            quiet: false,
            // The first batch may be of any size.
            worth_writing: 1,
        }
    }

    /// Where each partition stands.
    pub fn positions(&self) -> &Positions {
        &self.positions
    }

    /// Where one partition stands.
    pub fn position(&self, partition: Partition) -> Position {
        self.positions.get(partition).unwrap_or_default()
    }

    /// Moves a partition: there is a gap, or it is new.
    pub fn put(&mut self, partition: Partition, position: Position) {
        self.positions.set(partition, position);
    }

    /// Takes some of the records that have arrived. A batch that follows a full one reserves `room` bytes at once, as
    /// growing would copy every byte again.
    pub fn take(&mut self, room: usize) -> Taken {
        let (batch, positions) = (&mut self.batch, &mut self.positions);
        let (router, encoder) = (&mut self.router, &mut self.encoder);
        let window = &mut self.window;
        let (mut taken, mut records) = (Taken::default(), 0);
        // Records come in runs of one partition: its position is noted at the end of the run.
        let mut run = None::<(Partition, Position)>;
        let count = self.reader.take(TAKE_MOST, &mut |fetched| match fetched {
            Fetched::Record(record) => {
                if run.is_none_or(|(partition, _)| partition != record.partition) {
                    if let Some((partition, at)) = run.take() {
                        positions.set(partition, at);
                    }
                    let at = positions.get(record.partition);
                    run = at.map(|at| (record.partition, at));
                }
                let Some((_, at)) = &mut run else { return };
                if record.offset < at.next.get() || taken.is_barred(&record) {
                    return;
                }
                match window.as_mut().map(|window| window.judge(&record)) {
                    None | Some(Verdict::Taken) => {}
                    Some(Verdict::Beyond) => return,
                    Some(Verdict::LeftOut) => {
                        batch.skip(&record, at.next);
                        *at = Position::after(&record);
                        return;
                    }
                }
                let size = encoder.size(&record);
                let length = batch.len() + size;
                if length > BATCH_BYTES && !batch.is_empty() && length > most(batch) {
                    let full = std::mem::replace(batch, Batch::with_room(room));
                    taken.full.push(full);
                }
                let route = router.route(&record);
                if size > BATCH_BYTES {
                    batch.reserve(route, size);
                    taken.large = Some((record.partition, record.offset, size));
                }
                match batch.push(route, &record, at.next, encoder) {
                    Ok(()) => *at = Position::after(&record),
                    Err(e) => taken.refused = Some(e),
                }
                records += 1;
            }
            Fetched::Failed(partition, e) => taken.failed.push((partition, e)),
            Fetched::End(partition, at) => taken.ended.push((partition, at)),
        });
        if let Some((partition, at)) = run {
            positions.set(partition, at);
        }
        taken.count = count;
        if records > 0 {
            self.quiet = false;
        }
        self.more = count > 0;
        taken
    }

    /// Is it worth looking whether more comes? Nothing has for the moment, and the batch is large enough to go out.
    pub fn may_be_quiet(&self) -> bool {
        !self.more && self.batch.len() >= self.worth_writing
    }

    /// Looks whether more has come since the last look. If not, the batch is due: at the end of a backlog nobody should
    /// wait for the last records.
    pub fn look_if_quiet(&mut self) {
        self.flush_due |= std::mem::replace(&mut self.quiet, true);
        if self.flush_due {
            self.worth_writing = QUIET_BYTES;
        }
    }

    /// Is nothing being read, so that others have the memory?
    pub fn is_let_go(&self) -> bool {
        self.is_let_go
    }

    /// Stops reading, and drops the records that have arrived.
    pub fn let_go(&mut self) {
        if !self.is_let_go {
            self.is_let_go = true;
            let partitions = self.positions.partitions().collect::<Vec<_>>();
            self.reader.stop(&partitions);
        }
    }

    /// Reads on where it had let go.
    pub fn go_on(&mut self) -> Result<(), KafkaError> {
        match std::mem::replace(&mut self.is_let_go, false) {
            true => self.reader.start(&self.reading()),
            false => Ok(()),
        }
    }

    /// The partitions that are read on, and where.
    fn reading(&self) -> Positions {
        match &self.window {
            Some(window) => window.reading(&self.positions),
            None => self.positions.clone(),
        }
    }

    /// Stops reading partitions whose window is over: those that were read to their ends, or `said` to have nothing
    /// before them.
    pub fn end_partitions(&mut self, said: &[(Partition, NextOffset)]) {
        let Some(window) = &mut self.window else {
            return;
        };
        let over = window.newly_over(&self.positions, said);
        if !over.is_empty() && !self.is_let_go {
            self.reader.stop(&over);
        }
    }

    /// Has all of its window been taken?
    pub fn is_complete(&self) -> bool {
        self.window.as_ref().is_some_and(Progress::is_complete)
    }

    /// Are partitions read that come into being later?
    pub fn takes_new(&self) -> bool {
        self.window.as_ref().is_none_or(Progress::takes_new)
    }

    /// What was read of its window, if it has one.
    pub fn window_read(&self) -> Option<&WindowRead> {
        self.window.as_ref().map(Progress::read)
    }
}

/// How many bytes a batch holds at most. What is spread over many segments may be more, as each part of it is written by
/// itself.
fn most(batch: &Batch) -> usize {
    BATCH_BYTES * (batch.spread() / PARTS).clamp(1, SPREAD_MOST)
}

impl Taken {
    /// Must this record be skipped, because the same take met a failure before it?
    fn is_barred(&self, record: &Record<'_>) -> bool {
        let leaves_out =
            |(partition, e): &(_, KafkaError)| *partition == record.partition && e.is_corrupt();
        self.refused.is_some() || self.failed.iter().any(leaves_out)
    }
}
