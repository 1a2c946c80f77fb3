//! Reading a topic: what has arrived is printed, and beside that the topic is looked at again and again: for new
//! partitions, for offsets that are gone, and whether it is still the same one.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use archiver_format::position::Positions;
use archiver_format::record::{NextOffset, Partition};

use super::watched::{AGAIN, Watched, asked, wanted};
use crate::logging;
use crate::source::cluster::{Cluster, Fetched, KafkaError, Reader, Topic, Trouble};
use crate::source::kafka::Seat;
use crate::world::clock::{Clock, RealClock};

/// How often it is looked at.
const LOOK: Duration = Duration::from_secs(3);
/// So many records are taken before others have a turn.
const TAKE_MOST: usize = 10_000;

/// Why a topic is read no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// As many records were printed as are wanted.
    Enough,
    /// There is none any more.
    Deleted,
    /// There is another one of that name.
    Recreated,
}

/// A topic that is being read.
pub(super) struct Reading<'w, 'p> {
    of: &'w mut Watched<'p>,
    topic: Topic,
    reader: Box<dyn Reader>,
    next: Positions,
    /// Partitions that can't be read on where they stand, and why.
    lost: BTreeMap<Partition, Trouble>,
}

/// What a look has found.
struct Look {
    topic: Topic,
    /// Of each partition that was lost, what the brokers hold of it.
    held: BTreeMap<Partition, Range<NextOffset>>,
    /// Of those that are damaged, where.
    damaged: BTreeMap<Partition, Range<NextOffset>>,
}

impl<'w, 'p> Reading<'w, 'p> {
    /// By a reader that was started at these positions.
    pub fn new(
        of: &'w mut Watched<'p>,
        topic: Topic,
        reader: Box<dyn Reader>,
        next: Positions,
    ) -> Self {
        Self {
            of,
            topic,
            reader,
            next,
            lost: BTreeMap::new(),
        }
    }

    /// Prints what comes.
    ///
    /// # Errors
    ///
    /// If it can't be read or printed.
    pub async fn run(mut self) -> anyhow::Result<Ended> {
        let arrived = self.reader.arrived();
        let mut is_urgent = false;
        loop {
            // Made anew when something was lost, or after each look.
            let wait = if is_urgent { AGAIN } else { LOOK };
            let lost = self.lost.iter();
            let lost = lost.map(|(of, why)| (*of, (*why, self.next.next(*of))));
            let found = {
                let (seat, name) = (&self.of.seat, self.of.name.as_str());
                // Both are only asked, while the rest is changed.
                let looking = look(seat, name, wait, lost.collect());
                let mut looking = std::pin::pin!(looking);
                let (lines, printer) = (&mut self.of.lines, self.of.printer);
                loop {
                    let received = RealClock.now_ms();
                    let (mut failed, mut troubles) = (None, Vec::new());
                    let next = &mut self.next;
                    let taken = self.reader.take(TAKE_MOST, &mut |fetched| match fetched {
                        Fetched::Record(record) => {
                            next.set(record.partition, record.next().into());
                            if failed.is_none() {
                                let printed = printer.borrow_mut().print(lines, &record, received);
                                failed = printed.err();
                            }
                        }
                        Fetched::Failed(partition, e) => troubles.push((partition, e)),
                        Fetched::End(..) => {}
                    });
                    if let Some(failed) = failed {
                        return Err(failed);
                    }
                    if printer.borrow().is_done() {
                        return Ok(Ended::Enough);
                    }
                    let before = self.lost.len();
                    for (partition, e) in troubles {
                        if is_lost(&e)? {
                            self.lost.insert(partition, e.kind);
                        }
                    }
                    if self.lost.len() > before {
                        break None;
                    }
                    printer.borrow_mut().settle(taken == 0)?;
                    tokio::select! {
                        biased;
                        found = &mut looking => break Some(found),
                        () = tokio::task::yield_now(), if taken > 0 => {}
                        () = arrived.notified(), if taken == 0 => {}
                    }
                }
            };
            is_urgent = found.is_none();
            match found {
                None => {}
                Some(Err(e)) if e.kind == Trouble::Missing => return Ok(Ended::Deleted),
                Some(found) => {
                    if let Some(ended) = self.take_up(found?)? {
                        return Ok(ended);
                    }
                }
            }
        }
    }

