//! One archive's reader: a queue on each client that reads some of its partitions.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::native::{Client, Queue, Topic};
use crate::cluster::{Fetched, KafkaError, Reader};
use crate::record::{Partition, Places};

/// Reads the partitions of one topic through several clients.
pub(super) struct KafkaReader {
    topic: String,
    clients: Vec<Arc<Client>>,
    queues: Vec<Option<Queue>>,
    arrived: Arc<Notify>,
    /// The queue to look at first, so that none is starved.
    turn: usize,
}

impl KafkaReader {
    /// Reads nothing yet.
    pub fn new(topic: &str, clients: Vec<Arc<Client>>) -> Self {
        Self {
            topic: topic.into(),
            queues: clients.iter().map(|_| None).collect(),
            clients,
            arrived: Arc::new(Notify::new()),
            turn: 0,
        }
    }

    /// Which client reads a partition: they are dealt out evenly, topics of one partition too.
    fn deal(&self, partition: Partition) -> usize {
        let mut hasher = DefaultHasher::new();
        self.topic.hash(&mut hasher);
        let first = hasher.finish() % self.clients.len() as u64;
        (first as usize + partition.unsigned_abs() as usize) % self.clients.len()
    }
}

impl Reader for KafkaReader {
    fn start(&mut self, from: &Places) -> Result<(), KafkaError> {
        let mut dealt = vec![Places::new(); self.clients.len()];
        for (&partition, &place) in from {
            dealt[self.deal(partition)].insert(partition, place);
        }
        for (index, from) in dealt.into_iter().enumerate() {
            if from.is_empty() {
                continue;
            }
            let queue = match &mut self.queues[index] {
                Some(queue) => queue,
                none => {
                    let topic = Topic::new(Arc::clone(&self.clients[index]), &self.topic)?;
                    none.insert(Queue::new(topic, Arc::clone(&self.arrived)))
                }
            };
            queue.start(&from)?;
        }
        Ok(())
    }

    fn stop(&mut self, partition: Partition) {
        let index = self.deal(partition);
        if let Some(queue) = &mut self.queues[index] {
            queue.stop(partition);
        }
    }

    fn arrived(&self) -> Arc<Notify> {
        Arc::clone(&self.arrived)
    }

    fn take(&mut self, most: usize, each: &mut dyn FnMut(Fetched<'_>)) -> usize {
        for step in 0..self.queues.len() {
            let index = (self.turn + step) % self.queues.len();
            let Some(queue) = &mut self.queues[index] else {
                continue;
            };
            let taken = queue.take(Duration::ZERO, most, each);
            if taken > 0 {
                self.turn = index + 1;
                return taken;
            }
        }
        0
    }

    fn waiting(&self) -> usize {
        self.queues.iter().flatten().map(Queue::len).sum()
    }
}
