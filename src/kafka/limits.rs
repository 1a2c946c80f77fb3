//! How much librdkafka may hold: its queues and fetches, out of one budget for the process.

use super::window::Window;

/// What the clients of one cluster may hold.
#[derive(Debug, Clone)]
pub struct Limits {
    /// How many clients read each partition's topic.
    pub connections: usize,
    /// What may have arrived, in the whole process.
    pub window: Window,
    queue_bytes: u64,
    /// Of all brokers' responses.
    fetch_bytes: u64,
}

/// librdkafka's own memory for a record beside its key and value: about 300 bytes, and its share of the
/// response that it came in.
pub(super) const RECORD_OVERHEAD: usize = 512;

/// The window's share of the memory limit.
const WINDOW_PART: u64 = 10;
/// More in one inbox only makes the caches colder.
const INBOX_MOST: u64 = 4 << 20;
const INBOX_PART: u64 = 64;
/// The share of all clients' queues together.
const QUEUES_PART: u64 = 24;
const QUEUE_MOST: u64 = 16 << 20;
/// The share of one response of each broker to each client, as all may answer at the same time: compressed it may hold
/// ten times as much, and each record adds librdkafka's own memory.
const RESPONSES_PART: u64 = 20;
const RESPONSE_LEAST: u64 = 256 << 10;
const RESPONSE_MOST: u64 = 8 << 20;
/// A broker fills a response in the order of the partitions, so a few that have a backlog must not fill it: the others
/// would wait until the order has gone round.
const PARTITIONS_LEAST: u64 = 3;
/// More doesn't make reading faster, less does where producers send large batches: a broker adds whole ones.
const FETCH_MOST: u64 = 2 << 20;

impl Limits {
    /// How much may have arrived in a process that may hold `memory` bytes.
    pub fn window(memory: u64) -> Window {
        Window::new(memory / WINDOW_PART, (memory / INBOX_PART).min(INBOX_MOST))
    }

    /// Divides the clients' part of `memory` among them.
    pub fn new(memory: u64, connections: usize, clients: usize, window: Window) -> Self {
        let clients = clients.max(1) as u64;
        let queue_bytes = memory / QUEUES_PART / clients;
        Self {
            connections: connections.max(1),
            window,
            queue_bytes: queue_bytes.clamp(RESPONSE_LEAST, QUEUE_MOST),
            fetch_bytes: memory / RESPONSES_PART / clients,
        }
    }

    /// The same as librdkafka properties, of a client that so many brokers may answer at the same time.
    pub(super) fn properties(&self, brokers: usize) -> Vec<(&'static str, u64)> {
        let response = self.fetch_bytes / brokers.max(1) as u64;
        let response = response.clamp(RESPONSE_LEAST, RESPONSE_MOST);
        let of_partition = (response / PARTITIONS_LEAST).clamp(RESPONSE_LEAST, FETCH_MOST);
        let records = self.queue_bytes / RECORD_OVERHEAD as u64;
        let kilobytes = self.queue_bytes / 2 / 1024;
        vec![
            ("queued.min.messages", records.clamp(1, 10_000_000)),
            ("queued.max.messages.kbytes", kilobytes.max(1)),
            ("fetch.message.max.bytes", of_partition),
            ("fetch.max.bytes", response),
            // What a producer may send, but no client is made whose responses are smaller.
            ("message.max.bytes", of_partition),
            // A full queue empties within milliseconds.
            ("fetch.queue.backoff.ms", 2),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_responses_of_all_brokers_together_have_their_share_of_the_memory() {
        let memory = 256 << 20;
        for (connections, brokers) in [(1, 1), (2, 1), (2, 3), (4, 6), (2, 10)] {
            let limits = Limits::new(memory, connections, connections, Limits::window(memory));
            let properties = limits.properties(brokers);
            let (_, response) = properties
                .iter()
                .find(|(key, _)| *key == "fetch.max.bytes")
                .unwrap();
            let together = response * (connections * brokers) as u64;
            assert!(
                together <= memory / RESPONSES_PART,
                "{brokers} brokers: {together} B"
            );
            assert!(
                *response == RESPONSE_MOST || together > memory / RESPONSES_PART * 9 / 10,
                "{brokers} brokers take {together} B, and may take more"
            );
        }
    }

    #[test]
    fn one_inbox_may_hold_a_part_of_the_memory_and_no_more_than_is_of_use() {
        for (memory, most) in [(64 << 20, 1 << 20), (1 << 30, 4 << 20), (8 << 30, 4 << 20)] {
            let window = Limits::window(memory);
            let mut share = window.share();
            share.set(most);
            assert!(!window.is_full(), "{memory}: {window:?}");
            share.set(most + 1);
            assert!(window.is_full(), "{memory}: {window:?}");
        }
    }
}
