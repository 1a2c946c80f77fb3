//! Archives of every kind, by how they are cut into segments, and whether what one has left is what its topic held.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use crate::archiver::{Archiver, Ended};
use crate::check::{self, Report};
use crate::config::Config;
use crate::dump::{Dump, Partitions, Seen, dump};
use crate::files;
use crate::random::Random;
use crate::scene::Scene;
use crate::topic::Topic;
use crate::values::spaced;
use crate::wait::{LONG, eventually, within};

/// How an archive is cut into segments.
pub struct Kind {
    /// Where they are, below a directory that the archive has for itself.
    file: &'static str,
    /// Its other keys, as they are typed.
    keys: &'static str,
    /// Which of its directories a record goes to.
    route: Route,
    /// Its records come now and then, not all the time.
    pub is_sparse: bool,
}

#[derive(Clone, Copy)]
enum Route {
    Only,
    Partition,
    Hour,
}

const fn kind(file: &'static str, keys: &'static str, route: Route) -> Kind {
    Kind {
        file,
        keys,
        route,
        is_sparse: false,
    }
}

/// Of archives of one topic each.
pub const KINDS: [Kind; 10] = [
    kind("all.ndjson", "", Route::Only),
    kind(
        "{seq:06}.ndjson.zst",
        r#"rotate = { size = "16KiB" }"#,
        Route::Only,
    ),
    kind(
        "hour={time:%H}/{seq:06}.ndjson.gz",
        "open_files = 3",
        Route::Hour,
    ),
    kind(
        "{seq:06}-{opened:%H%M%S}.ndjson",
        "rotate = { records = 300 }\nkeep = \"10m\"",
        Route::Only,
    ),
    kind(
        "{partition}/{seq:06}.ndjson",
        "rotate = { size = \"50KiB\" }\nopen_files = 2",
        Route::Partition,
    ),
    kind("all.ndjson.gz", "", Route::Only),
    kind(
        "{seq:06}-{opened:%Y%m%d}.ndjson.gz",
        r#"rotate = { records = 2000, every = "1s", min_size = "1KiB" }"#,
        Route::Only,
    ),
    Kind {
        is_sparse: true,
        ..kind(
            "{seq:06}.ndjson.zst",
            r#"rotate = { idle = "1s" }"#,
            Route::Only,
        )
    },
    kind(
        "{seq:06}.ndjson.zst",
        "rotate = { records = 200 }\nkeep_size = \"30KiB\"",
        Route::Only,
    ),
    kind("{partition}/all.ndjson.zst", "", Route::Partition),
];

/// Of all archives of a pattern.
pub const OF_PATTERN: Kind = kind(
    "{partition}/{seq:06}.ndjson.zst",
    "rotate = { records = 400 }",
    Route::Partition,
);

/// When records were written that are sent together, by their own account, in milliseconds since 1970: within the last
/// four hours. So there are several hours, and segments that are too old to be kept.
pub fn written(random: &mut Random) -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.unwrap().as_millis() as i64 - random.below(4 * 3_600_000) as i64
}

/// A topic and its archive.
pub struct Archived<'a> {
    pub topic: Topic<'a>,
    pub kind: &'static Kind,
    /// The archive's directory is in this one.
    above: &'static str,
    is_there: AtomicBool,
    /// What topics held that had its name and were deleted.
    past: Mutex<Partitions>,
}

/// What became of segments.
#[derive(Debug, Default)]
pub struct Cut {
    pub segments: usize,
    pub deleted: usize,
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { segments, deleted } = self;
        write!(f, "{segments} segments, and {deleted} that were not kept")
    }
}

impl Kind {
    /// Where the segments of an archive are; `archive` is the name of its directory.
    fn path(&self, above: &str, archive: &str) -> String {
        format!("{above}/{archive}/{}", self.file)
    }

    fn directory_of(&self, partition: i32, record: &Seen) -> PathBuf {
        match self.route {
            Route::Only => PathBuf::new(),
            Route::Partition => partition.to_string().into(),
            Route::Hour => format!("hour={:02}", record.timestamp / 3_600_000 % 24).into(),
        }
    }
}

impl Config {
    /// An archive for each topic of a pattern, in `above`.
    pub fn pattern_in(self, above: &str, broker: &str, pattern: &str) -> Self {
        let file = OF_PATTERN.path(above, "{topic}");
        // All of a topic is archived within one of many short lives.
        let keys = [("start", "earliest"), ("checkpoint", "200ms")];
        let config = self.pattern(broker, pattern, &file, &keys);
        config.line(OF_PATTERN.keys)
    }
}

impl<'a> Archived<'a> {
    /// Of a topic that doesn't exist yet.
    pub fn planned(topic: Topic<'a>, kind: &'static Kind, above: &'static str) -> Self {
        Self {
            topic,
            kind,
            above,
            is_there: AtomicBool::new(false),
            past: Mutex::default(),
        }
    }

    /// Creates the topic.
    pub fn make(&self, partitions: u64) {
        self.topic.make(partitions as i32, &[]);
        self.is_there.store(true, Ordering::SeqCst);
    }

    pub fn is_there(&self) -> bool {
        self.is_there.load(Ordering::SeqCst)
    }

    /// Deletes the topic, to which nobody sends any more, once all of it is archived.
    pub fn delete(&self, scene: &Scene) {
        self.topic.await_committed();
        let held = scene.records(&self.topic);
        append(&mut self.past.lock().unwrap(), held);
        let wanted = count(&self.past.lock().unwrap());
        let what = format!("all {wanted} records of {} are archived", self.topic.name);
        eventually(LONG, &what, || self.checkpointed(scene) >= wanted);
        self.topic.delete();
        self.is_there.store(false, Ordering::SeqCst);
    }

