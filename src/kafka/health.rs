//! Whether a cluster answers, said once when that changes.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use super::blocking;
use super::native::{Client, Events};
use crate::cluster::{KafkaError, Trouble};

/// How long between two looks at a cluster that is in trouble, and how long each waits.
const LOOK: Duration = Duration::from_secs(1);

/// What the clients of one cluster have said of it.
pub(super) struct Health {
    name: String,
    trouble: Mutex<Option<KafkaError>>,
    changed: tokio::sync::Notify,
}

impl Health {
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            trouble: Mutex::new(None),
            changed: tokio::sync::Notify::new(),
        }
    }

    /// A request's failure, with what the clients know of the reason.
    pub fn explain(&self, e: KafkaError) -> KafkaError {
        match (&*self.lock(), e.kind) {
            (Some(trouble), Trouble::Unreachable | Trouble::Other) => trouble.clone(),
            _ => e,
        }
    }

    /// What is wrong with the cluster, if anything is.
    pub fn trouble(&self) -> Option<KafkaError> {
        self.lock().clone()
    }

    /// While the cluster is in trouble, looks whether it answers again.
    pub fn watch(self: &Arc<Self>, client: &Arc<Client>) {
        let (health, client) = (Arc::clone(self), Arc::downgrade(client));
        tokio::spawn(async move {
            loop {
                health.changed.notified().await;
                while health.lock().is_some() {
                    tokio::time::sleep(LOOK).await;
                    if answers(&client).await && health.lock().take().is_some() {
                        tracing::info!("cluster {}: answers", health.name);
                    }
                }
            }
        });
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<KafkaError>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn answers(client: &Weak<Client>) -> bool {
    match client.upgrade() {
        Some(client) => blocking(move || client.any_broker(LOOK * 2)).await.is_ok(),
        None => false,
    }
}

impl Events for Arc<Health> {
    fn log(&self, level: i32, text: &str) {
        // What matters of it comes as an error too, and is told from there.
        tracing::debug!(target: "librdkafka", level, "cluster {}: {text}", self.name);
    }

    fn trouble(&self, error: KafkaError) {
        let mut known = self.lock();
        // The first reason is the best: what follows is mostly that all brokers are down.
        let news = match &*known {
            None => true,
            Some(before) => before.kind != error.kind && error.kind == Trouble::Denied,
        };
        if news {
            tracing::warn!("cluster {}: in trouble: {error}; trying again", self.name);
            *known = Some(error);
            self.changed.notify_one();
        }
    }
}
