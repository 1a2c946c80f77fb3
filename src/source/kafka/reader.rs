//! One archive's reader: its inbox, and its topic on each client that reads some of its partitions.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use archiver_format::position::Positions;
use archiver_format::record::Partition;
use tokio::sync::Notify;

use super::feed::Feed;
use super::inbox::Inbox;
use super::native::Topic;
use super::window::Window;
use crate::source::cluster::{Fetched, KafkaError, Reader};

/// About how many bytes are taken at once at most: one record, however large, or a batch's worth.
const TAKE_BYTES: usize = 1 << 20;

/// Reads the partitions of one topic through several clients.
pub(super) struct KafkaReader(Arc<Reads>);

/// What an archive reads, whatever clients it reads through.
pub(super) struct Reads {
    name: String,
    inbox: Arc<Inbox>,
    state: Mutex<State>,
}

struct State {
    /// The clients; none while others are being made.
    feeds: Vec<Arc<Feed>>,
    /// The topic on each of them that reads some of it.
    topics: Vec<Option<Topic>>,
    /// Where each partition goes on that is being read.
    positions: Positions,
    /// What could not be read on when the clients were others.
    failed: Vec<(Partition, KafkaError)>,
}

impl KafkaReader {
    /// Reads nothing yet.
    pub fn new(name: &str, feeds: Vec<Arc<Feed>>, window: &Window) -> Self {
        Self(Arc::new(Reads {
            name: name.into(),
            inbox: Inbox::new(window),
            state: Mutex::new(State {
                topics: feeds.iter().map(|_| None).collect(),
                feeds,
                positions: Positions::default(),
                failed: Vec::new(),
            }),
        }))
    }

    /// What it reads.
    pub fn reads(&self) -> &Arc<Reads> {
        &self.0
    }
}

impl Reads {
    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets go of the clients, and of what has arrived from them. Blocks until they have let go of it.
    pub fn suspend(&self) {
        let mut state = self.locked();
        let (feeds, topics) = (
            std::mem::take(&mut state.feeds),
            std::mem::take(&mut state.topics),
        );
        for (topic, feed) in topics.into_iter().zip(&feeds) {
            if let Some(topic) = topic {
                feed.forget(topic.key());
            }
        }
        // What had left the queues before is in the inbox then.
        feeds.iter().for_each(|feed| feed.settle());
        // What was said of the clients before says nothing of others.
        state.failed.clear();
        self.inbox.clear();
    }

    /// Reads on through these clients, as if they were those before.
    pub fn resume(&self, feeds: &[Arc<Feed>]) {
        let mut state = self.locked();
        let state = &mut *state;
        state.topics = feeds.iter().map(|_| None).collect();
        state.feeds = feeds.to_vec();
        let from = state.positions.clone();
        if let Err(e) = self.start(state, &from) {
            let failed = from.partitions().map(|partition| (partition, e.clone()));
            state.failed.extend(failed);
            self.inbox.arrived().notify_one();
        }
    }

    /// Starts partitions on the clients that read them. Without clients it is done when there are some again.
    fn start(&self, state: &mut State, from: &Positions) -> Result<(), KafkaError> {
        let clients = state.feeds.len();
        if clients == 0 {
            return Ok(());
        }
        let mut dealt = vec![Positions::default(); clients];
        for (partition, position) in from.iter() {
            dealt[deal(&self.name, partition, clients)].set(partition, position);
        }
        for (index, from) in dealt.into_iter().enumerate() {
            if from.is_empty() {
                continue;
            }
            let topic = match &mut state.topics[index] {
                Some(topic) => topic,
                none => none.insert(state.feeds[index].topic(&self.name, &self.inbox)?),
            };
            topic.start(&from)?;
        }
        Ok(())
    }
}

impl Reader for KafkaReader {
    fn start(&mut self, from: &Positions) -> Result<(), KafkaError> {
        let mut state = self.0.locked();
        for (partition, position) in from.iter() {
            state.positions.set(partition, position);
        }
        self.0.start(&mut state, from)
    }

    fn stop(&mut self, partitions: &[Partition]) {
        let mut state = self.0.locked();
        let state = &mut *state;
        for &partition in partitions {
            state.positions.remove(partition);
            if !state.feeds.is_empty() {
                let index = deal(&self.0.name, partition, state.feeds.len());
                if let Some(topic) = &mut state.topics[index] {
                    topic.stop(partition);
                }
            }
        }
        state
            .failed
            .retain(|(partition, _)| !partitions.contains(partition));
        // Nothing of them leaves the queues any more: what had left them before is in the inbox then.
        state.feeds.iter().for_each(|feed| feed.settle());
        self.0.inbox.remove(partitions);
    }

    fn arrived(&self) -> Arc<Notify> {
        self.0.inbox.arrived()
    }

    fn take(&mut self, most: usize, each: &mut dyn FnMut(Fetched<'_>)) -> usize {
        let mut state = self.0.locked();
        let State {
            positions, failed, ..
        } = &mut *state;
        for (partition, e) in failed.drain(..) {
            each(Fetched::Failed(partition, e));
        }
        self.0
            .inbox
            .take(most, TAKE_BYTES, each, &mut |partition, position| {
                if positions.get(partition).is_some() {
                    positions.set(partition, position);
                }
            })
    }

    fn waiting(&self) -> usize {
        self.0.inbox.len()
    }

    fn is_pressed(&self) -> bool {
        self.0.inbox.is_pressed()
    }
}

impl Drop for KafkaReader {
    fn drop(&mut self) {
        self.0.locked().positions = Positions::default();
        self.0.suspend();
    }
}

/// Which of so many clients reads a partition of a topic: they are dealt out evenly, topics of one partition too.
fn deal(topic: &str, partition: Partition, clients: usize) -> usize {
    let mut hasher = DefaultHasher::new();
    topic.hash(&mut hasher);
    let first = hasher.finish() % clients as u64;
    (first as usize + partition.unsigned_abs() as usize) % clients
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_are_dealt_out_evenly_and_so_are_topics_of_one_partition() {
        for clients in 1..=4 {
            let mut of_first = vec![0; clients];
            for topic in (0..100).map(|number| format!("topic-{number}")) {
                of_first[deal(&topic, 0, clients)] += 1;
                let mut of_all = vec![0; clients];
                (0..12).for_each(|partition| of_all[deal(&topic, partition, clients)] += 1);
                assert_eq!(of_all, vec![12 / clients; clients], "{topic}");
            }
            let fair = 100 / clients;
            let is_fair = |&topics: &usize| topics > fair / 2 && topics < 2 * fair;
            assert!(of_first.iter().all(is_fair), "{of_first:?}");
        }
    }
}
