//! Whether every archive is assigned its partitions, is answered by its cluster and makes checkpoints, and which isn't,
//! and why.

use serde::Serialize;

use crate::observe::snapshot::{Archive, Cluster, Snapshot, State};

/// So many are named.
const NAMED_MOST: usize = 100;

/// The answer to `/readyz`.
#[derive(Debug, Serialize)]
pub(super) struct Ready {
    /// All of them are.
    pub is_ready: bool,
    /// How many there are.
    archives: usize,
    /// How many are not.
    not_ready: usize,
    /// The first of those.
    waiting: Vec<NotReady>,
}

#[derive(Debug, Serialize)]
struct NotReady {
    archive: String,
    state: State,
    why: Option<String>,
}

impl Ready {
    pub fn of(snapshot: Snapshot) -> Self {
        let archives = snapshot.archives.len();
        let clusters = snapshot.process.clusters;
        let is_missing = |archive: &Archive| !archive.is_ready;
        let missing = snapshot.archives.into_iter().filter(is_missing);
        let missing = missing.collect::<Vec<_>>();
        Self {
            is_ready: missing.is_empty(),
            archives,
            not_ready: missing.len(),
            waiting: missing
                .into_iter()
                .take(NAMED_MOST)
                .map(|archive| NotReady {
                    state: archive.state,
                    why: why(&archive, &clusters),
                    archive: archive.name,
                })
                .collect(),
        }
    }

    /// For whoever may not know more: nothing but whether they are.
    pub const fn short(is_ready: bool) -> &'static str {
        match is_ready {
            true => "ready\n",
            false => "not ready\n",
        }
    }

    pub fn text(&self) -> String {
        if self.is_ready {
            return Self::short(true).into();
        }
        let Self {
            archives,
            not_ready,
            waiting,
            ..
        } = self;
        let mut text = format!("not ready: {not_ready} of {archives} archives\n");
        for of in waiting {
            let state = of.state.words();
            let why = of.why.as_ref().map(|why| format!(": {why}"));
            text += &format!("{}: {state}{}\n", of.archive, why.unwrap_or_default());
        }
        if *not_ready > waiting.len() {
            text += &format!("and {} others\n", not_ready - waiting.len());
        }
        text
    }
}

/// Why one isn't ready: as it says itself, or what it takes no notice of, as it would read if anything came.
fn why(archive: &Archive, clusters: &[Cluster]) -> Option<String> {
    let reads = matches!(archive.state, State::Running | State::CaughtUp);
    if archive.why.is_some() || !reads {
        return archive.why.clone();
    }
    let name = &archive.cluster;
    let mut of_its = clusters.iter().filter(|cluster| cluster.name == *name);
    Some(match of_its.find_map(|cluster| cluster.trouble.as_ref()) {
        Some(trouble) => format!("cluster {name}: {trouble}"),
        None => format!(
            "cluster {name} doesn't answer how far topic {} reaches",
            archive.topic
        ),
    })
}
