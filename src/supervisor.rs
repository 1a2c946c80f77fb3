//! Runs the archives of a configuration: a task for each, a few clients for each cluster.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::archive::{Archive, End, World};
use crate::cluster::Cluster;
use crate::config::{self, Checked, Config};
use crate::hung::{self, Watched};
use crate::kafka::{KafkaCluster, Limits};
use crate::open_files;
use crate::reason::Reason;
use crate::status::{State, Status, name_those};
use crate::totals;
use crate::world::clock::{self, RealClock, Ticks};
use crate::world::devices::Devices;
use crate::world::executor::Cores;
use crate::world::fs::{Fs, RealFs};
use crate::world::shutdown::Shutdown;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It was asked to stop, and everything is in the files and durable.
    Clean,
    /// It was asked to stop, and something is not in the files yet; the next run reads it again.
    Unfinished,
    /// No archive can ever go on.
    Hopeless,
}

/// The share of the memory limit that chunks may hold.
const CHUNKS_PART: u64 = 6;
/// More connections than this to one cluster were never faster.
const CONNECTIONS_MOST: usize = 4;

/// A run that has begun.
pub struct Supervisor {
    tasks: JoinSet<(usize, End)>,
    statuses: Vec<Arc<Status>>,
    watched: Vec<Watched>,
    timeout: Duration,
}

impl Supervisor {
    /// Begins to archive. Must be called within a tokio runtime.
    pub fn start(config: &Checked<Config>, shutdown: &Shutdown) -> Self {
        open_files::allow(&config.archives);
        let fs = RealFs::default();
        let world = World {
            devices: Devices::new(Arc::new(fs.clone()), config.memory_bytes / CHUNKS_PART),
            cores: Cores::default(),
            clock: Arc::new(RealClock),
            ticks: Ticks::default(),
            drain: config.shutdown_timeout / 2,
            memory_bytes: config.memory_bytes,
            said_too_large: Arc::default(),
        };
        let mut lanes = HashMap::<(&str, &str), usize>::new();
        let lane_of = config
            .archives
            .iter()
            .map(|archive| {
                let taken = lanes
                    .entry((&archive.cluster.name, &archive.topic))
                    .or_default();
                *taken += 1;
                *taken - 1
            })
            .collect::<Vec<_>>();
        let clusters = clusters(config, &lane_of);
        for cluster in clusters.values() {
            let cluster = Arc::clone(cluster);
            tokio::spawn(async move { cluster.connect().await });
        }
        let mut tasks = JoinSet::new();
        let (mut statuses, mut watched) = (Vec::new(), Vec::new());
        for (index, (archive, lane)) in config.archives.iter().zip(lane_of).enumerate() {
            let status = Arc::new(Status::new(&archive.name));
            statuses.push(Arc::clone(&status));
            let cluster = Arc::clone(&clusters[archive.cluster.name.as_str()]);
            let own_fs = Arc::new(fs.with_mode(archive.file_mode));
            let devices = world.devices.with_fs(Arc::clone(&own_fs) as Arc<dyn Fs>);
            watched.push(Watched {
                status: Arc::clone(&status),
                calls: own_fs.calls().clone(),
                jobs: devices.jobs().clone(),
            });
            let archive = Archive {
                config: archive.clone(),
                refresh: cluster.refresh(),
                cluster: cluster as Arc<dyn Cluster>,
                cluster_name: archive.cluster.name.clone(),
                lane,
                status,
                world: World {
                    devices,
                    ..world.clone()
                },
            };
            let status = Arc::clone(&archive.status);
            let running = AssertUnwindSafe(archive.run(shutdown.clone())).catch_unwind();
            tasks.spawn(async move {
                let end = running.await.unwrap_or_else(|_| {
                    // The panic's own message is on standard error already.
                    status.set(State::stopped(Reason::Panicked));
                    End::Never
                });
                (index, end)
            });
        }
        Self {
            tasks,
            statuses,
            watched,
            timeout: config.shutdown_timeout,
        }
    }

    /// What the archives are doing.
    pub fn statuses(&self) -> &[Arc<Status>] {
        &self.statuses
    }

    /// Runs until asked to stop, or until no archive can ever go on.
    pub async fn run(mut self, mut shutdown: Shutdown) -> Ended {
        let reporting = tokio::spawn(totals::report(self.statuses.clone()));
        let watching = tokio::spawn(hung::watch(std::mem::take(&mut self.watched)));
        tokio::spawn(clock::watch());
        let mut unfinished = false;
        loop {
            tokio::select! {
                biased;
                () = shutdown.requested() => break,
                ended = self.tasks.join_next() => match ended {
                    Some(ended) => unfinished |= self.ended(ended),
                    None => break,
                },
            }
        }
        reporting.abort();
        if !shutdown.is_requested() {
            tracing::error!(
                "nothing left to do: none of the {} archives can go on",
                self.statuses.len()
            );
            return Ended::Hopeless;
        }
        let deadline = Instant::now() + self.timeout;
        loop {
            match tokio::time::timeout_at(deadline, self.tasks.join_next()).await {
                Ok(Some(ended)) => unfinished |= self.ended(ended),
                Ok(None) => break,
                Err(_) => {
                    self.name_the_late();
                    unfinished = true;
                    break;
                }
            }
        }
        watching.abort();
        totals::last_line(&self.statuses);
        if unfinished {
            Ended::Unfinished
        } else {
            Ended::Clean
        }
    }

    /// Takes note of an archive's end; is something of it unfinished?
    fn ended(&self, ended: Result<(usize, End), tokio::task::JoinError>) -> bool {
        match ended {
            Ok((_, end)) => end == End::Unfinished,
            Err(e) => {
                // The panic's own message is on standard error already.
                tracing::error!("an archive failed by a fault in the program: {e}");
                true
            }
        }
    }

    fn name_the_late(&self) {
        let is_late = |state: &State| !state.is_end();
        let (_, late) = name_those(&self.statuses, is_late);
        tracing::error!(
            "not stopped within {} s: {late}; what is not in their files will be read again at the next start",
            self.timeout.as_secs(),
        );
    }
}

/// The clusters by name.
fn clusters<'c>(config: &'c Config, lane_of: &[usize]) -> HashMap<&'c str, Arc<KafkaCluster>> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let of = |cluster: &Checked<config::Cluster>| {
        let archives = config.archives.iter().zip(lane_of);
        let lanes = archives
            .filter(|(archive, _)| archive.cluster.name == cluster.name)
            .map(|(_, lane)| lane + 1);
        lanes.max().unwrap_or(0)
    };
    let connections = |cluster: &config::Cluster| {
        let chosen = cluster.connections.map(usize::from);
        chosen.unwrap_or(cores.min(CONNECTIONS_MOST))
    };
    let clients = config.clusters.iter();
    let clients = clients
        .map(|cluster| of(cluster) * connections(cluster))
        .sum();
    let window = Limits::window(config.memory_bytes);
    config
        .clusters
        .iter()
        .map(|cluster| {
            let limits = Limits::new(
                config.memory_bytes,
                connections(cluster),
                clients,
                window.clone(),
            );
            let archives = config.archives.iter();
            let read = archives.filter(|archive| archive.cluster.name == cluster.name);
            let mut topics = read
                .map(|archive| archive.topic.clone())
                .collect::<Vec<_>>();
            topics.sort_unstable();
            topics.dedup();
            let connected = KafkaCluster::new(cluster, topics, of(cluster), limits);
            (cluster.name.as_str(), Arc::new(connected))
        })
        .collect()
}
