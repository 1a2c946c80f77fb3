//! An archive that the writer has made of random records.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use archiver_format::archive::Paths;
use archiver_format::checkpoint::{Checkpoint, Identity, Unnamed, encode};
use archiver_format::compression::Compression;
use archiver_format::envelope::ValueAs;
use archiver_format::gap::{Gap, GapReason};
use archiver_format::line::{Encoder, Format, Newline};
use archiver_format::manifest::{self, DeleteReason, Deleted, SealReason};
use archiver_format::position::{Advance, Position, Positions, Step};
use archiver_format::record::{NextOffset, Record, Timestamp, TimestampKind};
use archiver_format::segment::{Route, SegmentFile};
use archiver_format::state_files::StateDir;
use archiver_format::template::Template;
use archiver_format::verify::{Report, Severity, Subject, verify};

use super::super::batch::{Batch, Member};
use super::super::open_segment::OpenSegment;
use super::super::opening::kind;
use super::super::paths;
use super::super::router::Router;
use super::super::segment_index::SegmentIndex;
use super::super::writer::{Entry, Reached, Sealed, Writer};
use crate::config::{Archive, Checked};
use crate::ledger::append_file::AppendFile;
use crate::ledger::manifest::Manifest;
use crate::sim::random::Random;
use crate::world::clock::{Clock, RealClock};
use crate::world::fs::real::RealFs;

/// An archive on the disk, and whoever writes it.
pub struct Written {
    /// Removes it in the end.
    _dir: tempfile::TempDir,
    pub config: Checked<Archive>,
    pub random: Random,
    writer: Writer,
    router: Router,
    fs: RealFs,
    now_ms: i64,
}

const TEMPLATES: [&str; 6] = [
    "all.ndjson",
    "d/{seq:04}.ndjson",
    "of-{partition}.ndjson",
    "of-{partition}-{seq}.ndjson",
    "dt={time:%Y-%m-%d}/{time:%H}-{seq}.ndjson",
    "p{partition}/{time:%F}-{opened:%H%M}-{seq:03}.ndjson",
];

impl Written {
    /// An archive without a record.
    pub fn new(seed: u64) -> Self {
        let random = Random::new(seed);
        Self::with(random.pick(&TEMPLATES), random)
    }

