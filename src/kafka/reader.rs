//! One archive's reader: its inbox, and its topic on each client that reads some of its partitions.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use tokio::sync::Notify;

use super::feed::Feed;
use super::inbox::Inbox;
use super::native::Topic;
use super::window::Window;
use crate::cluster::{Fetched, KafkaError, Reader};
use crate::record::{Partition, Places};

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
    fn start(&mut self, from: &Places) -> Result<(), KafkaError> {
        let mut dealt = vec![Places::new(); self.feeds.len()];
        for (&partition, &place) in from {
            dealt[self.deal(partition)].insert(partition, place);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::limits::Limits;
    use crate::kafka::native::Client;
    use crate::kafka::tests::Quiet;

    #[tokio::test]
    async fn partitions_are_dealt_out_evenly_and_so_are_topics_of_one_partition() {
        let window = Limits::window(64 << 20);
        let client = Client::new([("bootstrap.servers", "localhost:1")], Box::new(Quiet));
        let feed = Feed::new(client.expect("a client"), window.clone());
        for clients in 1..=4 {
            let feeds = vec![Arc::clone(&feed); clients];
            let mut of_first = vec![0; clients];
            for topic in 0..100 {
                let reader = KafkaReader::new(&format!("topic-{topic}"), feeds.clone(), &window);
                of_first[reader.deal(0)] += 1;
                let mut of_all = vec![0; clients];
                (0..12).for_each(|partition| of_all[reader.deal(partition)] += 1);
                assert_eq!(of_all, vec![12 / clients; clients], "topic {topic}");
            }
            let fair = 100 / clients;
            let is_fair = |&topics: &usize| topics > fair / 2 && topics < 2 * fair;
            assert!(of_first.iter().all(is_fair), "{of_first:?}");
        }
    }
}