    /// Takes up new partitions, and those that were lost where they go on; says if it is another topic.
    fn take_up(&mut self, found: Look) -> anyhow::Result<Option<Ended>> {
        if found.topic.is_behind(&self.topic) {
            return Ok(None);
        }
        let is_smaller = found.topic.partitions < self.topic.partitions;
        if found.topic.is_another(self.topic.id.as_ref()) || is_smaller {
            return Ok(Some(Ended::Recreated));
        }
        let new = self.topic.partitions..found.topic.partitions;
        if !new.is_empty() {
            logging::complain(&format!(
                "topic {}: it has new partitions {} to {}",
                self.of.name,
                new.start,
                new.end - 1
            ));
        }
        let mut start = Positions::default();
        for partition in wanted(self.of.only, new) {
            start.set(partition, NextOffset::ZERO.into());
        }
        for (partition, why) in std::mem::take(&mut self.lost) {
            let to = self.goes_on(partition, why, &found);
            self.reader.stop(&[partition]);
            start.set(partition, to.into());
        }
        if !start.is_empty() {
            for (partition, position) in start.iter() {
                self.next.set(partition, position);
            }
            self.reader.start(&start)?;
        }
        self.topic = found.topic;
        Ok(None)
    }

    /// Where a partition goes on that was lost, and says what is left out by that.
    fn goes_on(&self, partition: Partition, why: Trouble, found: &Look) -> NextOffset {
        let (name, next) = (&self.of.name, self.next.next(partition));
        let Some(held) = found.held.get(&partition) else {
            return next;
        };
        let said = |text: String| {
            logging::complain(&format!("topic {name}: partition {partition}: {text}"))
        };
        let damaged = found.damaged.get(&partition);
        let damaged = damaged.filter(|damaged| damaged.end > next);
        if let Trouble::Truncated { from, .. } = why {
            said(format!(
                "Kafka has lost records from offset {from} on, and may hold others there; going on with those"
            ));
            from.max(held.start).min(held.end)
        } else if let Some(damaged) = damaged {
            said(format!(
                "Kafka holds offsets {} to {} damaged; going on behind them",
                damaged.start.max(next),
                damaged.end
            ));
            damaged.end
        } else if next < held.start {
            said(format!(
                "Kafka deleted what was at offsets {next} to {} before it was read; going on behind that",
                held.start
            ));
            held.start
        } else if next > held.end {
            said(format!(
                "its log ends at {} and was read up to {next}; going on at its end",
                held.end
            ));
            held.end
        } else {
            next
        }
    }
}

/// Does a partition have to be started again after this? Else it goes on by itself.
fn is_lost(e: &KafkaError) -> Result<bool, KafkaError> {
    match e.kind {
        Trouble::Missing
        | Trouble::OutOfRange
        | Trouble::Truncated { .. }
        | Trouble::Corrupt(_) => Ok(true),
        Trouble::Denied | Trouble::NotLetIn => Err(e.clone()),
        Trouble::Unreachable | Trouble::Changing | Trouble::Other => Ok(false),
    }
}

/// Looks at a topic after a while, and at what was lost of it at which place.
async fn look(
    seat: &Seat,
    name: &str,
    wait: Duration,
    lost: BTreeMap<Partition, (Trouble, NextOffset)>,
) -> Result<Look, KafkaError> {
    tokio::time::sleep(wait).await;
    let look = async || {
        let topic = seat.describe(name).await?;
        let there = lost.iter().filter(|(of, _)| **of < topic.partitions);
        let there = there.collect::<BTreeMap<_, _>>();
        let mut damaged = BTreeMap::new();
        for (&&partition, (why, next)) in &there {
            if matches!(why, Trouble::Corrupt(_))
                && let Some(range) = seat.corrupt(name, partition, *next).await?
            {
                damaged.insert(partition, range);
            }
        }
        let partitions = there.into_keys().copied().collect::<Vec<_>>();
        let held = match partitions.is_empty() {
            true => BTreeMap::new(),
            false => seat.offsets(name, partitions).await?,
        };
        Ok(Look {
            topic,
            held,
            damaged,
        })
    };
    asked(&format!("topic {name}"), look).await
}
