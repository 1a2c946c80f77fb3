//! How much librdkafka may hold: its queues and fetches, out of one budget for the process.

/// What the clients of one cluster may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How many clients read each partition's topic.
    pub connections: usize,
    queue_bytes: u64,
    fetch_bytes: u64,
}

/// librdkafka's own memory for a record beside its key and value: about 300 bytes, and its share of the
/// response that it came in.
const RECORD_OVERHEAD: u64 = 512;
/// More in one queue only makes the caches colder.
const QUEUE_MOST: u64 = 16 << 20;
const QUEUE_LEAST: u64 = 64 << 10;
/// Fetches of 0.5 to 1 MiB for a partition were the fastest.
const FETCH_MOST: u64 = 1 << 20;
/// A broker gives a batch that is larger than this only to the first partition of a request, so that many
/// partitions with large batches would be read one after the other.
const FETCH_LEAST: u64 = 256 << 10;
const RESPONSE_LEAST: u64 = 1 << 20;
const RESPONSE_MOST: u64 = 8 << 20;

impl Limits {
    /// Divides `bytes`, the clients' part of the budget, among all the archives of the process.
    pub fn new(bytes: u64, connections: usize, clients: usize, archives: usize) -> Self {
        let queues = (archives.max(1) * connections.max(1)) as u64;
        Self {
            connections: connections.max(1),
            queue_bytes: (bytes * 2 / 3 / queues).clamp(QUEUE_LEAST, QUEUE_MOST),
            fetch_bytes: (bytes / 3 / clients.max(1) as u64).clamp(RESPONSE_LEAST, RESPONSE_MOST),
        }
    }

    /// The clients' part of the budget below which so many queues would not fit into it.
    pub fn least_bytes(queues: usize) -> u64 {
        QUEUE_LEAST * queues as u64 * 3 / 2
    }

    /// The same as librdkafka properties.
    pub(super) fn properties(self) -> Vec<(String, String)> {
        let of_partition = (self.queue_bytes / 4).clamp(FETCH_LEAST, FETCH_MOST);
        let records = self.queue_bytes / RECORD_OVERHEAD;
        let kilobytes = self.queue_bytes / 2 / 1024;
        [
            ("queued.min.messages", records.clamp(1, 10_000_000)),
            ("queued.max.messages.kbytes", kilobytes.max(1)),
            ("fetch.message.max.bytes", of_partition),
            ("fetch.max.bytes", self.fetch_bytes.max(of_partition)),
            // A full queue empties within milliseconds.
            ("fetch.queue.backoff.ms", 2),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_string()))
        .into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queues_share_the_budget() {
        let one = Limits::new(192 << 20, 2, 2, 1);
        let many = Limits::new(192 << 20, 2, 2, 1_000);
        assert_eq!(one.queue_bytes, QUEUE_MOST);
        assert_eq!(many.queue_bytes, (192 << 20) * 2 / 3 / 2_000);
        assert!(many.fetch_bytes * 2 <= (192 << 20) / 3);
    }

    #[test]
    fn even_the_smallest_share_lets_records_through() {
        let crowd = Limits::new(16 << 20, 2, 2, 100_000);
        assert_eq!(crowd.queue_bytes, QUEUE_LEAST);
    }
}
