//! Each scene, crashed after every operation, with every kind of loss; and with every operation failing.

use crate::sim::chance::{Figures, finish};
use crate::sim::check::check;
use crate::sim::disk::{Crash, Fault, Faults, Loss, Names};
use crate::sim::scenes::{SCENES, Scene};
use crate::sim::world::{Ended, World};

/// All of these if `ARCHIVER_SIM_FULL` is set, or else every so-manieth, others at each operation.
fn some<T>(of: Vec<T>, every: usize, operation: u64) -> Vec<T> {
    if std::env::var_os("ARCHIVER_SIM_FULL").is_some() {
        return of;
    }
    let first = operation as usize % every;
    of.into_iter().skip(first).step_by(every).collect()
}

fn crashes() -> Vec<Crash> {
    let names = |loss| Names::ALL.map(|names| Crash::Power(loss, names));
    let power = Loss::ALL.into_iter().flat_map(names);
    power.chain([Crash::Kill, Crash::Chaos]).collect()
}

/// How many operations a scene has.
fn operations(scene: &Scene, seed: u64) -> u64 {
    let world = scene.world(seed);
    let ended = world.process(&mut scene.script());
    assert_eq!(ended, Ok(Ended::Stopped { clean: true }), "{}", scene.name);
    finish(&world).unwrap_or_else(|e| panic!("{}: {e}", scene.name));
    let world = scene.world(seed);
    let _ = world.process(&mut scene.script());
    world.fs.counts().0
}

fn recover(world: &World, how: Crash, figures: &mut Figures) -> Result<(), String> {
    world.fs.crash(how);
    figures.crashes += 2;
    figures.runs += 1;
    check(world)?;
    finish(world)
}

fn each(what: &str, run: impl Fn(&Scene, &mut Figures) + Sync) {
    let all = std::sync::Mutex::new(Figures::default());
    let next = std::sync::atomic::AtomicUsize::new(0);
    let work = || {
        while let Some(scene) = SCENES.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
        {
            let mut figures = Figures::default();
            run(scene, &mut figures);
            all.lock().expect("no panic").add(figures);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let all = all.into_inner().expect("no panic");
    println!(
        "{what}: {} runs, {} crashes: lost 0, doubled 0",
        all.runs, all.crashes
    );
}

#[test]
fn a_crash_after_any_operation_loses_nothing() {
    each("a crash after each operation", |scene, figures| {
        for operation in 1..=operations(scene, 1) {
            for how in some(crashes(), 5, operation) {
                let world = scene.world(1);
                world.fs.crash_after(operation);
                let done = world
                    .process(&mut scene.script())
                    .and_then(|_| recover(&world, how, figures));
                if let Err(e) = done {
                    panic!("{}, {how:?} after operation {operation}: {e}", scene.name);
                }
            }
        }
    });
}

#[test]
fn a_failure_of_any_operation_loses_nothing() {
    each("a failure of each operation", |scene, figures| {
        for operation in 1..=operations(scene, 2) {
            for fault in Fault::ALL {
                for crash_later in some(vec![0, 1, 2, 5, 9, 15, 30], 4, operation) {
                    let world = scene.world(2);
                    world.fs.set_faults(Faults {
                        at: Some((operation, fault)),
                        ..Faults::default()
                    });
                    if crash_later > 0 {
                        world.fs.crash_after(operation + crash_later);
                    }
                    let done = world
                        .process(&mut scene.script())
                        .and_then(|_| recover(&world, Crash::Chaos, figures));
                    if let Err(e) = done {
                        panic!(
                            "{}, {fault:?} at operation {operation}, crashed {crash_later} later: {e}",
                            scene.name
                        );
                    }
                }
            }
        }
    });
}
