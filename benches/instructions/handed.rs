//! A whole archive, from a reader that has the records already to its last checkpoint.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use archiver::archive::{Archive, End, Environment};
use archiver::config::{self, Checked};
use archiver::ledger::Checkpointed;
use archiver::observe::status::Status;
use archiver::source::cluster::{Cluster, Fetched, KafkaError, OffsetsAt, Reader, Topic};
use archiver::world::broadcast::Broadcast;
use archiver::world::clock::{RealClock, Ticks};
use archiver::world::commands::Commands;
use archiver::world::commands::real::RealPrograms;
use archiver::world::devices::Devices;
use archiver::world::executor::{Cores, Pace};
use archiver::world::fs::real::RealFs;
use archiver::world::shutdown::{self, Stopper};
use archiver_format::position::Positions;
use archiver_format::record::{NextOffset, Partition, Record};

use futures_util::future::{BoxFuture, FutureExt, ready};
use tokio::sync::Notify;

use crate::lines;

const PARTITIONS: i32 = 6;
/// How many records of a partition arrive together.
const RUN: usize = 1000;
const SECOND: Duration = Duration::from_secs(1);

/// Archives so many records and says how long the file is then.
pub fn archive(dir: &Path, values: Vec<Vec<u8>>, records: usize) -> usize {
    let (stopper, shutdown) = shutdown::channel();
    let file = dir.join("data.ndjson");
    let config = configured(dir, &file);
    // Its clock stands still while there is something to do, so no timer comes in between.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let fs = Arc::new(RealFs::default());
    let at_once = Arc::new(|| ready(()).boxed());
    let archive = Archive {
        window: None,
        status: Arc::new(Status::new(&config.name)),
        config,
        cluster: Arc::new(Arrived {
            values: values.into(),
            records,
            stopper: Arc::new(stopper),
        }),
        cluster_name: "here".into(),
        refresh: 60 * SECOND,
        environment: Environment {
            devices: Devices::in_tasks(fs, 64 << 20, Arc::clone(&at_once) as Pace, 1),
            cores: Cores::in_tasks(at_once),
            clock: Arc::new(RealClock),
            ticks: Ticks::default(),
            seals: Broadcast::default(),
            drain: SECOND,
            memory_bytes: 256 << 20,
            said_too_large: Arc::default(),
            commands: Commands::new(Arc::new(RealPrograms)),
        },
    };
    let (end, _remains) = runtime.block_on(archive.run(shutdown));
    assert_eq!(end, End::Clean);
    let written = std::fs::metadata(file).expect("a file");
    written.len() as usize
}

/// The only archive of a configuration.
pub fn configured(dir: &Path, file: &Path) -> Checked<config::Archive> {
    let text = format!(
        r#"state_dir = "{}"
[[archive]]
broker = "here:1"
topic = "metrics"
file = "{}"
start = "earliest"
flush = "1s"
checkpoint = "1s"
"#,
        dir.join("state").display(),
        file.display()
    );
    let path = dir.join("topics.toml");
    std::fs::write(&path, text).expect("a configuration");
    let config = config::load(&path).expect("a valid configuration");
    config.archives[0].clone()
}

/// A cluster all of whose records have arrived.
struct Arrived {
    values: Arc<[Vec<u8>]>,
    records: usize,
    /// Asks for a stop when all of them are taken.
    stopper: Arc<Stopper>,
}

/// Where its reader is.
struct Taking {
    values: Arc<[Vec<u8>]>,
    next: [i64; PARTITIONS as usize],
    taken: usize,
    records: usize,
    stopper: Arc<Stopper>,
}

impl Cluster for Arrived {
    fn id(&self) -> BoxFuture<'_, Result<Option<String>, KafkaError>> {
        ready(Ok(Some("here".into()))).boxed()
    }

    fn describe(&self, _: &str) -> BoxFuture<'_, Result<Topic, KafkaError>> {
        let id = Some("metrics".into());
        ready(Ok(Topic {
            id,
            cluster_id: Some("here".into()),
            partitions: PARTITIONS,
        }))
        .boxed()
    }

    fn offsets(
        &self,
        _: &str,
        partitions: Vec<Partition>,
    ) -> BoxFuture<'_, Result<BTreeMap<Partition, Range<NextOffset>>, KafkaError>> {
        let all = NextOffset::ZERO..NextOffset::new(i64::MAX);
        let held = partitions.into_iter();
        let held = held.map(|partition| (partition, all.clone()));
        ready(Ok(held.collect())).boxed()
    }

    fn offsets_at(
        &self,
        _: &str,
        _: Vec<Partition>,
        _: i64,
    ) -> BoxFuture<'_, Result<OffsetsAt, KafkaError>> {
        ready(Ok(OffsetsAt::new())).boxed()
    }

    fn reader(&self, _: &str, _: &Positions) -> BoxFuture<'_, Result<Box<dyn Reader>, KafkaError>> {
        let reader = Box::new(Taking {
            values: Arc::clone(&self.values),
            next: [0; PARTITIONS as usize],
            taken: 0,
            records: self.records,
            stopper: Arc::clone(&self.stopper),
        });
        ready(Ok(reader as Box<dyn Reader>)).boxed()
    }

    fn corrupt(
        &self,
        _: &str,
        _: Partition,
        _: NextOffset,
    ) -> BoxFuture<'_, Result<Option<Range<NextOffset>>, KafkaError>> {
        ready(Ok(None)).boxed()
    }

    fn commit(&self, _: &Checkpointed) {}

    fn committed(&self) -> BoxFuture<'_, ()> {
        ready(()).boxed()
    }
}

impl Reader for Taking {
    fn start(&mut self, _: &Positions) -> Result<(), KafkaError> {
        Ok(())
    }

    fn stop(&mut self, _: &[Partition]) {}

    fn arrived(&self) -> Arc<Notify> {
        let arrived = Notify::new();
        arrived.notify_one();
        Arc::new(arrived)
    }

    fn take(&mut self, most: usize, each: &mut dyn FnMut(Fetched<'_>)) -> usize {
        let taking = most.min(self.waiting());
        for number in self.taken..self.taken + taking {
            let partition = number / RUN % PARTITIONS as usize;
            let offset = self.next[partition];
            self.next[partition] += 1;
            let value = &self.values[number % self.values.len()];
            each(Fetched::Record(Record {
                partition: partition as Partition,
                ..lines::record(offset as usize, value)
            }));
        }
        self.taken += taking;
        if self.waiting() == 0 {
            self.stopper.stop();
        }
        taking
    }

    fn waiting(&self) -> usize {
        self.records - self.taken
    }

    fn is_pressed(&self) -> bool {
        false
    }
}
