//! A scene, struck at one of its operations: by a crash of some kind, or by a failure and perhaps a crash after it.

use super::chance::{Figures, finish};
use super::check::check;
use super::disk::{Crash, Fault, Faults, Loss, Mutation, Names};
use super::process::Ended;
use super::scenes::Scene;
use super::world::World;

/// How a scene is struck.
#[derive(Debug, Clone, Copy)]
pub enum Blow {
    /// A crash after this operation.
    Crash(u64, Crash),
    /// This operation fails, and so many operations later there is a crash; none if that is 0.
    Fail(u64, Fault, u64),
}

/// After how many operations a failure is followed by a crash.
const LATER: [u64; 7] = [0, 1, 2, 5, 9, 15, 30];

/// Every way to strike a scene that has so many operations.
pub fn blows(operations: u64) -> Vec<Blow> {
    let names = |loss| Names::ALL.map(|names| Crash::Power(loss, names));
    let power = Loss::ALL.into_iter().flat_map(names);
    let crashes = power.chain([Crash::Kill, Crash::Chaos]).collect::<Vec<_>>();
    let mut blows = Vec::new();
    for operation in 1..=operations {
        blows.extend(crashes.iter().map(|&how| Blow::Crash(operation, how)));
        for fault in Fault::ALL {
            blows.extend(LATER.map(|later| Blow::Fail(operation, fault, later)));
        }
    }
    blows
}

/// How many operations a scene has when nothing strikes it.
pub fn operations(scene: &Scene, seed: u64) -> Result<u64, String> {
    let world = scene.world(seed);
    let ended = world.process(&mut scene.script())?;
    // It need not be a clean one: what an archive took may not be certain again so soon after its topic was created anew.
    if !matches!(ended, Ended::Stopped { .. }) {
        return Err(format!("{}: {ended:?}", scene.name));
    }
    let (operations, _) = world.fs.counts();
    // All that it read again is there once it has stopped cleanly.
    finish(&world)?;
    Ok(operations)
}

/// Strikes a scene; then a recovery is crashed after each of so many operations.
pub fn strike(
    scene: &Scene,
    seed: u64,
    blow: Blow,
    again: &[u64],
    mutation: Option<Mutation>,
) -> Result<Figures, (Figures, String)> {
    let world = scene.world(seed);
    world.fs.mutate(mutation);
    let mut figures = Figures {
        runs: 1,
        ..Figures::default()
    };
    let done = run(scene, &world, blow, again, &mut figures);
    figures.count(&world);
    match done {
        Ok(()) => Ok(figures),
        Err(what) => Err((figures, format!("{}, {blow:?}: {what}", scene.name))),
    }
}

fn run(
    scene: &Scene,
    world: &World,
    blow: Blow,
    again: &[u64],
    figures: &mut Figures,
) -> Result<(), String> {
    let how = match blow {
        Blow::Crash(operation, how) => {
            world.fs.crash_after(operation);
            how
        }
        Blow::Fail(operation, fault, later) => {
            world.fs.set_faults(Faults {
                at: Some((operation, fault)),
                ..Faults::default()
            });
            if later > 0 {
                world.fs.crash_after(operation + later);
            }
            Crash::Chaos
        }
    };
    let ended = world.process(&mut scene.script())?;
    crash(world, &ended, how, figures)?;
    for after in again {
        let (operations, _) = world.fs.counts();
        world.fs.crash_after(operations + after);
        let ended = world.process(&mut scene.script())?;
        crash(world, &ended, Crash::Chaos, figures)?;
    }
    finish(world)
}

fn crash(world: &World, ended: &Ended, how: Crash, figures: &mut Figures) -> Result<(), String> {
    world.fs.crash(how);
    figures.crashes += u64::from(*ended == Ended::Crashed);
    check(world)
}
