//! A run that is all chance: its configuration, its traffic, its faults and its crashes come from one seed.

mod events;
mod meddle;
mod rivals;
mod setup;

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::check::{Tally, check, check_complete, has_all, refusal};
use super::commands::has_handed_over;
use super::disk::{Crash, Loss, Mutation, Names};
use super::process::{Ended, Step};
use super::random::Random;
use super::world::{World, lock};

/// How many processes are crashed or stopped in a run before the last one, at most.
const PROCESSES_MOST: usize = 7;
/// How long everything that can heal may take to heal.
const HEAL_MOST: Duration = Duration::from_secs(600);

/// What happened in a run, or in many.
#[derive(Debug, Default, Clone, Copy)]
pub struct Figures {
    /// Runs.
    pub runs: u64,
    /// Processes that were killed or lost their power at some operation, each followed by a check, a recovery and
    /// another check.
    pub crashes: u64,
    /// Operations that failed.
    pub faults: u64,
    /// Operations in all.
    pub operations: u64,
    /// Records written to the cluster.
    pub records: u64,
    /// What the checks have counted.
    pub tally: Tally,
}

/// A run that broke a promise.
#[derive(Debug)]
pub struct Failure {
    /// The seed to replay it by.
    pub seed: u64,
    /// What was found.
    pub what: String,
    /// What had happened until then.
    pub figures: Box<Figures>,
    /// What had happened, if that was recorded.
    pub trace: Vec<String>,
}

impl Figures {
    /// Adds the figures of other runs.
    pub fn add(&mut self, other: &Self) {
        self.runs += other.runs;
        self.crashes += other.crashes;
        self.faults += other.faults;
        self.operations += other.operations;
        self.records += other.records;
        self.tally.compared += other.tally.compared;
        self.tally.lost += other.tally.lost;
        self.tally.doubled += other.tally.doubled;
        self.tally.stopped += other.tally.stopped;
        self.tally.reloads += other.tally.reloads;
    }

    /// Takes over what a world has counted.
    pub fn count(&mut self, world: &World) {
        (self.operations, self.faults) = world.fs.counts();
        self.records = world.cluster.kafka().written();
        self.tally = *lock(&world.tally);
    }
}

/// Runs one seed; `mutation` breaks something on purpose.
pub fn run(seed: u64, mutation: Option<Mutation>, record: bool) -> Result<Figures, Failure> {
    let world = setup::world(Random::new(seed));
    world.fs.mutate(mutation);
    if record {
        world.fs.record();
    }
    let mut figures = Figures {
        runs: 1,
        ..Figures::default()
    };
    let done = live(&world, &mut figures);
    figures.count(&world);
    match done {
        Ok(()) => Ok(figures),
        Err(what) => Err(Failure {
            seed,
            what,
            figures: Box::new(figures),
            trace: world.fs.recorded(),
        }),
    }
}

fn live(world: &World, figures: &mut Figures) -> Result<(), String> {
    for _ in 0..world.random.between(1, PROCESSES_MOST) {
        world.is_contested.store(false, Ordering::Relaxed);
        let mut events = events::Events::new(world);
        let ended = world.process(&mut |world| events.next(world))?;
        meddle::put_back_states(world);
        match ended {
            Ended::Crashed => {
                let how = how(&world.random);
                world.fs.note(|| format!("== {how:?}"));
                world.fs.crash(how);
                figures.crashes += 1;
            }
            Ended::Stopped { .. } => world.fs.crash(Crash::Kill),
        }
        check(world)?;
        while world.random.once_in(2) {
            events::between(world)?;
        }
    }
    finish(world)
}

/// Lets everything heal, stops cleanly, and checks that all of it is there for certain.
pub fn finish(world: &World) -> Result<(), String> {
    world.fs.note(|| "== calm".into());
    events::calm(world);
    let mut left = HEAL_MOST;
    let pause = Duration::from_millis(700);
    let mut broken = None;
    let ended = world.process(&mut |world| {
        left = left.saturating_sub(pause);
        let mut archives = world.archives.iter();
        let done = archives.try_fold(true, |done, archive| {
            let can_go_on = || refusal::expected(world, &archive.config).is_none();
            Ok(done
                // For the reason that was checked when it stopped.
                && (world.has_stopped(archive)
                    || (world.is_running(archive) && can_go_on() && has_all(world, archive)?
                        && has_handed_over(world, archive)?)))
        });
        match done {
            Ok(true) => Step::Stop,
            Ok(false) if !left.is_zero() => Step::Wait(pause),
            Ok(false) => {
                broken = Some(world.describe());
                Step::Stop
            }
            Err(e) => {
                broken = Some(e);
                Step::Stop
            }
        }
    })?;
    if let Some(broken) = broken {
        return Err(broken);
    }
    if ended != (Ended::Stopped { clean: true }) {
        return Err(format!("the last stop is not clean: {ended:?}"));
    }
    check_complete(world)?;
    world.fs.crash(Crash::Power(Loss::Everything, Names::Lost));
    check_complete(world).map_err(|e| format!("after a clean stop and a power cut: {e}"))
}

fn how(random: &Random) -> Crash {
    match random.below(10) {
        0..3 => Crash::Kill,
        3..7 => Crash::Chaos,
        _ => Crash::Power(random.pick(&Loss::ALL), random.pick(&Names::ALL)),
    }
}

/// Runs a seed again that has failed, with a record of what happened.
pub fn replay(seed: u64) -> Result<Figures, Failure> {
    run(seed, None, true)
}
