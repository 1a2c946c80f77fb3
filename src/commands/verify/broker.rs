//! What Kafka says of an archive: whether offsets that it lacks ever were records, and how far it is behind.

use std::collections::{BTreeMap, HashMap};
use std::ops::{ControlFlow, Range};

use anyhow::{Context, bail};
use archiver_format::capture::Capture;
use archiver_format::checkpoint::{Checkpoint, Identity};
use archiver_format::record::{NextOffset, Partition};
use archiver_format::state_files::StateDir;
use archiver_format::verify::{Coverage, Report};
use serde::Serialize;
use tokio::runtime::Runtime;

use super::deep::{Compared, compare};
use super::held::{FAR, Held};
use super::topic_source::TopicSource;
use crate::config::{Archive, Checked};
use crate::source::cluster::{KafkaError, Topic, Trouble};
use crate::source::kafka::{Scan, Scanner};

/// The clusters of archives.
pub struct Broker {
    pub(super) runtime: Runtime,
    pub(super) source: TopicSource,
    scanners: HashMap<String, Scanner>,
    deep: bool,
}

/// What Kafka says of an archive, in JSON.
#[derive(Debug, Default, Serialize)]
pub struct Answer {
    /// Why it was not asked, or not to the end.
    pub error: Option<String>,
    /// The topic was created again since the checkpoint, so that nothing can be compared.
    pub is_another_topic: bool,
    /// The topic doesn't exist there, so that nothing can be compared.
    pub is_missing_topic: bool,
    /// What it holds of each partition.
    pub partitions: Vec<Held>,
    /// How many of the offsets that no segment holds are no records.
    pub explained: u64,
    /// How many it doesn't hold any more, or not of the log that they were in.
    pub unknown: u64,
    /// How many are records that a consumer reads.
    pub lost: u64,
    /// The first of these, from and to.
    pub lost_offsets: Vec<Lost>,
    /// All that it still holds, compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compared: Option<Compared>,
}

/// Offsets of records that the archive lacks.
#[derive(Debug, Serialize)]
pub struct Lost {
    /// The partition.
    pub partition: Partition,
    /// The first of them.
    pub from: i64,
    /// The offset behind the last.
    pub to: i64,
}

/// So many are listed.
const LOST_MOST: usize = 1_000;

impl Answer {
    /// Is something missing or wrong, or was it not found out?
    pub fn is_bad(&self) -> bool {
        let differs = self
            .compared
            .as_ref()
            .is_some_and(|found| found.differing > 0);
        self.lost > 0 || differs || self.error.is_some()
    }

    /// How many offsets of the topic the archive has not read yet.
    pub fn behind(&self) -> u64 {
        let partitions = self.partitions.iter();
        let behind = partitions.map(|held| held.end.saturating_sub(held.next.max(held.start)));
        behind
            .map(|behind| u64::try_from(behind).unwrap_or(0))
            .sum()
    }
}

impl Broker {
    /// The clusters of these archives. Contacts nobody yet.
    pub fn new(source: TopicSource, deep: bool) -> anyhow::Result<Self> {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build();
        Ok(Self {
            runtime: runtime.context("starting a thread")?,
            source,
            scanners: HashMap::new(),
            deep,
        })
    }

    /// What Kafka says of an archive whose state is there.
    pub fn ask(&mut self, state: &StateDir, report: &Report) -> Answer {
        let mut answer = Answer::default();
        if let Some(checkpoint) = &report.checkpoint {
            let identity = &checkpoint.identity;
            let asked = self.source.archive(state, identity).and_then(|archive| {
                self.ask_of((&archive, state), checkpoint, report, &mut answer)
            });
            answer.error = asked.err().map(|e| format!("{e:#}"));
        }
        answer
    }

    /// The cluster of an archive.
    fn scanner(&mut self, archive: &Checked<Archive>) -> &Scanner {
        let (cluster, memory) = (&archive.cluster, self.source.memory);
        let scanner = self.scanners.entry(cluster.name.clone());
        scanner.or_insert_with(|| Scanner::new(cluster, memory))
    }

    /// What Kafka says of the topic of an archive now.
    pub(super) fn describe(&mut self, archive: &Checked<Archive>) -> Result<Topic, KafkaError> {
        let runtime = self.runtime.handle().clone();
        runtime.block_on(self.scanner(archive).describe(&archive.topic))
    }

    /// What Kafka holds of some partitions of an archive's topic: from where on, and up to where.
    pub(super) fn offsets(
        &mut self,
        archive: &Checked<Archive>,
        partitions: impl Iterator<Item = Partition>,
    ) -> anyhow::Result<BTreeMap<Partition, Range<NextOffset>>> {
        let runtime = self.runtime.handle().clone();
        let offsets = self.scanner(archive).offsets(&archive.topic, partitions);
        runtime.block_on(offsets).map_err(|e| failed(archive, e))
    }

    /// Makes ready to read the topic of an archive.
    pub(super) fn scan(&mut self, archive: &Checked<Archive>) -> anyhow::Result<Scan> {
        let runtime = self.runtime.handle().clone();
        let scan = runtime.block_on(self.scanner(archive).scan(&archive.topic));
        scan.map_err(|e| failed(archive, e))
    }

