//! How many files the process may have open.

use std::path::{Path, absolute};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// An archive keeps its lock and its manifest open.
const FILES_KEPT: usize = 2;
/// A segment has its index beside it.
const FILES_OF_SEGMENT: usize = 2;
/// For the clients' connections, and whatever else is open.
const OTHER_FILES: usize = 256;

/// How many archives there are, and how many directories are above what one of them has, at most.
#[derive(Debug, Clone, Copy)]
pub struct Needs {
    /// How many archives.
    pub archives: usize,
    /// How many segments they may have open together.
    pub segments: usize,
    /// How many directories.
    pub depth: usize,
}

impl Needs {
    /// How many files may be open at a time: beside those that are kept, all archives may have the directories above
    /// theirs open at the same time, to make their names durable.
    fn files(self) -> usize {
        self.archives * (FILES_KEPT + self.depth) + self.segments * FILES_OF_SEGMENT + OTHER_FILES
    }
}

/// How many files may have to be open, and how many may be at most.
pub fn wanted_and_allowed(needs: Needs) -> (u64, u64) {
    let allowed = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
    (needs.files() as u64, allowed)
}

/// How many directories are above these paths, at most.
pub fn depth(paths: [&Path; 2]) -> usize {
    let depth = paths.map(|path| absolute(path).map_or(0, |path| path.ancestors().count()));
    depth.into_iter().max().unwrap_or(0)
}

/// The process's limit.
#[derive(Default)]
pub struct OpenFiles {
    /// How many were said to be too many, at last.
    said: AtomicU64,
}

impl OpenFiles {
    /// Raises the limit as far as it has to be and may be, and warns if that isn't enough: again when twice as many are
    /// needed.
    pub fn allow(&self, needs: Needs) {
        let wanted = needs.files() as u64;
        let Some(allowed) = raise(wanted) else { return };
        if wanted / 2 < self.said.load(Ordering::Relaxed) {
            return;
        }
        self.said.store(wanted, Ordering::Relaxed);
        let archives = needs.archives;
        tracing::warn!(
            "{archives} archives may need {wanted} open files, but only {allowed} are allowed; raise the limit \
             (ulimit -n, or LimitNOFILE in the service's unit)"
        );
    }
}

/// Raises the limit as far as it may be; how many are allowed if those are too few.
fn raise(wanted: u64) -> Option<u64> {
    let now = getrlimit(Resource::Nofile);
    let unlimited = |limit: Option<u64>| limit.unwrap_or(u64::MAX);
    if unlimited(now.current) >= wanted {
        return None;
    }
    let raised = wanted.min(unlimited(now.maximum));
    let limit = Rlimit {
        current: Some(raised),
        maximum: now.maximum,
    };
    (setrlimit(Resource::Nofile, limit).is_err() || raised < wanted).then_some(raised)
}
