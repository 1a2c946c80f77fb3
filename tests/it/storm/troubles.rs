//! What else happens in a storm.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use super::load::Load;
use super::{Field, Plan, TOPICS};
use crate::random::Random;
use crate::scene::Scene;
use crate::wait::{LONG, eventually};

/// What has happened so far.
#[derive(Default)]
pub struct Troubles {
    broker_stops: AtomicU64,
    broker_kills: AtomicU64,
    partitions: AtomicU64,
    topics: AtomicU64,
    /// Topics of the pattern that have come, and gone.
    came: AtomicU64,
    went: AtomicU64,
}

/// One trouble in so many is a new topic.
const KINDS: u64 = 4;

/// How many topics will be created if there are so many troubles.
pub fn topics_to_come(troubles: u64) -> usize {
    troubles.div_ceil(KINDS) as usize
}

impl Troubles {
    /// Makes them one after the other, spread over the records: between two of them some must have arrived.
    pub fn make(&self, plan: &Plan, scene: &Scene, field: &Field, load: &Load) {
        let mut random = Random::new(plan.seed ^ 0x77);
        let count = |counter: &AtomicU64| counter.fetch_add(1, Ordering::Relaxed);
        for n in 0..plan.troubles {
            let due = plan.records * (n + 1) / (plan.troubles + 1);
            let arrived = || load.committed.load(Ordering::Relaxed);
            let over = || field.kills_done.load(Ordering::Relaxed);
            while arrived() < due && !over() {
                thread::sleep(Duration::from_millis(20));
            }
            match n % KINDS {
                0 => {
                    self.create_topic(scene, field);
                    field.make(field.comes_and_goes());
                    count(&self.came);
                }
                1 => {
                    scene.server.kill();
                    scene.server.restart();
                    count(&self.broker_kills);
                }
                2 => {
                    self.add_partitions(field, &mut random);
                    delete_topic(scene, field);
                    count(&self.went);
                }
                _ => {
                    scene.server.stop();
                    scene.server.restart();
                    count(&self.broker_stops);
                }
            }
        }
    }

    /// Creates the next topic, once its archive waits for it.
    fn create_topic(&self, scene: &Scene, field: &Field) {
        let n = TOPICS + self.topics.fetch_add(1, Ordering::Relaxed) as usize;
        let state = scene.path(field.archives[n].state());
        eventually(LONG, "the archive of a topic to come has begun", || {
            state.join("checkpoint.json").exists()
        });
        field.make(n);
    }

    fn add_partitions(&self, field: &Field, random: &mut Random) {
        let n = random.below(TOPICS as u64) as usize;
        let more = random.between(1, 4);
        let partitions = field.partitions[n].load(Ordering::Relaxed) + more;
        field.archives[n].topic.grow(partitions as usize);
        field.has_now(n, partitions);
        self.partitions.fetch_add(more, Ordering::Relaxed);
    }
}

/// Deletes the topic that comes and goes, once nobody sends to it and all of it is archived.
fn delete_topic(scene: &Scene, field: &Field) {
    field.has_now(field.comes_and_goes(), 0);
    let changes = field.changes.load(Ordering::SeqCst);
    eventually(LONG, "the producers know that a topic is to go", || {
        field.known.load(Ordering::SeqCst) >= changes
    });
    field.archives[field.comes_and_goes()].delete(scene);
}

impl fmt::Display for Troubles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (stops, kills) = (count(&self.broker_stops), count(&self.broker_kills));
        let (partitions, topics) = (count(&self.partitions), count(&self.topics));
        let (came, went) = (count(&self.came), count(&self.went));
        write!(
            f,
            "{} broker restarts ({kills} by kill -9), {partitions} partitions added, {topics} topics created, a topic of \
             a pattern came {came} times and went {went} times",
            stops + kills
        )
    }
}