    fn ask_of(
        &mut self,
        (archive, state): (&Checked<Archive>, &StateDir),
        checkpoint: &Checkpoint,
        report: &Report,
        answer: &mut Answer,
    ) -> anyhow::Result<()> {
        let runtime = self.runtime.handle().clone();
        let _within = runtime.enter();
        let found = match self.describe(archive) {
            Err(e) if e.kind == Trouble::Missing => {
                let id = runtime.block_on(self.scanner(archive).id());
                let id = id.map_err(|e| failed(archive, e))?;
                check_cluster(&checkpoint.identity, id)?;
                answer.is_missing_topic = true;
                None
            }
            found => Some(found.map_err(|e| failed(archive, e))?),
        };
        let stored = checkpoint.identity.topic_id.as_ref();
        let Some(found) = found.filter(|found| !found.is_another(stored)) else {
            answer.is_another_topic = !answer.is_missing_topic;
            report
                .coverage
                .holes(|hole| answer.unknown += hole.to.abs_diff(hole.from));
            return Ok(());
        };
        for (partition, held) in self.offsets(archive, 0..found.partitions)? {
            answer.partitions.push(Held {
                partition,
                start: held.start.get(),
                end: held.end.get(),
                next: checkpoint.progress.positions.next(partition).get(),
            });
        }
        let holes = holes(&report.coverage, answer);
        if holes.is_empty() && !self.deep {
            return Ok(());
        }
        let window = times(state)?;
        let mut scan = self.scan(archive)?;
        for (partition, holes) in holes {
            let explained = explain(&mut scan, (partition, &holes), &window, answer);
            explained.map_err(|e| failed(archive, e))?;
        }
        if self.deep {
            let compared = compare(&mut scan, archive, report, &answer.partitions);
            answer.compared = Some(compared?);
        }
        Ok(())
    }
}

/// A topic that another cluster doesn't have is not missing.
fn check_cluster(of: &Identity, found: Option<String>) -> anyhow::Result<()> {
    match (&of.cluster_id, found) {
        (Some(of), Some(found)) if *of != found => {
            bail!("the brokers are of cluster {found}, and the archive's topic is of cluster {of}")
        }
        _ => Ok(()),
    }
}

pub(super) fn failed(archive: &Archive, error: KafkaError) -> anyhow::Error {
    let (cluster, topic) = (&archive.cluster.name, &archive.topic);
    anyhow::Error::new(error).context(format!("asking {cluster} about topic {topic}"))
}

/// The holes that Kafka can be asked about, by their partitions. The others are unknown.
fn holes(coverage: &Coverage, answer: &mut Answer) -> BTreeMap<Partition, Vec<(i64, i64)>> {
    let starts = answer.partitions.iter();
    let starts = starts.map(|held| (held.partition, held.start));
    let starts = starts.collect::<BTreeMap<_, _>>();
    let mut holes = BTreeMap::<_, Vec<_>>::new();
    coverage.holes(|hole| {
        let start = starts.get(&hole.partition).filter(|_| hole.is_of_now);
        let from = start
            .map_or(hole.to, |start| hole.from.max(*start))
            .min(hole.to);
        answer.unknown += from.abs_diff(hole.from);
        if from < hole.to {
            holes
                .entry(hole.partition)
                .or_default()
                .push((from, hole.to));
        }
    });
    holes
}

/// The timestamps that an archive takes, in milliseconds since 1970: of a capture perhaps not all.
fn times(state: &StateDir) -> anyhow::Result<Range<i64>> {
    let loaded = Capture::load(state);
    let capture = loaded.with_context(|| format!("reading {}", state.capture().display()))?;
    Ok(capture.map_or(i64::MIN..i64::MAX, |capture| capture.times()))
}

/// Reads where a partition has holes: a record that comes is lost, unless its timestamp is out of the window.
fn explain(
    scan: &mut Scan,
    (partition, holes): (Partition, &[(i64, i64)]),
    window: &Range<i64>,
    answer: &mut Answer,
) -> Result<(), KafkaError> {
    let before = answer.lost;
    let mut at = 0;
    while let Some(hole) = holes.get(at) {
        let mut is_far = false;
        scan.read(partition, hole.0, &mut |record| {
            at += holes[at..].partition_point(|hole| hole.1 <= record.offset);
            match holes.get(at) {
                None => ControlFlow::Break(()),
                Some((from, _)) if from - record.offset > FAR => {
                    is_far = true;
                    ControlFlow::Break(())
                }
                Some((from, _)) => {
                    let is_wanted = record.timestamp_ms().is_none_or(|ms| window.contains(&ms));
                    if record.offset >= *from && is_wanted {
                        answer.lose(partition, record.offset);
                    }
                    ControlFlow::Continue(())
                }
            }
        })?;
        if !is_far {
            break;
        }
    }
    let offsets = holes
        .iter()
        .map(|(from, to)| to.abs_diff(*from))
        .sum::<u64>();
    answer.explained += offsets.saturating_sub(answer.lost - before);
    Ok(())
}

impl Answer {
    fn lose(&mut self, partition: Partition, offset: i64) {
        self.lost += 1;
        let is_full = self.lost_offsets.len() >= LOST_MOST;
        match self.lost_offsets.last_mut() {
            Some(last) if (last.partition, last.to) == (partition, offset) => last.to += 1,
            _ if !is_full => self.lost_offsets.push(Lost {
                partition,
                from: offset,
                to: offset + 1,
            }),
            _ => {}
        }
    }
}
