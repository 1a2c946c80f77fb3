//! Archives that stand still by a fault in the program, which only another start can heal.
//!
//! Neither a disk nor a broker can be the cause: the loop of an archive goes round while it waits for them, an archive
//! whose disk owes an answer has nothing to write before that, and one that waits or is idle has nothing to do.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::hung::Watched;
use super::status::State;

/// What hasn't moved for so long stands still.
const PATIENCE: Duration = Duration::from_secs(20);
/// How many archives are named at most.
const NAMED_MOST: usize = 10;

/// The archives that stand still, at least one.
#[derive(Debug, PartialEq, Eq)]
pub struct Standstill(Vec<String>);

impl Standstill {
    /// Looks whether any of these running archives stands still. To be called about once a second, as it counts from
    /// the look that first saw it.
    ///
    /// A batch waits for a core behind those of other archives: so batches stand still only if nobody's are written.
    pub fn look(archives: &[Arc<Watched>], now: Instant) -> Option<Self> {
        let (mut still, mut unwritten) = (Vec::new(), Vec::new());
        let mut others_go_on = false;
        for watched in archives {
            let status = &watched.status;
            let is_busy = status.pulse.is_busy() && !watched.is_asking();
            let without_beat = status.pulse.without_beat(now);
            let without_write = status.pulse.without_write(now, is_busy);
            // What stands still may be known to be behind, too.
            if !matches!(status.state(), State::Running | State::Stalled(_)) {
                continue;
            }
            if without_beat >= PATIENCE {
                still.push(status.name().to_owned());
            } else if without_write >= PATIENCE {
                unwritten.push(status.name().to_owned());
            } else {
                others_go_on |= is_busy;
            }
        }
        if !others_go_on {
            still.append(&mut unwritten);
        }
        (!still.is_empty()).then_some(Self(still))
    }
}

impl fmt::Display for Standstill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(names) = self;
        let named = &names[..names.len().min(NAMED_MOST)];
        write!(f, "{}", named.join(", "))?;
        match names.len() - named.len() {
            0 => Ok(()),
            more => write!(f, " and {more} others"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::observe::pulse::Pulse;
    use crate::observe::reason::Reason;
    use crate::observe::status::Status;
    use crate::world::fs::Unanswered;

    fn running(name: &str) -> Arc<Watched> {
        let watched = Watched {
            status: Arc::new(Status::new(name)),
            calls: Unanswered::default(),
            jobs: Unanswered::default(),
        };
        watched.status.set(State::Running);
        watched.status.pulse.beats(false);
        Arc::new(watched)
    }

    /// Archives at a time of their own.
    struct Scene {
        archives: Vec<Arc<Watched>>,
        now: Instant,
    }

    impl Scene {
        fn of(names: &[&str]) -> Self {
            Self {
                archives: names.iter().map(|name| running(name)).collect(),
                now: Instant::now(),
            }
        }

        fn pulse(&self, number: usize) -> &Pulse {
            &self.archives[number].status.pulse
        }

        /// What is seen at last by looks at each second of a minute; `at` is called before each.
        fn look(&mut self, at: impl Fn(&Self)) -> Option<String> {
            let mut seen = None;
            for _ in 0..60 {
                at(self);
                self.now += Duration::from_secs(1);
                seen = Standstill::look(&self.archives, self.now);
            }
            seen.map(|still| still.to_string())
        }
    }

    #[test]
    fn an_idle_archive_goes_round_and_one_that_does_not_stands_still() {
        let mut scene = Scene::of(&["a", "b"]);
        let only_a = |scene: &Scene| scene.pulse(0).beats(false);
        assert_eq!(scene.look(only_a).as_deref(), Some("b"));
        let both = |scene: &Scene| (0..2).for_each(|number| scene.pulse(number).beats(false));
        assert_eq!(scene.look(both), None);
        scene.pulse(1).rests();
        assert_eq!(scene.look(only_a), None);
    }

    #[test]
    fn what_waits_or_has_ended_does_not_stand_still() {
        let mut scene = Scene::of(&["a"]);
        let topic = "t".to_owned();
        let waits = Reason::Recreated { topic };
        for state in [State::waiting(waits), State::Done, State::Starting] {
            scene.archives[0].status.set(state);
            assert_eq!(scene.look(|_| ()), None);
        }
    }

    #[test]
    fn what_stands_still_does_so_when_it_is_known_to_be_behind_as_well() {
        let mut scene = Scene::of(&["a"]);
        let silent = Reason::Silent {
            topic: "t".into(),
            cluster: "c".into(),
            partition: 0,
            partitions: 1,
            silent: PATIENCE,
            said: None,
        };
        scene.archives[0].status.stalls(Some(silent));
        assert_eq!(scene.look(|_| ()).as_deref(), Some("a"));
        let goes_round = |scene: &Scene| scene.pulse(0).beats(false);
        assert_eq!(scene.look(goes_round), None, "nothing comes from Kafka");
    }

    #[test]
    fn batches_that_nobody_writes_stand_still_unless_a_disk_owes_an_answer() {
        let mut scene = Scene::of(&["a", "b"]);
        let busy = |scene: &Scene| (0..2).for_each(|number| scene.pulse(number).beats(true));
        assert_eq!(scene.look(busy).as_deref(), Some("a, b"));
        // They may wait for a core behind those of the other one.
        let b_is_written = |scene: &Scene| {
            busy(scene);
            scene.pulse(1).wrote();
        };
        assert_eq!(scene.look(b_is_written), None);
        let path: Arc<Path> = Path::new("/a").into();
        let asked = scene.archives[0].calls.ask(&path);
        assert_eq!(scene.look(busy).as_deref(), Some("b"));
        drop(asked);
    }

    #[test]
    fn so_many_are_named() {
        let names = (0..12).map(|n| n.to_string()).collect();
        let said = Standstill(names).to_string();
        assert_eq!(said, "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 others");
    }
}
