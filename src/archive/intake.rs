//! What an archive takes: where each partition stands, and the batch that is being filled.
//!
//! A record is taken once: those before a partition's position are passed over, as are all behind a failure that leaves
//! something out.

use archiver_format::line::{Newline, NewlineInValue};
use archiver_format::position::{Position, Positions};
use archiver_format::record::{Partition, Record};

use crate::segment::batch::Batch;
use crate::segment::writer::ONLY;
use crate::source::cluster::{Fetched, KafkaError, Reader};

/// A batch holds at most this much, unless one record alone is larger.
pub const BATCH_BYTES: usize = 1 << 20;
/// Smaller batches wait for the flush, so that a trickle doesn't become many small members.
const QUIET_BYTES: usize = 64 << 10;
/// How many records are taken at once, at most.
const TAKE_MOST: usize = 500;

/// What an archive takes.
pub(super) struct Intake {
    pub reader: Box<dyn Reader>,
    /// Where each partition is, as taken.
    positions: Positions,
    pub batch: Batch,
    /// More may have arrived than was taken.
    pub more: bool,
    /// Nothing is being read: the archive could not take what had arrived, and others were waiting for the room.
    is_let_go: bool,
    /// The batch is to be written as soon as there is room.
    pub flush_due: bool,
    /// Nothing was taken since the last look at it.
    quiet: bool,
    /// A batch of so many bytes is written when nothing more comes.
    worth_writing: usize,
}

/// What was taken at once.
#[derive(Default)]
pub(super) struct Taken {
    /// How many of those that had arrived.
    pub count: usize,
    /// The batches that are full.
    pub full: Vec<Batch>,
    /// Partitions that could not be read.
    pub failed: Vec<(Partition, KafkaError)>,
    /// A record that the archive must not go beyond.
    pub refused: Option<NewlineInValue>,
    /// A record that fills a batch alone: its partition, its offset and its size in bytes.
    pub large: Option<(Partition, i64, usize)>,
}

impl Intake {
    /// What a reader delivers that was started at these positions.
    pub fn new(reader: Box<dyn Reader>, positions: Positions) -> Self {
        Self {
            reader,
            positions,
            batch: Batch::default(),
            more: true,
            is_let_go: false,
            flush_due: false,
            quiet: false,
            // The first of it need not be much.
            worth_writing: 1,
        }
    }

    /// Where each partition is, as taken.
    pub fn positions(&self) -> &Positions {
        &self.positions
    }

    /// Where a partition is to be read on.
    pub fn position(&self, partition: Partition) -> Position {
        self.positions.get(partition).unwrap_or_default()
    }

    /// Puts a partition somewhere else: there is a gap, or it is new.
    pub fn put(&mut self, partition: Partition, position: Position) {
        self.positions.set(partition, position);
    }

    /// Takes some of what has arrived. A batch that follows a full one has `room` for so many bytes from the start, as
    /// growing copies every byte again.
    pub fn take(&mut self, newline: Newline, room: usize) -> Taken {
        let (batch, positions) = (&mut self.batch, &mut self.positions);
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
                let size = record.value.map_or(1, |value| value.len() + 1);
                if !batch.is_empty() && batch.len() + size > BATCH_BYTES {
                    let full = std::mem::replace(batch, Batch::with_room(room));
                    taken.full.push(full);
                }
                if size > BATCH_BYTES {
                    batch.reserve(ONLY, size);
                    taken.large = Some((record.partition, record.offset, size));
                }
                match batch.push(ONLY, &record, at.next, newline) {
                    Ok(()) => *at = Position::after(&record),
                    Err(e) => taken.refused = Some(e),
                }
                records += 1;
            }
            Fetched::Failed(partition, e) => taken.failed.push((partition, e)),
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

    /// Is it worth a look whether more has come, as nothing has for the moment?
    pub fn may_be_quiet(&self) -> bool {
        !self.more && self.batch.len() >= self.worth_writing
    }

    /// Looks whether more has come since the last look; if not, the batch is due: at the end of a backlog nobody should
    /// wait for the last of it.
    pub fn look_if_quiet(&mut self) {
        self.flush_due |= std::mem::replace(&mut self.quiet, true);
        if self.flush_due {
            self.worth_writing = QUIET_BYTES;
        }
    }

    /// Is nothing being read, so that others have the room?
    pub fn is_let_go(&self) -> bool {
        self.is_let_go
    }

    /// Stops reading, and drops what has arrived.
    pub fn let_go(&mut self) {
        if !self.is_let_go {
            self.is_let_go = true;
            let partitions = self.positions.partitions().collect::<Vec<_>>();
            self.reader.stop(&partitions);
        }
    }

    /// Reads on where it has let go.
    pub fn go_on(&mut self) -> Result<(), KafkaError> {
        match std::mem::replace(&mut self.is_let_go, false) {
            true => self.reader.start(&self.positions),
            false => Ok(()),
        }
    }
}

impl Taken {
    /// Must this record not be taken, for what came before it at once?
    fn is_barred(&self, record: &Record<'_>) -> bool {
        let leaves_out =
            |(partition, e): &(_, KafkaError)| *partition == record.partition && e.is_corrupt();
        self.refused.is_some() || self.failed.iter().any(leaves_out)
    }
}
