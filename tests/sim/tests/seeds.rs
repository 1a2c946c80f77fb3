//! Many seeds, each a run.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::number;
use crate::sim::chance::{Failure, Figures, run};
use crate::sim::torture::shown;

/// How many seeds are run unless `ARCHIVER_SIM_SEEDS` says otherwise.
const SEEDS: u64 = 5_000;

/// Seeds that have found something; run always.
const REGRESSIONS: [u64; 12] = [
    3,
    4,
    9,
    28,
    371,
    993,
    2582,
    3545,
    3612,
    4877,
    1795260601001342,
    1_795_951_307_010_088,
];

fn fail(failure: &Failure) -> ! {
    panic!(
        "seed {}: {}\nreplay: ARCHIVER_SIM_SEED={} make replay",
        failure.seed, failure.what, failure.seed
    );
}

#[test]
fn whatever_happens_each_record_is_there_once() {
    let first = number("ARCHIVER_SIM_FIRST").unwrap_or(0);
    let end = first + number("ARCHIVER_SIM_SEEDS").unwrap_or(SEEDS);
    let (next, all) = (AtomicU64::new(first), Mutex::new(Figures::default()));
    let failed = Mutex::new(None::<Failure>);
    let work = || {
        while failed.lock().expect("no panic").is_none() {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                break;
            }
            match run(seed, None, false) {
                Ok(figures) => all.lock().expect("no panic").add(&figures),
                Err(failure) => *failed.lock().expect("no panic") = Some(failure),
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    if let Some(failure) = failed.into_inner().expect("no panic") {
        fail(&failure);
    }
    let all = all.into_inner().expect("no panic");
    println!("{}", shown(&all));
}

#[test]
fn what_was_found_once_is_not_found_again() {
    for seed in REGRESSIONS {
        if let Err(failure) = run(seed, None, false) {
            fail(&failure);
        }
    }
}

#[test]
fn a_seed_is_always_the_same_run() {
    for seed in 0..20 {
        let runs = [(); 2].map(|()| match run(seed, None, false) {
            Ok(figures) => format!("{figures:?}"),
            Err(failure) => failure.what,
        });
        assert_eq!(runs[0], runs[1], "seed {seed}");
    }
}
