//! How much librdkafka may hold: its queues and fetches, out of one budget for the process.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::window::Window;

/// The memory of all clients that read, in parts that are as large as each other.
///
/// Those known at the start have a part each. If there come to be more clients than parts, or a quarter of them, there
/// are as many parts as the next power of two, and all clients are made anew, so that this happens seldom.
pub(super) struct Shares {
    /// What the process may hold, in bytes.
    pub memory: u64,
    /// What may have arrived, in the whole process.
    pub window: Window,
    /// How many clients there are, or are to be.
    clients: Mutex<u32>,
    among: AtomicU32,
    /// What no client has, in units.
    left: Arc<Semaphore>,
}

/// A client's part of the memory, for as long as this lives.
pub(super) struct Share {
    among: u32,
    _units: Option<OwnedSemaphorePermit>,
}

/// All parts together.
const UNITS: u32 = 1 << 20;
/// How long a part of one size is waited for until it is seen whether it has another one now.
const LOOK: Duration = Duration::from_secs(1);

impl Shares {
    pub fn new(memory: u64) -> Self {
        Self {
            memory,
            window: Limits::window(memory),
            clients: Mutex::new(0),
            among: AtomicU32::new(0),
            left: Arc::new(Semaphore::new(UNITS as usize)),
        }
    }

    /// So many more clients are to be made.
    pub fn join(&self, clients: usize) {
        let mut of = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        *of = of.saturating_add(u32::try_from(clients).unwrap_or(UNITS));
    }

    /// So many clients end.
    pub fn leave(&self, clients: usize) {
        let mut of = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        *of = of.saturating_sub(u32::try_from(clients).unwrap_or(u32::MAX));
    }

    /// Divides the memory anew, if it has to be; is it?
    pub fn divide(&self) -> bool {
        let clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let (clients, among) = ((*clients).clamp(1, UNITS), self.among());
        let anew = match among {
            0 => clients,
            _ if clients > among || clients <= among / 4 => clients.next_power_of_two(),
            _ => among,
        };
        self.among.store(anew, Ordering::Relaxed);
        anew != among
    }

    /// Among how many it is divided.
    pub fn among(&self) -> u32 {
        self.among.load(Ordering::Relaxed)
    }

    /// A part for each of so many clients, once nobody has too much. All of them at once: whoever held some and waited
    /// for the others could keep them from becoming free.
    pub async fn take(&self, count: u32) -> Vec<Share> {
        loop {
            let among = self.among().max(1);
            let part = UNITS / among.max(count);
            let units = Arc::clone(&self.left).acquire_many_owned(part * count);
            if let Ok(units) = timeout(LOOK, units).await
                && self.among().max(1) == among
            {
                // Nobody closes it.
                let mut units = units.ok();
                let split = |_| Share {
                    among,
                    _units: units.as_mut().and_then(|units| units.split(part as usize)),
                };
                return (0..count).map(split).collect();
            }
        }
    }
}

impl Share {
    /// Among how many the memory was divided for it.
    pub fn among(&self) -> u32 {
        self.among
    }
}

/// What a client may hold.
#[derive(Debug, Clone)]
pub(super) struct Limits {
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

    /// Divides the clients' part of `memory` among so many.
    pub fn new(memory: u64, clients: u32) -> Self {
        let clients = u64::from(clients.max(1));
        let queue_bytes = memory / QUEUES_PART / clients;
        Self {
            queue_bytes: queue_bytes.clamp(RESPONSE_LEAST, QUEUE_MOST),
            fetch_bytes: memory / RESPONSES_PART / clients,
        }
    }

    /// The same as librdkafka properties, of a client that so many brokers may answer at the same time.
    pub fn properties(&self, brokers: usize) -> Vec<(&'static str, u64)> {
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

    #[tokio::test]
    async fn clients_that_are_known_at_the_start_have_a_part_each() {
        let shares = Shares::new(256 << 20);
        shares.join(3);
        shares.join(2);
        shares.divide();
        for _ in 0..5 {
            assert_eq!(shares.take(1).await[0].among(), 5);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn however_clients_come_and_go_they_have_no_more_than_all_of_it() {
        let shares = Shares::new(256 << 20);
        let mut held = Vec::<Share>::new();
        let mut divisions = 0;
        for clients in (1..=100).chain((1..100).rev()) {
            held.truncate(clients);
            shares.leave(usize::MAX);
            shares.join(clients);
            divisions += u32::from(shares.divide());
            // Those that have too much give it back before others have theirs.
            held.retain(|share| share.among() == shares.among());
            while held.len() < clients {
                held.push(shares.take(1).await.remove(0));
            }
            let all = held.iter().map(|share| 1.0 / f64::from(share.among()));
            let all = all.sum::<f64>();
            assert!(all < 1.0001, "{clients} clients have {all}");
            assert!(all > 0.24, "{clients} clients have only {all}");
        }
        assert!(divisions < 15, "made anew {divisions} times");
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_a_part_of_what_others_have_still_gets_one_of_the_new_size() {
        let shares = Arc::new(Shares::new(256 << 20));
        shares.join(1);
        shares.divide();
        let first = shares.take(1).await.remove(0);
        shares.join(1);
        let waiting = tokio::spawn({
            let shares = Arc::clone(&shares);
            async move { shares.take(1).await.remove(0).among() }
        });
        tokio::time::sleep(LOOK / 2).await;
        shares.divide();
        drop(first);
        let again = shares.take(1).await.remove(0);
        assert_eq!((again.among(), waiting.await.expect("no panic")), (2, 2));
    }

    #[test]
    fn all_responses_of_all_brokers_together_have_their_share_of_the_memory() {
        let memory = 256 << 20;
        for (connections, brokers) in [(1, 1), (2, 1), (2, 3), (4, 6), (2, 10)] {
            let properties = Limits::new(memory, connections).properties(brokers);
            let (_, response) = properties
                .iter()
                .find(|(key, _)| *key == "fetch.max.bytes")
                .unwrap();
            let together = response * u64::from(connections) * brokers as u64;
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
