//! What goes into the topics meanwhile.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::{Field, Plan, RATE};
use crate::kinds::written;
use crate::produce::Producer;
use crate::random::Random;
use crate::scene::Scene;
use crate::values::Values;

/// How many records have been committed, and how many aborted.
#[derive(Default)]
pub struct Load {
    pub committed: AtomicU64,
    pub aborted: AtomicU64,
}

/// A producer that knows transactions, and one that knows none.
struct Producers {
    transactional: Producer,
    plain: Producer,
    /// Each topic's partitions as they know them.
    partitions: Vec<u64>,
    /// How often that had changed before.
    changes: u64,
}

impl Producers {
    fn new(scene: &Scene, field: &Field) -> Self {
        let changes = field.changes.load(Ordering::SeqCst);
        let partitions = field.partitions.iter();
        let partitions = partitions.map(|n| n.load(Ordering::SeqCst)).collect();
        field.known.store(changes, Ordering::SeqCst);
        let id = &field.archives[0].topic.name;
        Self {
            changes,
            partitions,
            transactional: Producer::transactional(scene.server, id),
            plain: Producer::new(scene.server),
        }
    }
}

impl Load {
    /// Transactions, every third aborted, among records that are in none; no faster than the plan, so that archiver
    /// is killed while records arrive. Ends with the last kill.
    pub fn produce(&self, plan: &Plan, scene: &Scene, field: &Field) {
        let mut producers = Producers::new(scene, field);
        let mut random = Random::new(plan.seed ^ 0x5eed);
        let mut values = Values::new(plan.seed);
        values.big_every = 20_000;
        let killing = || !field.kills_done.load(Ordering::Relaxed);
        let start = Instant::now();
        for round in 0_u64.. {
            let done = self.committed.load(Ordering::Relaxed);
            if done >= plan.records && !killing() {
                return;
            }
            let rate = RATE.min(plan.records / plan.kills.max(1));
            let ahead = || done * 1000 > rate * start.elapsed().as_millis() as u64;
            while ahead() && killing() {
                thread::sleep(Duration::from_millis(5));
            }
            if producers.changes < field.changes.load(Ordering::SeqCst) {
                producers = Producers::new(scene, field);
            }
            let known = &producers.partitions;
            let is_quiet = !start.elapsed().as_secs().is_multiple_of(4);
            let mut send = |producer: &Producer| {
                let count = random.between(20, 600);
                let written = written(&mut random);
                for _ in 0..count {
                    let n = random.below(known.len() as u64) as usize;
                    // One that isn't there or has nothing to send leaves its records to the first.
                    let is_quiet = is_quiet && field.archives[n].kind.is_sparse;
                    let n = if known[n] == 0 || is_quiet { 0 } else { n };
                    let partition = random.below(known[n]) as i32;
                    let mut record = values.mixed().to(partition);
                    record.timestamp = Some(written + random.below(5_000) as i64);
                    producer.send(&field.archives[n].topic, record);
                }
                count
            };
            producers.transactional.begin();
            let count = send(&producers.transactional);
            if round % 3 == 2 {
                producers.transactional.abort();
                self.aborted.fetch_add(count, Ordering::Relaxed);
            } else {
                producers.transactional.commit();
                self.committed.fetch_add(count, Ordering::Relaxed);
            }
            let count = send(&producers.plain);
            producers.plain.flush();
            self.committed.fetch_add(count, Ordering::Relaxed);
        }
    }
}
