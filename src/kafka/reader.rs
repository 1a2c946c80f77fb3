//! One archive's reader: a queue on each client that reads some of its partitions.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use tokio::sync::Notify;

use super::health::Health;
use super::native::{Client, Queue, Topic};
use super::{TIMEOUT, blocking};
use crate::batch::Batch;
use crate::cluster::{Fetched, KafkaError, Reader};
use crate::record::{Partition, Positions};

/// A client and what goes with it.
pub(super) struct Slot {
    pub client: Arc<Client>,
    /// Topics that are about to be read: known to the client with their leaders before the first fetch, for
    /// otherwise that would wait half a second. Asked for together, a thousand topics take one request.
    opening: Batch<String, Result<Topic, KafkaError>>,
}

impl Slot {
    /// Makes a client; it connects by itself. Must be called within a tokio runtime.
    pub fn new(
        properties: &BTreeMap<String, String>,
        health: &Arc<Health>,
    ) -> Result<Arc<Self>, String> {
        let properties = properties.iter().map(|(k, v)| (k.as_str(), v.as_str()));
        let client = Client::new(properties, Box::new(Arc::clone(health)))?;
        let polled = Arc::clone(&client);
        tokio::spawn(async move {
            loop {
                polled.woken().await;
                polled.poll();
            }
        });
        health.watch(&client);
        let opener = Arc::clone(&client);
        let opening = Batch::new(move |topics: Vec<String>| {
            let client = Arc::clone(&opener);
            blocking(move || open(&client, &topics))
        });
        Ok(Arc::new(Self { client, opening }))
    }
}

fn open(client: &Arc<Client>, topics: &[String]) -> Vec<Result<Topic, KafkaError>> {
    let opened = topics
        .iter()
        .map(|topic| Topic::new(Arc::clone(client), topic))
        .collect();
    // Without an answer the client finds the leaders by itself, later.
    let _ = client.refresh_metadata(TIMEOUT);
    opened
}

/// Reads the partitions of one topic through several clients.
pub(super) struct KafkaReader {
    topic: String,
    slots: Vec<Arc<Slot>>,
    queues: Vec<Option<Queue>>,
    arrived: Arc<Notify>,
    /// The queue to look at first, so that none is starved.
    turn: usize,
}

impl KafkaReader {
    /// Starts reading at these offsets.
    pub async fn start(
        topic: &str,
        slots: Vec<Arc<Slot>>,
        from: Positions,
    ) -> Result<Self, KafkaError> {
        let mut reader = Self {
            topic: topic.into(),
            queues: slots.iter().map(|_| None).collect(),
            slots,
            arrived: Arc::new(Notify::new()),
            turn: 0,
        };
        let mut opening = Vec::new();
        for (index, slot) in reader.slots.iter().enumerate() {
            if from.keys().any(|&partition| reader.deal(partition) == index) {
                opening.push((index, slot.opening.ask(topic.to_owned())));
            }
        }
        for (index, opened) in opening {
            let queue = Queue::new(opened.await?, Arc::clone(&reader.arrived));
            reader.queues[index] = Some(queue);
        }
        Reader::start(&mut reader, &from)?;
        Ok(reader)
    }

    /// Which client reads a partition: they are dealt out evenly, topics of one partition too.
    fn deal(&self, partition: Partition) -> usize {
        let mut hasher = DefaultHasher::new();
        self.topic.hash(&mut hasher);
        let first = hasher.finish() % self.slots.len() as u64;
        (first as usize + partition.unsigned_abs() as usize) % self.slots.len()
    }
}

impl Reader for KafkaReader {
    fn start(&mut self, from: &Positions) -> Result<(), KafkaError> {
        let mut dealt = vec![Positions::new(); self.slots.len()];
        for (&partition, &next) in from {
            dealt[self.deal(partition)].insert(partition, next);
        }
        for (index, from) in dealt.into_iter().enumerate() {
            if from.is_empty() {
                continue;
            }
            let queue = match &mut self.queues[index] {
                Some(queue) => queue,
                none => {
                    let topic = Topic::new(Arc::clone(&self.slots[index].client), &self.topic)?;
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
            let taken = queue.take(most, each);
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
