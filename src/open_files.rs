//! How many files the process may have open.

use std::path::absolute;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::{Archive, Checked};

/// An archive keeps its lock and its data open, and its gaps if it has any.
const FILES_KEPT: usize = 3;
/// For the clients' connections, and whatever else is open.
const OTHER_FILES: usize = 256;

/// How many files may be open at a time: beside those that are kept, all archives may have the directories above
/// theirs open at the same time, to make their names durable.
fn needed(archives: &[Checked<Archive>]) -> usize {
    let paths = archives.iter().flat_map(|a| [&a.file, &a.state]);
    let depth = paths.map(|path| absolute(path).map_or(0, |path| path.ancestors().count()));
    archives.len() * (FILES_KEPT + depth.max().unwrap_or(0)) + OTHER_FILES
}

/// Raises the limit as far as it has to be and may be, and warns if that isn't enough.
pub fn allow(archives: &[Checked<Archive>]) {
    let wanted = needed(archives) as u64;
    let now = getrlimit(Resource::Nofile);
    let unlimited = |limit: Option<u64>| limit.unwrap_or(u64::MAX);
    if unlimited(now.current) >= wanted {
        return;
    }
    let raised = wanted.min(unlimited(now.maximum));
    let limit = Rlimit {
        current: Some(raised),
        maximum: now.maximum,
    };
    if setrlimit(Resource::Nofile, limit).is_err() || raised < wanted {
        let archives = archives.len();
        tracing::warn!(
            "{archives} archives may need {wanted} open files, but only {raised} are allowed; raise the limit \
             (ulimit -n, or LimitNOFILE in the service's unit)"
        );
    }
}
