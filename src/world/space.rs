//! The space on a device: how much is free, how fast that becomes less, and whether others are to have the rest.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How often is looked.
pub const LOOK: Duration = Duration::from_secs(5);
/// How many looks the speed is taken over.
const LOOKS: usize = 120;
/// From so many on there is a forecast.
const LOOKS_LEAST: usize = 6;
/// How much more than `disk_free` must be free for a disk to have room again.
const ROOM: f64 = 1.02;

/// What is known of a device's space; clones are the same.
#[derive(Debug, Clone)]
pub struct Space(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// A path on the device.
    path: Arc<Path>,
    /// How many bytes are to be left to others.
    floor_bytes: u64,
    looks: Mutex<VecDeque<(Instant, u64)>>,
    is_low: AtomicBool,
    /// It was said that it will be full within so long.
    said: Mutex<Option<Duration>>,
}

/// What is to be said of a device's space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alarm {
    /// In about so long no more than `disk_free` is left.
    FullIn(Duration),
    /// That is no danger any more.
    Over,
}

/// What is known of a device's space at a moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// A path on it.
    pub path: Arc<Path>,
    /// How many bytes are free.
    pub free_bytes: u64,
    /// How many bytes a second become fewer.
    pub filling_bytes_per_second: f64,
    /// In about how long no more than `disk_free` is left; `None` if that is not to be expected.
    pub full_in: Option<Duration>,
    /// Is it so already?
    pub is_low: bool,
}

impl Space {
    /// Of the device that this path is on, of which so much is to be left to others.
    pub fn new(path: Arc<Path>, floor_bytes: u64) -> Self {
        Self(Arc::new(Inner {
            path,
            floor_bytes,
            looks: Mutex::default(),
            is_low: AtomicBool::new(false),
            said: Mutex::default(),
        }))
    }

    /// A path on the device.
    pub fn path(&self) -> &Arc<Path> {
        &self.0.path
    }

    /// How many bytes are to be left to others (`disk_free`).
    pub fn floor_bytes(&self) -> u64 {
        self.0.floor_bytes
    }

    /// Is less than `disk_free` left, as of the last look?
    pub fn is_low(&self) -> bool {
        self.0.is_low.load(Ordering::Relaxed)
    }

    /// Notes how much is free.
    pub fn note(&self, now: Instant, free_bytes: u64) {
        let floor_bytes = self.0.floor_bytes;
        let mut looks = self.0.looks.lock().unwrap_or_else(PoisonError::into_inner);
        looks.push_back((now, free_bytes));
        if looks.len() > LOOKS {
            looks.pop_front();
        }
        drop(looks);
        let enough = match self.is_low() {
            true => (floor_bytes as f64 * ROOM) as u64,
            false => floor_bytes,
        };
        self.0.is_low.store(free_bytes < enough, Ordering::Relaxed);
    }

    /// What is known now; `None` before the first look.
    pub fn seen(&self) -> Option<Seen> {
        let looks = self.0.looks.lock().unwrap_or_else(PoisonError::into_inner);
        let (&(begun, before), &(now, free_bytes)) = (looks.front()?, looks.back()?);
        let seconds = now.duration_since(begun).as_secs_f64();
        let filling = match seconds > 0.0 && looks.len() >= LOOKS_LEAST {
            true => (before as f64 - free_bytes as f64) / seconds,
            false => 0.0,
        };
        let left = free_bytes.saturating_sub(self.0.floor_bytes) as f64;
        let full_in = (filling >= 1.0).then(|| Duration::try_from_secs_f64(left / filling).ok());
        Some(Seen {
            path: Arc::clone(&self.0.path),
            free_bytes,
            filling_bytes_per_second: filling,
            full_in: full_in.flatten(),
            is_low: self.is_low(),
        })
    }

    /// What is news to somebody who wants to know that it will be full within so long. All who ask are told once.
    pub fn alarm(&self, headroom: Duration) -> Option<Alarm> {
        let full_in = self.seen()?.full_in;
        let mut said = self.0.said.lock().unwrap_or_else(PoisonError::into_inner);
        match *said {
            None => {
                let left = full_in.filter(|left| *left <= headroom)?;
                *said = Some(headroom);
                Some(Alarm::FullIn(left))
            }
            Some(before) if full_in.is_none_or(|left| left > before * 5 / 4) => {
                *said = None;
                Some(Alarm::Over)
            }
            Some(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: u64 = 1_000_000;

    #[test]
    fn a_disk_that_fills_says_when_it_is_full_and_one_that_does_not_says_nothing() {
        let space = Space::new(Arc::from(Path::new("/data")), 1_000 * MB);
        let begun = Instant::now();
        assert_eq!(space.seen(), None);
        for look in 0..100 {
            let at = begun + LOOK * look as u32;
            space.note(at, 10_000 * MB - look * 50 * MB);
        }
        let seen = space.seen().expect("looked at");
        assert_eq!(seen.filling_bytes_per_second.round(), 1e7);
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        assert_eq!(space.alarm(minutes(5)), None);
        assert!(matches!(space.alarm(minutes(60)), Some(Alarm::FullIn(_))));
        assert_eq!(space.alarm(minutes(60)), None, "it was said");
        assert_eq!(space.alarm(minutes(5)), None, "it is no less true");
        let left = seen.full_in.expect("it fills").as_secs_f64();
        assert!((left - 405.0).abs() < 1.0, "{left}");
        for look in 100..300 {
            space.note(begun + LOOK * look, 5_050 * MB);
        }
        assert_eq!(space.seen().expect("looked at").full_in, None);
        assert_eq!(space.alarm(minutes(60)), Some(Alarm::Over));
    }

    #[test]
    fn a_disk_that_was_low_has_room_again_when_there_is_a_little_more() {
        let space = Space::new(Arc::from(Path::new("/data")), 1000 * MB);
        for (free, is_low) in [
            (1000, false),
            (999, true),
            (1001, true),
            (1020, false),
            (1000, false),
        ] {
            space.note(Instant::now(), free * MB);
            assert_eq!(space.is_low(), is_low, "{free}");
        }
    }
}
