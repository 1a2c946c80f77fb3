//! A client that reads, and the way from its queue into the inboxes.
//!
//! One queue for all that a client reads bounds what it fetches ahead, however many topics it reads: librdkafka
//! fetches nothing for any of them while their queue is full. What has arrived is dealt out as long as the window has
//! room; who can't take what is theirs then has to let go of it, so that the others go on.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Notify;

use super::blocking::blocking;
use super::describe_topics::know;
use super::inbox::Inbox;
use super::limits::Share;
use super::native::{Client, Queue, Topic, TopicKey};
use super::window::Window;
use crate::source::cluster::KafkaError;
use crate::world::coalesced_requests::Batch;

/// A lost wake-up costs this much and not an archive.
const LOOK: Duration = Duration::from_secs(1);

/// A client and who reads through it.
pub(super) struct Feed {
    queue: Arc<Queue>,
    /// Topics that the client has been told of.
    known: Mutex<HashSet<String>>,
    introducing: Batch<String, ()>,
    share: Share,
    /// Locked while something is on its way from the queue into them.
    inboxes: Mutex<HashMap<TopicKey, Arc<Inbox>>>,
}

impl Feed {
    /// Deals out what the client reads, which knows these topics, for as long as somebody has this. Must be called
    /// within a tokio runtime.
    pub fn new(
        client: Arc<Client>,
        window: Window,
        share: Share,
        known: impl IntoIterator<Item = String>,
    ) -> Arc<Self> {
        let arrived = Arc::new(Notify::new());
        let of = Arc::downgrade(&client);
        let introducing = Batch::new(move |topics: Vec<String>| {
            let (of, answers) = (of.clone(), vec![(); topics.len()]);
            async move {
                // Without an answer the client finds the leaders by itself, later.
                let _ = blocking(move || of.upgrade().map(|client| know(&client, &topics))).await;
                answers
            }
        });
        let feed = Arc::new(Self {
            queue: Queue::new(client, Arc::clone(&arrived)),
            known: Mutex::new(known.into_iter().collect()),
            introducing,
            share,
            inboxes: Mutex::default(),
        });
        tokio::spawn(Self::run(Arc::downgrade(&feed), window, arrived));
        feed
    }

    /// What the client may hold.
    pub fn share(&self) -> &Share {
        &self.share
    }

    /// Tells the client of a topic that it doesn't know: reading one whose leaders are not known waits half a second.
    pub async fn introduce(&self, topic: &str) {
        let is_known = || {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.contains(topic)
        };
        if !is_known() {
            self.introducing.ask(topic.into()).await;
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.insert(topic.into());
        }
    }

    /// Nobody reads a topic any more, and what the client knows of it grows old.
    pub fn forget_of(&self, topic: &str) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.remove(topic);
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<TopicKey, Arc<Inbox>>> {
        self.inboxes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends within a look when nobody has the feed any more.
    async fn run(of: Weak<Self>, window: Window, arrived: Arc<Notify>) {
        while let Some(feed) = of.upgrade() {
            if window.is_full() {
                feed.locked().values().for_each(|inbox| inbox.press());
                drop(feed);
                let _ = tokio::time::timeout(LOOK, window.room()).await;
                continue;
            }
            let some = feed.deal();
            drop(feed);
            if some {
                tokio::task::yield_now().await;
            } else {
                let _ = tokio::time::timeout(LOOK, arrived.notified()).await;
            }
        }
    }

    /// Puts what has arrived into the inboxes; was there anything?
    fn deal(&self) -> bool {
        let inboxes = self.locked();
        let runs = self.queue.take();
        let some = !runs.is_empty();
        for run in runs {
            // What nobody reads any more is dropped.
            if let Some(inbox) = inboxes.get(&run.topic()) {
                inbox.put(run);
            }
        }
        some
    }

    /// A topic whose records go into this inbox.
    pub fn topic(&self, name: &str, inbox: &Arc<Inbox>) -> Result<Topic, KafkaError> {
        let topic = Topic::new(Arc::clone(&self.queue), name)?;
        self.locked().insert(topic.key(), Arc::clone(inbox));
        Ok(topic)
    }

    /// Waits until what was taken from the queue is in the inboxes.
    pub fn settle(&self) {
        drop(self.locked());
    }

    /// Forgets about a topic.
    pub fn forget(&self, topic: TopicKey) {
        self.locked().remove(&topic);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use archiver_format::position::{Position, Positions};

    use super::*;
    use crate::source::cluster::Reader;
    use crate::source::kafka::limits::Shares;
    use crate::source::kafka::reader::KafkaReader;
    use crate::source::kafka::tests::{LONG, Quiet, mock};

    #[test]
    fn what_is_on_its_way_into_an_inbox_is_not_in_it_after_a_stop() {
        let mock = mock(&["t"], 100);
        // What the feed does by itself is not done in here, but below.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = runtime.expect("a runtime");
        let shares = Shares::new(64 << 20);
        let share = runtime.block_on(shares.take(1)).remove(0);
        let _entered = runtime.enter();
        let brokers = mock.bootstrap_servers();
        let client = Client::new([("bootstrap.servers", brokers.as_str())], Box::new(Quiet));
        let window = shares.window.clone();
        let feed = Feed::new(client.expect("a client"), window.clone(), share, []);
        let mut reader = KafkaReader::new("t", vec![Arc::clone(&feed)], &window);
        reader
            .start(&Positions::from([(0, Position::default())]))
            .expect("starts");
        let inboxes = feed.locked();
        let runs =
            std::iter::repeat_with(|| feed.queue.take_one(LONG)).find(|runs| !runs.is_empty());
        let (stopped, when_stopped) = mpsc::channel();
        let stopping = std::thread::spawn(move || {
            reader.stop(&[0]);
            let _ = stopped.send(());
            reader
        });
        // It must not be, as long as something is on its way: but if so, soon.
        let _ = when_stopped.recv_timeout(Duration::from_millis(300));
        for run in runs.into_iter().flatten() {
            inboxes[&run.topic()].put(run);
        }
        drop(inboxes);
        let reader = stopping.join().expect("no panic");
        assert_eq!(
            reader.waiting(),
            0,
            "records of a partition that was stopped"
        );
    }
}
