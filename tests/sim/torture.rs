//! As many runs as there is time for: seeds, and every way to strike the scenes.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::chance::{self, Figures};
use super::scenes::SCENES;
use super::strike::{Blow, blows, operations, strike};
use super::world::lock;

/// What is run, and what came of it.
pub struct Torture {
    next_seed: AtomicU64,
    next_blow: Mutex<Position>,
    seeds: Mutex<Figures>,
    scenes: Mutex<Figures>,
    failed: Mutex<Option<String>>,
    ended: AtomicBool,
}

/// A blow: the scene's seed, the scene, and the number of the blow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Struck {
    /// The seed, which decides on the order of tasks.
    pub seed: u64,
    /// The scene's number.
    pub scene: usize,
    /// The blow's number.
    pub blow: usize,
}

struct Position {
    at: Struck,
    blows: Vec<Blow>,
}

impl Torture {
    /// Begins at this seed; for the scenes it is the seed of the first pass.
    pub fn new(first_seed: u64) -> Self {
        let at = Struck {
            seed: first_seed,
            scene: 0,
            blow: 0,
        };
        Self {
            next_seed: AtomicU64::new(first_seed),
            next_blow: Mutex::new(Position {
                at,
                blows: Vec::new(),
            }),
            seeds: Mutex::default(),
            scenes: Mutex::default(),
            failed: Mutex::default(),
            ended: AtomicBool::new(false),
        }
    }

    /// Runs on all cores for so long, or until something fails, which is returned. Prints where it stands.
    pub fn run(&self, time: Duration) -> Result<(), String> {
        let began = Instant::now();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            for _ in 0..cores {
                scope.spawn(|| self.work());
            }
            let mut printed = 0;
            while began.elapsed() < time && lock(&self.failed).is_none() {
                std::thread::sleep(Duration::from_millis(200));
                let tens = began.elapsed().as_secs() / 10;
                if tens > printed {
                    printed = tens;
                    println!("{:>6} s: {}", began.elapsed().as_secs(), self.total());
                }
            }
            self.ended.store(true, Ordering::Relaxed);
        });
        println!("seeds:  {}", shown(&lock(&self.seeds)));
        println!("scenes: {}", shown(&lock(&self.scenes)));
        println!("all:    {}", self.total());
        match lock(&self.failed).take() {
            Some(failure) => Err(failure),
            None => Ok(()),
        }
    }

    fn work(&self) {
        while !self.ended.load(Ordering::Relaxed) {
            let seed = self.next_seed.fetch_add(1, Ordering::Relaxed);
            match chance::run(seed, None, false) {
                Ok(figures) => lock(&self.seeds).add(&figures),
                Err(failure) => {
                    lock(&self.seeds).add(&failure.figures);
                    self.fail(format!(
                        "seed {seed}: {}\nreplay: ARCHIVER_SIM_SEED={seed} make replay",
                        failure.what
                    ));
                }
            }
            // A blow takes a tenth of what a seed takes.
            for _ in 0..40 {
                if let Some((struck, blow)) = self.next() {
                    self.strike(struck, blow);
                }
            }
        }
    }

    fn strike(&self, struck: Struck, blow: Blow) {
        match strike(
            &SCENES[struck.scene],
            struck.seed,
            blow,
            &struck.again(),
            None,
        ) {
            Ok(figures) => lock(&self.scenes).add(&figures),
            Err((figures, what)) => {
                lock(&self.scenes).add(&figures);
                let Struck { seed, scene, blow } = struck;
                self.fail(format!(
                    "{what}\nreplay: ARCHIVER_SIM_SCENE={seed}:{scene}:{blow} make replay"
                ));
            }
        }
    }

    fn next(&self) -> Option<(Struck, Blow)> {
        let mut place = lock(&self.next_blow);
        let place = &mut *place;
        while place.at.blow == place.blows.len() {
            if !place.blows.is_empty() {
                place.at.scene += 1;
            }
            if place.at.scene == SCENES.len() {
                (place.at.scene, place.at.seed) = (0, place.at.seed + 1);
            }
            place.at.blow = 0;
            match operations(&SCENES[place.at.scene], place.at.seed) {
                Ok(operations) => place.blows = blows(operations),
                Err(e) => {
                    self.fail(format!(
                        "{}, seed {}: {e}",
                        SCENES[place.at.scene].name, place.at.seed
                    ));
                    return None;
                }
            }
        }
        let next = (place.at, place.blows[place.at.blow]);
        place.at.blow += 1;
        Some(next)
    }

    fn fail(&self, what: String) {
        lock(&self.failed).get_or_insert(what);
        self.ended.store(true, Ordering::Relaxed);
    }

    fn total(&self) -> String {
        let mut total = *lock(&self.seeds);
        total.add(&lock(&self.scenes));
        shown(&total)
    }
}

impl Struck {
    /// In every second pass recoveries are crashed as well, one after the other and each somewhere else.
    fn again(&self) -> Vec<u64> {
        let crashes = 6 * (self.seed % 2);
        let after = |number| 1 + (self.blow as u64 + 13 * number) % 41;
        (0..crashes).map(after).collect()
    }

    /// Strikes that scene once more.
    pub fn replay(&self) -> Result<Figures, String> {
        let scene = SCENES.get(self.scene).ok_or("there is no such scene")?;
        let blows = blows(operations(scene, self.seed)?);
        let blow = blows.get(self.blow).ok_or("there is no such blow")?;
        let struck = strike(scene, self.seed, *blow, &self.again(), None);
        struck.map_err(|(_, what)| what)
    }
}

/// The figures on a line.
pub fn shown(figures: &Figures) -> String {
    format!(
        "{} runs, {} crashes, {} archives stopped among others, {} reloads, {} faults in {} operations, {} records; \
         compared {}: lost {}, doubled {}",
        figures.runs,
        figures.crashes,
        figures.tally.stopped,
        figures.tally.reloads,
        figures.faults,
        figures.operations,
        figures.records,
        figures.tally.compared,
        figures.tally.lost,
        figures.tally.doubled
    )
}
