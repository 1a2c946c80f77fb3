//! Each scene, struck at every operation.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::sim::chance::Figures;
use crate::sim::scenes::{SCENES, Scene};
use crate::sim::strike::{Blow, blows, operations, strike};
use crate::sim::torture::shown;
use crate::sim::world::lock;

/// Unless `ARCHIVER_SIM_FULL` is set, one in so many blows, of other kinds at each operation.
const EVERY: usize = 5;

fn each(what: &str, is_of_it: fn(&Blow) -> bool) {
    let every = match std::env::var_os("ARCHIVER_SIM_FULL") {
        Some(_) => 1,
        None => EVERY,
    };
    let (all, next) = (Mutex::new(Figures::default()), AtomicUsize::new(0));
    let run = |scene: &Scene| {
        let blows = blows(operations(scene, 1).unwrap_or_else(|e| panic!("{e}")));
        let blows = blows.into_iter().filter(is_of_it);
        for blow in blows.step_by(every) {
            match strike(scene, 1, blow, &[], None) {
                Ok(figures) => lock(&all).add(&figures),
                Err((_, what)) => panic!("{what}"),
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(scene) = SCENES.get(next.fetch_add(1, Ordering::Relaxed)) {
                    run(scene);
                }
            });
        }
    });
    let all = lock(&all);
    assert!(all.runs > 1_000, "only {} runs", all.runs);
    println!("{what}: {}", shown(&all));
}

#[test]
fn a_crash_after_any_operation_loses_nothing() {
    each("a crash after each operation", |blow| {
        matches!(blow, Blow::Crash(..))
    });
}

#[test]
fn a_failure_of_any_operation_loses_nothing() {
    each("a failure of each operation", |blow| {
        matches!(blow, Blow::Fail(..))
    });
}
