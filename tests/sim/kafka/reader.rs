//! A reader that behaves as Kafka's client does: it fetches ahead, and goes on at the old offset when a topic was
//! created again.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use archiver_format::position::{Position, Positions};
use archiver_format::record::{NextOffset, Partition};
use tokio::sync::Notify;

use super::{Kafka, Offset, Topic, Written, error};
use crate::sim::disk::Mutation;
use crate::sim::random::Random;
use crate::source::cluster::{Fetched, KafkaError, Reader, Trouble};

/// How many records are fetched ahead, at most.
const AHEAD_MOST: usize = 60;

/// What a reader has received.
#[derive(Debug)]
pub struct Queue {
    topic: String,
    arrived: Arc<Notify>,
    /// Where each partition is fetched from next; `None` after an error that ends its fetching.
    from: BTreeMap<Partition, Option<Position>>,
    items: VecDeque<(Partition, Item)>,
    /// Where each partition was said to have nothing more.
    ended: BTreeMap<Partition, Offset>,
}

#[derive(Debug)]
enum Item {
    Record(Written),
    Failed(KafkaError),
    End(NextOffset),
}

/// A reader of one topic.
pub struct SimReader {
    queue: Arc<Mutex<Queue>>,
    pressed_once_in: usize,
    /// See [`Kafka::dropped`].
    dropped: Arc<AtomicU64>,
    random: Random,
    mutation: Option<Mutation>,
}

impl SimReader {
    pub fn new(topic: &str, kafka: &Kafka, random: Random, mutation: Option<Mutation>) -> Self {
        let queue = Queue {
            topic: topic.into(),
            arrived: Arc::default(),
            from: BTreeMap::new(),
            items: VecDeque::new(),
            ended: BTreeMap::new(),
        };
        Self {
            queue: Arc::new(Mutex::new(queue)),
            pressed_once_in: kafka.pressed_once_in,
            dropped: Arc::clone(&kafka.dropped),
            random,
            mutation,
        }
    }

    pub fn queue(&self) -> Weak<Mutex<Queue>> {
        Arc::downgrade(&self.queue)
    }

