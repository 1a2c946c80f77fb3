//! One archive's reader: its inbox, and its topic on each client that reads some of its partitions.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use archiver_format::position::Positions;
use archiver_format::record::Partition;
use tokio::sync::Notify;

use super::feed::Feed;
use super::inbox::Inbox;
use super::native::Topic;
use super::window::Window;
use crate::cluster::{Fetched, KafkaError, Reader};

/// About how many bytes are taken at once at most: one record, however large, or a chunk's worth.
const TAKE_BYTES: usize = 1 << 20;

/// Reads the partitions of one topic through several clients.
pub(super) struct KafkaReader {
    name: String,
    feeds: Vec<Arc<Feed>>,
    topics: Vec<Option<Topic>>,
    inbox: Arc<Inbox>,
}

impl KafkaReader {
    /// Reads nothing yet.
    pub fn new(name: &str, feeds: Vec<Arc<Feed>>, window: &Window) -> Self {
        Self {
            name: name.into(),
            topics: feeds.iter().map(|_| None).collect(),
            feeds,
            inbox: Inbox::new(window),
        }
    }

    /// Which client reads a partition: they are dealt out evenly, topics of one partition too.
    fn deal(&self, partition: Partition) -> usize {
        let mut hasher = DefaultHasher::new();
        self.name.hash(&mut hasher);
        let first = hasher.finish() % self.feeds.len() as u64;
        (first as usize + partition.unsigned_abs() as usize) % self.feeds.len()
    }
}

impl Reader for KafkaReader {
    fn start(&mut self, from: &Positions) -> Result<(), KafkaError> {
        let mut dealt = vec![Positions::default(); self.feeds.len()];
        for (partition, position) in from.iter() {
            dealt[self.deal(partition)].set(partition, position);
        }
        for (index, from) in dealt.into_iter().enumerate() {
            if from.is_empty() {
                continue;
            }
            let topic = match &mut self.topics[index] {
                Some(topic) => topic,
                none => none.insert(self.feeds[index].topic(&self.name, &self.inbox)?),
            };
            topic.start(&from)?;
        }
        Ok(())
    }

    fn stop(&mut self, partitions: &[Partition]) {
        for &partition in partitions {
            let index = self.deal(partition);
            if let Some(topic) = &mut self.topics[index] {
                topic.stop(partition);
            }
        }
        // Nothing of them leaves the queues any more: what had left them before is in the inbox then.
        self.feeds.iter().for_each(|feed| feed.settle());
        self.inbox.remove(partitions);
    }

    fn arrived(&self) -> Arc<Notify> {
        self.inbox.arrived()
    }

    fn take(&mut self, most: usize, each: &mut dyn FnMut(Fetched<'_>)) -> usize {
        self.inbox.take(most, TAKE_BYTES, each)
    }

    fn waiting(&self) -> usize {
        self.inbox.len()
    }

    fn is_pressed(&self) -> bool {
        self.inbox.is_pressed()
    }
}

impl Drop for KafkaReader {
    fn drop(&mut self) {
        for (topic, feed) in self.topics.iter().zip(&self.feeds) {
            if let Some(topic) = topic {
                feed.forget(topic.key());
            }
        }
    }
}