    /// One whose segments have these names.
    pub fn with(template: &str, random: Random) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join(template);
        let template = Template::parse(path.to_str().expect("text")).expect("a template");
        let mut config = Archive::for_tests();
        config.rotation = Default::default();
        if template.has_sequence() {
            config.rotation.records = random.once_in(2).then(|| random.between(1, 200) as u64);
            config.rotation.bytes = random.once_in(2).then(|| random.between(1, 9_000) as u64);
        }
        config.open_files = random.between(1, 5);
        config.template = template;
        config.file = path;
        config.index = !random.once_in(6);
        config.state = dir.path().join(".archiver/a");
        config.name = "a".into();
        let compressions = [
            Compression::None,
            Compression::Gzip(1),
            Compression::Zstd(1),
        ];
        config.compression = random.pick(&compressions);
        let formats = [Format::Raw(Newline::Escape), Format::Json(ValueAs::String)];
        config.format = random.pick(&formats);
        let config = Checked::for_tests(config);
        fs::create_dir_all(&config.state).expect("a directory");
        let fs = RealFs::default();
        let state = StateDir::new(&config.state);
        let open = first(&config, &fs, &state, &random);
        let reached = Reached {
            positions: (0..4)
                .map(|partition| (partition, NextOffset::new(random.below(50) as i64).into()))
                .collect(),
            next_sequence: open.len() as u64,
            ..Reached::default()
        };
        let clock = Arc::new(RealClock);
        let manifest = Manifest::none(&state, "a");
        let router = Router::new(&config.template, std::iter::empty());
        let writer = Writer::new(
            config.clone(),
            clock,
            manifest,
            open,
            Sealed::default(),
            reached,
        );
        let written = Self {
            _dir: dir,
            config,
            random,
            writer,
            router,
            fs,
            now_ms: 1_764_000_000_000,
        };
        written.checkpoint();
        written
    }

    /// Random batches, gaps and checkpoints, the last of which counts all.
    pub fn grow(&mut self, steps: usize) {
        for _ in 0..steps {
            match self.random.below(20) {
                0 => self.gap(GapReason::Expired),
                1 => self.gap(GapReason::Corrupt),
                2 => self.truncate(),
                3 => self.recreate(),
                4 | 5 => self.checkpoint(),
                6 => self.do_it(Entry::Seal(SealReason::Asked)),
                7 => self.name(),
                8 => self.delete(),
                _ => self.batch(),
            }
        }
        self.batch();
        self.checkpoint();
    }

    /// Writes some records.
    pub fn batch(&mut self) {
        let mut batch = Batch::default();
        let mut encoder = Encoder::new(self.config.format, "t");
        let mut positions = self.writer.reached.positions.clone();
        let holes = self.random.pick(&[0, 0, 3, 20]);
        let mut partition = 0;
        for _ in 0..self.random.between(1, 120) {
            if self.random.once_in(5) {
                partition = self.random.below(4) as i32;
            }
            let from = positions.next(partition);
            let skip = match self.random.once_in(holes) {
                true => self.random.between(1, 5) as i64,
                false => 0,
            };
            self.now_ms += self.random.below(200_000) as i64 - 60_000;
            let value = format!("{{\"n\":{},\"r\":{}}}", from.get(), self.random.number());
            let record = Record {
                partition,
                offset: from.get() + skip,
                value: Some(value.as_bytes()),
                timestamp: (!self.random.once_in(50)).then_some(Timestamp {
                    ms: self.now_ms,
                    kind: TimestampKind::Create,
                }),
                ..Record::default()
            };
            let route = self.router.route(&record);
            let pushed = batch.push(route, &record, from, &mut encoder);
            pushed.expect("has no newline");
            positions.set(partition, Position::after(&record));
        }
        let (parts, advance) = batch.into_parts();
        let members = parts.into_iter();
        let members = members.map(|part| Member::new(part, self.config.compression));
        let members = members.collect::<Result<_, _>>().expect("compresses");
        self.do_it(Entry::Records(members, advance));
    }

    fn do_it(&mut self, entry: Entry) {
        self.writer.append(&self.fs, entry).expect("room");
    }

    /// Stores how far it is; then sealed segments may get their names, or not yet.
    pub fn checkpoint(&self) {
        let identity = Identity {
            archive: "a".into(),
            file: self.config.file.display().to_string(),
            format: self.config.format_name().into(),
            compression: self.config.compression.algorithm(),
            topic: "t".into(),
            topic_id: None,
            cluster_id: None,
        };
        let checkpoint = Checkpoint {
            identity,
            progress: self.writer.written().progress().clone(),
            verified: None,
        };
        let state = StateDir::new(&self.config.state);
        let bytes = encode(&checkpoint).expect("encodes");
        fs::write(state.checkpoint(), bytes).expect("room");
    }

    fn name(&mut self) {
        self.checkpoint();
        let unnamed = self.unnamed();
        self.do_it(Entry::Name(unnamed));
    }

    fn unnamed(&self) -> Vec<Unnamed> {
        let unnamed = self.writer.unnamed.iter();
        unnamed.map(|of| of.unnamed.clone()).collect()
    }

    /// Some partition goes on later.
    fn gap(&mut self, reason: GapReason) {
        let partition = self.random.below(4) as i32;
        let from = self.writer.reached.positions.next(partition);
        let to = NextOffset::new(from.get() + self.random.between(1, 30) as i64);
        self.step(partition, from..to, reason, to);
    }

    /// Some partition goes back.
    fn truncate(&mut self) {
        let partition = self.random.below(4) as i32;
        let to = self.writer.reached.positions.next(partition);
        let from = NextOffset::new((to.get() - self.random.below(40) as i64).max(0));
        if from < to {
            self.step(partition, from..to, GapReason::Truncated, from);
        }
    }

    fn step(
        &mut self,
        partition: i32,
        missing: std::ops::Range<NextOffset>,
        reason: GapReason,
        to: NextOffset,
    ) {
        let step = Step {
            partition,
            from: self.writer.reached.positions.next(partition),
            to: to.into(),
            is_gap: true,
        };
        let gap = gap(partition, missing.start, Some(missing.end), reason);
        let advance = Advance {
            records: 0,
            steps: vec![step],
        };
        self.do_it(Entry::Gaps(vec![gap], advance));
    }

    /// The topic is another one.
    fn recreate(&mut self) {
        let positions = self.writer.reached.positions.clone();
        let gaps = positions.iter().map(|(partition, at)| {
            manifest::Entry::Gap(gap(partition, at.next, None, GapReason::Recreated))
        });
        let gaps = gaps.collect::<Vec<_>>();
        self.writer.manifest.append(&self.fs, &gaps).expect("room");
        self.writer
            .seal_all(&self.fs, SealReason::Recreated)
            .expect("room");
        let start = |(partition, _)| (partition, Position::default());
        self.writer.reached.positions = positions.iter().map(start).collect::<Positions>();
    }

    /// The oldest segment is older than what is kept.
    fn delete(&mut self) {
        self.name();
        let Some(oldest) = self.sealed().into_iter().next() else {
            return;
        };
        let entry = manifest::Entry::Deleted(Deleted {
            file: oldest.clone(),
            deleted: RealClock.now(),
            reason: DeleteReason::Keep,
        });
        self.writer
            .manifest
            .append(&self.fs, &[entry])
            .expect("room");
        self.checkpoint();
        fs::remove_file(paths::sealed(&self.config, &oldest)).expect("it is there");
        let _ = fs::remove_file(StateDir::new(&self.config.state).index(oldest.sequence));
    }

    /// The segments that are sealed and were not deleted.
    pub fn sealed(&self) -> Vec<SegmentFile> {
        let list = fs::read(self.manifest()).unwrap_or_default();
        let mut sealed = Vec::new();
        manifest::read(&list[..], list.len() as u64, |_, entry| match entry {
            manifest::Entry::Sealed(line) => sealed.push(line.file),
            manifest::Entry::Deleted(gone) => {
                sealed.retain(|file: &SegmentFile| file.sequence != gone.file.sequence);
            }
            _ => {}
        })
        .expect("is whole");
        sealed
    }

    pub fn manifest(&self) -> PathBuf {
        StateDir::new(&self.config.state).manifest()
    }

    /// The files of all segments that are there, and of their indexes.
    pub fn files(&self) -> Vec<(PathBuf, PathBuf)> {
        let state = StateDir::new(&self.config.state);
        let sealed = self.sealed().into_iter().map(|file| {
            let path = paths::sealed(&self.config, &file);
            let path = match path.exists() {
                true => path,
                false => archiver_format::segment::growing(&path),
            };
            (path, state.index(file.sequence))
        });
        let open = self.writer.open.iter();
        let open = open.map(|open| (open.path(), state.index(open.file.sequence)));
        let open = open.filter(|(path, _)| path.metadata().is_ok_and(|file| file.len() > 0));
        sealed.chain(open).collect()
    }

    /// What is found in it.
    pub fn verified(&self) -> Report {
        let paths = Paths {
            directory: self.config.template.fixed_directory(),
            only: Some(self.config.file.clone()),
        };
        let subject = Subject::load("a", &StateDir::new(&self.config.state), Some(&paths));
        let mut reports = Vec::new();
        verify(vec![subject], 2, &AtomicU64::new(0), |report| {
            reports.push(report);
        });
        reports.remove(0)
    }

    /// What is found that is wrong, or can't be known, in words.
    pub fn findings(&self) -> Vec<String> {
        let report = self.verified();
        let findings = report.findings.iter();
        findings
            .filter(|finding| finding.severity() > Severity::Note)
            .map(ToString::to_string)
            .collect()
    }

    /// How many records it has written.
    pub fn records(&self) -> u64 {
        self.writer.reached.records
    }
}