    fn locked(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Item {
    /// Does it outlive a stop? The client can't tell such an error of an earlier start from one of the present one.
    fn is_ageless(&self) -> bool {
        let lost = |kind| matches!(kind, Trouble::Truncated { .. } | Trouble::OutOfRange);
        matches!(self, Self::Failed(e) if lost(e.kind))
    }
}

impl Queue {
    /// Up to where each partition of a topic has been received.
    pub fn received(&self, topic: &str) -> BTreeMap<Partition, Offset> {
        if self.topic != topic {
            return BTreeMap::new();
        }
        let received = |(&partition, at): (&Partition, &Option<Position>)| {
            Some((partition, (*at)?.next.get()))
        };
        self.from.iter().filter_map(received).collect()
    }

    /// Receives what the cluster has for it, or some of it.
    pub fn fetch(&mut self, kafka: &Kafka, random: &Random) {
        if kafka.holds_back {
            return;
        }
        let was_empty = self.items.is_empty();
        let topic = kafka.answering().get(&self.topic).and_then(Topic::now);
        let mut from = std::mem::take(&mut self.from);
        for (&partition, fetched) in &mut from {
            let Some(position) = fetched else { continue };
            let at = *position;
            let mut next = at.next.get();
            if random.once_in(3) {
                continue;
            }
            let failed = random.once_in(kafka.errors_once_in);
            let log = topic.and_then(|life| life.partition(partition));
            let (trouble, ends) = match log {
                _ if kafka.unreachable => (Some(Trouble::Unreachable), false),
                _ if kafka.denied => (Some(Trouble::Denied), false),
                _ if failed => (Some(Trouble::Other), false),
                None => (Some(Trouble::Missing), false),
                Some(log) if log.leaderless => (Some(Trouble::Other), false),
                Some(log) if log.lacks_epoch(at) => (Some(Trouble::OutOfRange), true),
                Some(log) if let Some(from) = log.parts_before(at) => {
                    (Some(Trouble::Truncated { at, from }), true)
                }
                Some(log) if next < log.start || next > log.end() || log.refuses => {
                    (Some(Trouble::OutOfRange), true)
                }
                Some(_) => (None, false),
            };
            if let Some(trouble) = trouble {
                // Told once in a while, not at each try.
                if ends || random.once_in(4) {
                    self.items
                        .push_back((partition, Item::Failed(error(trouble))));
                }
                if ends {
                    *fetched = None;
                }
                continue;
            }
            for _ in 0..random.between(1, 20) {
                if self.items.len() >= AHEAD_MOST {
                    break;
                }
                if let Some(batch) = log.and_then(|log| log.corrupt_from(next)) {
                    let begins = NextOffset::new(batch.start);
                    let trouble = error(Trouble::Corrupt(Some(begins)));
                    self.items.push_back((partition, Item::Failed(trouble)));
                    // The client leaves it out.
                    next = batch.end;
                    position.next = NextOffset::new(next);
                }
                let Some(written) = log.and_then(|log| log.next(next)) else {
                    let end = log.map(|log| log.visible);
                    // Told once for each end.
                    let is_news = |end: &Offset| self.ended.insert(partition, *end) != Some(*end);
                    let end = end.filter(is_news);
                    let end = end.map(|end| (partition, Item::End(NextOffset::new(end))));
                    self.items.extend(end);
                    break;
                };
                next = written.offset + 1;
                *position = Position {
                    next: NextOffset::new(next),
                    epoch: Some(written.epoch),
                };
                let record = Item::Record(written.clone());
                self.items.push_back((partition, record));
            }
        }
        self.from = from;
        // Once in a while an edge is lost.
        if was_empty && !self.items.is_empty() && !random.once_in(50) {
            self.arrived.notify_one();
        }
    }
}

impl Reader for SimReader {
    fn start(&mut self, from: &Positions) -> Result<(), KafkaError> {
        let knows_epochs = self.mutation != Some(Mutation::NoLeaderEpoch);
        let from = from.iter().map(|(partition, at)| match knows_epochs {
            true => (partition, Some(at)),
            false => (partition, Some(at.next.into())),
        });
        self.locked().from.extend(from);
        Ok(())
    }

    fn stop(&mut self, partitions: &[Partition]) {
        let mut queue = self.locked();
        queue.from.retain(|of, _| !partitions.contains(of));
        queue.ended.retain(|of, _| !partitions.contains(of));
        let before = queue.items.len();
        queue
            .items
            .retain(|(of, item)| !partitions.contains(of) || item.is_ageless());
        let dropped = before - queue.items.len();
        self.dropped.fetch_add(dropped as u64, Ordering::Relaxed);
    }

    fn arrived(&self) -> Arc<Notify> {
        Arc::clone(&self.locked().arrived)
    }

    fn take(&mut self, most: usize, each: &mut dyn FnMut(Fetched<'_>)) -> usize {
        let mut queue = self.locked();
        let most = most.min(queue.items.len());
        let taken = if most == 0 {
            0
        } else {
            self.random.between(1, most)
        };
        for (partition, item) in queue.items.drain(..taken) {
            each(match &item {
                Item::Record(written) => Fetched::Record(written.record(partition)),
                Item::Failed(e)
                    if e.is_corrupt() && self.mutation == Some(Mutation::UnseenCorrupt) =>
                {
                    continue;
                }
                Item::Failed(e) => Fetched::Failed(partition, e.clone()),
                Item::End(at) => Fetched::End(partition, *at),
            });
        }
        taken
    }

    fn waiting(&self) -> usize {
        self.locked().items.len()
    }

    fn is_pressed(&self) -> bool {
        !self.locked().items.is_empty() && self.random.once_in(self.pressed_once_in)
    }
}
