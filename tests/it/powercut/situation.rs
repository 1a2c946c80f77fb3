//! What archiver is doing when the power goes.

use std::fmt;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use super::Cuts;
use crate::archiver::Archiver;
use crate::random::Random;
use crate::says;
use crate::wait::{LONG, eventually};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Situation {
    /// An archive starts for the first time.
    FirstStart,
    /// It cuts back what the last cut has left, and takes up its files.
    Recovery,
    /// Records come.
    Running,
    /// None come, and all that came are there. A topic may be deleted.
    Idle,
    /// The disk is full.
    Full,
}

const ALL: [Situation; 5] = [
    Situation::FirstStart,
    Situation::Running,
    Situation::Recovery,
    Situation::Full,
    Situation::Idle,
];

impl Situation {
    /// Each in its turn.
    pub fn of(n: u64) -> Self {
        ALL[n as usize % ALL.len()]
    }
}

impl Cuts<'_> {
    /// Starts archiver and brings it into a situation, for a while that chance decides.
    pub fn come_into(&self, situation: Situation, random: &mut Random) -> Archiver {
        if situation == Situation::FirstStart {
            self.add();
            if !self.of_pattern.is_there() {
                self.change();
            }
        }
        let archiver = self.scene.start(&self.config());
        let longest = match situation {
            Situation::FirstStart => 500,
            Situation::Recovery => 200,
            Situation::Running => {
                self.await_growth(&archiver);
                2000
            }
            Situation::Idle => {
                self.await_rest(&archiver);
                if self.of_pattern.is_there() {
                    self.change();
                }
                1000
            }
            Situation::Full => {
                self.await_growth(&archiver);
                self.disk.fill();
                let topic = self.archives.lock().unwrap()[0].topic.name.clone();
                archiver.await_line(&says::disk_full(&topic));
                2000
            }
        };
        thread::sleep(Duration::from_millis(random.below(longest)));
        archiver
    }

    fn await_growth(&self, archiver: &Archiver) {
        let before = self.lengths();
        eventually(LONG, "a file grows", || {
            archiver.assert_runs();
            self.lengths()
                .into_iter()
                .zip(&before)
                .any(|(now, before)| now > *before)
        });
    }

    /// Until all files hold what was sent.
    fn await_rest(&self, archiver: &Archiver) {
        self.idle.store(true, Ordering::Relaxed);
        eventually(LONG, "everything has arrived", || {
            archiver.assert_runs();
            let archives = self.archives.lock().unwrap();
            let all = archives.iter().chain([&self.of_pattern]);
            let taken = all.map(|archived| archived.taken(self.scene) as u64);
            taken.sum::<u64>() >= self.sent.load(Ordering::Relaxed)
        });
    }
}

/// How many cuts there were in each situation.
#[derive(Default)]
pub struct Counts([u64; ALL.len()]);

impl Counts {
    pub fn add(&mut self, situation: Situation) {
        let index = ALL.iter().position(|&one| one == situation).unwrap();
        self.0[index] += 1;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = |(situation, count): (&Situation, &u64)| format!("{situation:?} {count}");
        let each: Vec<_> = ALL
            .iter()
            .zip(&self.0)
            .filter(|(_, count)| **count > 0)
            .map(words)
            .collect();
        f.write_str(&each.join(", "))
    }
}
