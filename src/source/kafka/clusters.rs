//! The clusters that are in use: made for the first archive that needs one, gone with the last.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::KafkaCluster;
use super::limits::Shares;
use super::seat::Seat;
use crate::config::{self, Checked};

/// The clusters of a process, which share its memory.
pub struct KafkaClusters {
    in_use: Mutex<Vec<Weak<KafkaCluster>>>,
    shares: Arc<Shares>,
}

impl KafkaClusters {
    /// For a process that may hold `memory` bytes. Contacts nobody.
    pub fn new(memory: u64) -> Self {
        Self {
            in_use: Mutex::default(),
            shares: Arc::new(Shares::new(memory)),
        }
    }

    /// A seat at its cluster for each of these archives. The memory is divided among the clients of all of them before
    /// any client is made, and those that there are already are made anew if their share was another one. Must be
    /// called within a tokio runtime.
    pub fn seats(&self, archives: &[Checked<config::Archive>]) -> Vec<Seat> {
        let mut in_use = self.in_use.lock().unwrap_or_else(PoisonError::into_inner);
        in_use.retain(|cluster| cluster.strong_count() > 0);
        let seats = archives.iter().map(|archive| {
            let cluster = self.cluster(&mut in_use, &archive.cluster);
            Seat::new(cluster, &archive.topic)
        });
        let seats = seats.collect();
        let is_divided_anew = self.shares.divide();
        for cluster in in_use.iter().filter_map(Weak::upgrade) {
            cluster.connect(is_divided_anew);
        }
        seats
    }

    /// One of the same name that is configured otherwise is another one: who has that keeps it.
    fn cluster(
        &self,
        in_use: &mut Vec<Weak<KafkaCluster>>,
        config: &Checked<config::Cluster>,
    ) -> Arc<KafkaCluster> {
        let mut found = in_use.iter().filter_map(Weak::upgrade);
        if let Some(found) = found.find(|cluster| cluster.config == *config) {
            return found;
        }
        let made = Arc::new(KafkaCluster::new(config, Arc::clone(&self.shares)));
        in_use.push(Arc::downgrade(&made));
        made
    }
}