    pub fn configure(&self, config: Config, broker: &str, keys: &[(&str, &str)]) -> Config {
        let file = self.kind.path(self.above, &self.topic.name);
        let config = config.archive_on(broker, &self.topic, &file, keys);
        config.line(self.kind.keys)
    }

    fn directory(&self) -> String {
        format!("{}/{}", self.above, self.topic.name)
    }

    /// Its state directory.
    pub fn state(&self) -> String {
        format!("{}/.archiver/{}", self.directory(), self.topic.name)
    }

    /// How many records its checkpoint counts, also such as are not kept.
    pub fn checkpointed(&self, scene: &Scene) -> usize {
        let records = &scene.checkpoint(self.state())["records"];
        records.as_u64().unwrap_or(0) as usize
    }

    /// Its segments that are there, in the order of their names.
    pub fn segments(&self, scene: &Scene) -> Vec<PathBuf> {
        let mut found = Vec::new();
        find(&scene.path(self.directory()), &mut found);
        found.sort();
        found
    }

    /// How many records it has taken, also such as are not kept: as many as there are lines, or else as its checkpoint
    /// says.
    pub fn taken(&self, scene: &Scene) -> usize {
        let segments = self.segments(scene);
        let lines = segments.iter().map(|path| files::count(path));
        lines.sum::<usize>().max(self.checkpointed(scene))
    }

    /// All that topics of this name ever held.
    fn ever_held(&self, dumped: &Dump) -> Partitions {
        let mut records = self.past.lock().unwrap().clone();
        if self.is_there() {
            append(&mut records, dumped.topic(&self.topic));
        }
        records
    }

    /// Compares what has become of these records: each is in a segment of its own way, or in one that was deleted.
    fn check(&self, scene: &Scene, mut records: Partitions, cut: &mut Cut) -> Report {
        let all = count(&records);
        cut.deleted += self.forget_deleted(scene, &mut records);
        let mut ways = BTreeMap::<PathBuf, (Partitions, Vec<u8>)>::new();
        for (partition, seen) in records {
            for record in seen {
                let (of, _) = ways
                    .entry(self.kind.directory_of(partition, &record))
                    .or_default();
                of.entry(partition).or_default().push(record);
            }
        }
        let directory = scene.path(self.directory());
        for path in self.segments(scene) {
            let way = path.parent().unwrap().strip_prefix(&directory).unwrap();
            let (_, text) = ways.entry(way.to_owned()).or_default();
            text.extend(files::read(&path).unwrap());
            cut.segments += 1;
        }
        let mut report = Report::default();
        for (records, text) in ways.values() {
            report.add(check::check(&check::expected(records, spaced), text));
        }
        report.records = all;
        report
    }

    /// Leaves out what was in segments that were deleted, by what the manifest says of them. How many those are.
    fn forget_deleted(&self, scene: &Scene, records: &mut Partitions) -> usize {
        let manifest = scene.manifest(self.state());
        let of = |kind: &'static str| manifest.iter().filter(move |line| line["type"] == kind);
        let number = |line: &serde_json::Value| line["file"]["sequence"].as_u64().unwrap();
        let deleted = of("deleted").map(number).collect::<BTreeSet<_>>();
        assert_eq!(deleted.len(), of("deleted").count(), "deleted once each");
        for sealed in of("sealed").filter(|line| deleted.contains(&number(line))) {
            for (partition, span) in sealed["contents"]["partitions"].as_object().unwrap() {
                let [first, last, wanted] =
                    ["first", "last", "records"].map(|key| span[key].as_i64().unwrap());
                let held = records.get_mut(&partition.parse().unwrap()).unwrap();
                let before = held.len();
                held.retain(|record| !(first..=last).contains(&record.offset));
                let name = &self.topic.name;
                let gone = (before - held.len()) as i64;
                assert_eq!(gone, wanted, "{name}: {partition}: {first} to {last}");
            }
        }
        deleted.len()
    }
}

/// Waits until each archive has as many records as its topics had, for longer than usual if there are many, and stops
/// archiver. Says what the archives hold, and what archiver has said.
pub fn finish<'a>(
    scene: &Scene,
    archiver: Archiver,
    archives: impl Iterator<Item = &'a Archived<'a>> + Clone,
    longer: Duration,
) -> (Report, Cut, Ended) {
    let there = archives.clone().filter(|archived| archived.is_there());
    let there = there.map(|archived| &archived.topic).collect::<Vec<_>>();
    // A commit is answered before the partitions know of it.
    there.iter().for_each(|topic| topic.await_committed());
    let dumped = dump(scene.server, &there);
    let held = archives.map(|archived| (archived, archived.ever_held(&dumped)));
    let held = held.collect::<Vec<_>>();
    // If they don't arrive, the report says what is missing.
    within(LONG + longer, || {
        archiver.assert_runs();
        held.iter()
            .all(|(archived, records)| archived.checkpointed(scene) >= count(records))
    });
    let ended = archiver.stop();
    let (mut report, mut cut) = (Report::default(), Cut::default());
    for (archived, records) in held {
        report.add(archived.check(scene, records, &mut cut));
    }
    (report, cut, ended)
}

/// Every file below a directory, but for archiver's own.
fn find(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).into_iter().flatten() {
        let path = entry.unwrap().path();
        if !path.is_dir() {
            found.push(path);
        } else if !path.ends_with(".archiver") {
            find(&path, found);
        }
    }
}

/// Adds what a topic held to what others of its name held before.
fn append(records: &mut Partitions, more: Partitions) {
    for (partition, held) in more {
        records.entry(partition).or_default().extend(held);
    }
}

fn count(records: &Partitions) -> usize {
    records.values().map(Vec::len).sum()
}
