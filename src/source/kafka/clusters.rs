//! The clusters that are in use: made for the first archive or pattern that needs one, gone with the last.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::cluster::KafkaCluster;
use super::lane::Lane;
use super::limits::Shares;
use super::seat::Seat;
use super::topic_lister::TopicLister;
use crate::config::{self, Checked};
use crate::source::cluster::Condition;

/// The clusters of a process, which share its memory.
pub struct KafkaClusters {
    in_use: Mutex<Vec<InUse>>,
    shares: Arc<Shares>,
}

/// A cluster at which somebody has a seat, or whose topics are listed.
struct InUse {
    cluster: Weak<KafkaCluster>,
    lanes: Vec<Weak<Lane>>,
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
        in_use.retain(|of| of.cluster.strong_count() > 0);
        let seats = archives.iter().map(|archive| {
            let (cluster, of) = self.cluster(&mut in_use, &archive.cluster);
            let lane = of.lane(&cluster, &archive.topic, &self.shares);
            Seat::new(cluster, lane, &archive.topic)
        });
        let seats = seats.collect();
        let is_divided_anew = self.shares.divide();
        in_use.iter().for_each(|of| of.connect(is_divided_anew));
        seats
    }

    /// How each cluster in use is.
    pub fn conditions(&self) -> Vec<Condition> {
        let in_use = self.in_use.lock().unwrap_or_else(PoisonError::into_inner);
        let clusters = in_use.iter().filter_map(|of| of.cluster.upgrade());
        clusters
            .map(|cluster| cluster.health().condition())
            .collect()
    }

    /// Lists the topics of a cluster, which stays in use for as long. Must be called within a tokio runtime.
    pub fn topics(&self, config: &Checked<config::Cluster>) -> TopicLister {
        let mut in_use = self.in_use.lock().unwrap_or_else(PoisonError::into_inner);
        in_use.retain(|of| of.cluster.strong_count() > 0);
        let (cluster, _) = self.cluster(&mut in_use, config);
        TopicLister::new(cluster)
    }

    /// One of the same name that is configured otherwise is another one: who has that keeps it.
    fn cluster<'a>(
        &self,
        in_use: &'a mut Vec<InUse>,
        config: &Checked<config::Cluster>,
    ) -> (Arc<KafkaCluster>, &'a mut InUse) {
        let found = in_use.iter().enumerate().find_map(|(index, of)| {
            let cluster = of.cluster.upgrade()?;
            (cluster.config == *config).then_some((cluster, index))
        });
        let (cluster, index) = found.unwrap_or_else(|| {
            let made = Arc::new(KafkaCluster::new(config, Arc::clone(&self.shares)));
            in_use.push(InUse {
                cluster: Arc::downgrade(&made),
                lanes: Vec::new(),
            });
            (made, in_use.len() - 1)
        });
        (cluster, &mut in_use[index])
    }
}

impl InUse {
    /// The first lane on which this topic is not read; one more archive of it is on it then.
    fn lane(&mut self, cluster: &KafkaCluster, topic: &str, shares: &Arc<Shares>) -> Arc<Lane> {
        self.lanes.retain(|lane| lane.strong_count() > 0);
        let mut there = self.lanes.iter().filter_map(Weak::upgrade);
        if let Some(lane) = there.find(|lane| lane.enter(topic)) {
            return lane;
        }
        let made = Arc::new(Lane::new(cluster.connections(), Arc::clone(shares)));
        made.enter(topic);
        self.lanes.push(Arc::downgrade(&made));
        made
    }

    /// Connects the clients of new lanes, while other things are being found out; those of all lanes when the memory was
    /// divided anew.
    fn connect(&self, all: bool) {
        for of in &self.lanes {
            if of.upgrade().is_some_and(|lane| lane.is_new() || all) {
                tokio::spawn(Lane::connect(of.clone(), self.cluster.clone()));
            }
        }
    }
}
