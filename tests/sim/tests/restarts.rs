//! Archives that are stopped and started again while their process lives.

use std::time::Duration;

use crate::sim::chance::finish;
use crate::sim::disk::{Crash, Faults};
use crate::sim::process::{Ended, Step};
use crate::sim::scenes::{SCENES, write};

/// Its disk is slow enough for a stop to come while something is under way that nobody waits for any more.
#[test]
fn what_a_stopped_archive_had_begun_is_over_before_it_is_started_again() {
    for seed in 0..100 {
        let mut scenes = SCENES.iter();
        let scene = scenes.find(|scene| scene.name.starts_with("one of two archives"));
        let world = scene.expect("a scene of two archives").world(seed);
        world.fs.set_faults(Faults {
            hang_once_in: 6,
            ..Faults::default()
        });
        let mut steps = 0;
        let ended = world.process(&mut |world| {
            steps += 1;
            match steps {
                20 => world.fs.set_faults(Faults::default()),
                40 => return Step::Stop,
                _ if steps % 2 == 0 => return Step::Restart(0, Duration::ZERO),
                _ => write(world, 1),
            }
            Step::Wait(Duration::from_millis(world.random.between(1, 20_000) as u64))
        });
        assert_eq!(ended, Ok(Ended::Stopped { clean: true }), "seed {seed}");
        world.fs.crash(Crash::Kill);
        finish(&world).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
    }
}
