//! For as long as there is time; and one run again.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::number;
use crate::sim::chance::replay;
use crate::sim::torture::{Struck, Torture, shown};

fn fail(what: &str) -> ! {
    println!("FAILED: {what}");
    std::process::exit(1);
}

#[test]
#[ignore = "runs for ARCHIVER_SIM_MINUTES: make torture"]
fn torture() {
    let minutes = number("ARCHIVER_SIM_MINUTES").unwrap_or(10);
    // Seeds that nobody has run, and no further apart than can be told.
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let fresh = now.map_or(1, |now| now.as_secs() * 1_000_000);
    let first = number("ARCHIVER_SIM_FIRST").unwrap_or(fresh);
    println!("{minutes} minutes, from seed {first} on");
    let torture = Torture::new(first);
    if let Err(what) = torture.run(Duration::from_secs(minutes * 60)) {
        fail(&what);
    }
}

#[test]
#[ignore = "repeats the run of ARCHIVER_SIM_SEED or ARCHIVER_SIM_SCENE: make replay"]
fn again() {
    if let Ok(struck) = std::env::var("ARCHIVER_SIM_SCENE") {
        let numbers = struck.split(':').map(|number| number.parse::<u64>().ok());
        let Some([seed, scene, blow]) = numbers
            .collect::<Option<Vec<_>>>()
            .as_deref()
            .and_then(|n| n.first_chunk())
            .copied()
        else {
            fail("ARCHIVER_SIM_SCENE is SEED:SCENE:BLOW");
        };
        let struck = Struck {
            seed,
            scene: scene as usize,
            blow: blow as usize,
        };
        match struck.replay() {
            Ok(figures) => println!("{}", shown(&figures)),
            Err(what) => fail(&what),
        }
        return;
    }
    let Some(seed) = number("ARCHIVER_SIM_SEED") else {
        fail("set ARCHIVER_SIM_SEED or ARCHIVER_SIM_SCENE");
    };
    match replay(seed) {
        Ok(figures) => println!("seed {seed}: {}", shown(&figures)),
        Err(failure) => {
            failure.trace.iter().for_each(|line| println!("{line}"));
            fail(&format!("seed {seed}: {}", failure.what));
        }
    }
}
