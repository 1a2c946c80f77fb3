//! A wall clock that a test sets, of one archiver and nobody else.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::archiver::Archiver;
use crate::config::Config;
use crate::preload::Preload;
use crate::scene::Scene;

pub struct WallClock {
    preload: Preload,
    /// How much it is off.
    seconds: AtomicI64,
}

impl WallClock {
    /// As everybody's.
    pub fn new(scene: &Scene) -> Self {
        Self {
            preload: Preload::new(scene, "wall_clock", "WALL_CLOCK_OFFSET", 0),
            seconds: AtomicI64::new(0),
        }
    }

    /// Runs `archiver -c topics.toml` by this clock.
    pub fn start(&self, scene: &Scene, config: &Config) -> Archiver {
        self.preload.start(scene, config)
    }

    /// What another process needs in its environment to go by it.
    pub fn environment(&self) -> [(&str, &str); 2] {
        self.preload.environment()
    }

    /// Sets it to so many seconds before or behind everybody's.
    pub fn set(&self, seconds: i64) {
        self.seconds.store(seconds, Ordering::Relaxed);
        self.preload.set(seconds);
    }

    /// Sets it forward, or back.
    pub fn step(&self, seconds: i64) {
        let off = self.seconds.fetch_add(seconds, Ordering::Relaxed) + seconds;
        self.preload.set(off);
    }
}