/// The only file of an archive without placeholders.
fn first(
    config: &Checked<Archive>,
    fs: &RealFs,
    state: &StateDir,
    random: &Random,
) -> Vec<OpenSegment> {
    if !config.template.is_fixed() {
        return Vec::new();
    }
    if random.once_in(3) {
        std::fs::write(&config.file, if_plain(config)).expect("room");
    }
    let data = match config.file.exists() {
        true => AppendFile::adopt(fs, &config.file),
        false => AppendFile::create(fs, &config.file),
    };
    let data = data.expect("a file");
    let id = data.handle().stat().expect("a file").id();
    let file = SegmentFile {
        sequence: 0,
        name: None,
        id,
    };
    let mut segment = OpenSegment::begin(data, file, false, kind(config), Route::default(), 0);
    if config.index {
        let index = SegmentIndex::begin(fs, state, 0, &mut Vec::new());
        segment.set_index(index.expect("an index"));
    }
    vec![segment]
}

/// Lines that were there before.
fn if_plain(config: &Archive) -> Vec<u8> {
    let lines = b"somebody's\nlines\n".to_vec();
    archiver_format::compression::compress(lines, config.compression).expect("compresses")
}

fn gap(partition: i32, from: NextOffset, to: Option<NextOffset>, reason: GapReason) -> Gap {
    Gap {
        noticed: RealClock.now(),
        topic_id: None,
        partition,
        from,
        to,
        reason,
        explanation: "a test".into(),
    }
}

/// Changes a file, and says what is found; then puts it back.
pub fn with_change(
    written: &Written,
    path: &Path,
    change: impl FnOnce(&mut Vec<u8>),
) -> Option<Vec<String>> {
    let whole = fs::read(path).expect("a file");
    let mut bytes = whole.clone();
    change(&mut bytes);
    if bytes == whole {
        return None;
    }
    fs::write(path, bytes).expect("room");
    let findings = written.findings();
    fs::write(path, whole).expect("room");
    Some(findings)
}
