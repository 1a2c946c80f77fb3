//! How fast each stage of the record path is, by itself: `make stages`.

mod lines;

use std::path::Path;
use std::sync::Arc;

use archiver::archive::BATCH_BYTES;
use archiver::config;
use archiver::ledger::Store;
use archiver::ledger::manifest::Manifest;
use archiver::segment::batch::{Batch, Member};
use archiver::segment::writer::{Entry, Reached, Sealed, Writer};
use archiver::world::clock::RealClock;
use archiver::world::devices::Devices;
use archiver::world::fs::real::RealFs;
use archiver_format::checkpoint::Identity;
use archiver_format::compression;
use archiver_format::compression::{Algorithm, Compression};
use archiver_format::envelope::ValueAs;
use archiver_format::index::{Block, Lines};
use archiver_format::line::{Encoder, Format, Newline};
use archiver_format::position::Advance;
use archiver_format::position::Positions;
use archiver_format::record::NextOffset;
use archiver_format::segment::Route;
use archiver_format::state_files::StateDir;
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};

// As in the program.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// What a record of the other benchmark's hot topic has.
const RECORD_BYTES: usize = 190;

fn main() {
    divan::main();
}

/// A batch of records of one partition.
fn fill(values: &[Vec<u8>], format: Format) -> Batch {
    let mut encoder = Encoder::new(format, "metrics");
    let mut batch = Batch::with_room(BATCH_BYTES);
    for (offset, value) in values.iter().enumerate() {
        let from = NextOffset::new(offset as i64);
        let pushed = batch.push(
            Route::default(),
            &lines::record(offset, value),
            from,
            &mut encoder,
        );
        pushed.expect("only newline = \"fail\" refuses one");
    }
    batch
}

/// The lines of a batch.
fn bytes(batch: Batch) -> Vec<u8> {
    let (parts, _) = batch.into_parts();
    parts.into_iter().flat_map(|part| part.bytes).collect()
}

/// An archive's files in this directory, with so many partitions. The first segment is opened by the first record.
fn writer(dir: &Path, partitions: i32) -> Writer {
    let path = dir.join("topics.toml");
    let file = dir.join("data.ndjson");
    let text = format!(
        "[[archive]]\nbroker = \"nowhere:1\"\ntopic = \"metrics\"\nfile = \"{}\"\n",
        file.display()
    );
    std::fs::write(&path, text).expect("a configuration");
    let config = config::load(&path).expect("a configuration");
    let archive = config.archives[0].clone();
    let dir = StateDir::new(&archive.state);
    std::fs::create_dir_all(dir.path()).expect("a directory");
    let places =
        (0..partitions).map(|partition| (partition, NextOffset::new(1_000_000_000).into()));
    let reached = Reached {
        positions: places.collect::<Positions>(),
        ..Reached::default()
    };
    let manifest = Manifest::none(&dir, &archive.name);
    let (open, sealed) = (Vec::new(), Sealed::default());
    Writer::new(
        archive,
        Arc::new(RealClock),
        manifest,
        open,
        sealed,
        reached,
    )
}

mod encode {
    use super::*;

    #[divan::bench(args = [RECORD_BYTES, 10_000])]
    fn space(bencher: Bencher<'_, '_>, record_bytes: usize) {
        encode(bencher, record_bytes, Format::Raw(Newline::Space));
    }

    #[divan::bench(args = [RECORD_BYTES, 10_000])]
    fn escape(bencher: Bencher<'_, '_>, record_bytes: usize) {
        encode(bencher, record_bytes, Format::Raw(Newline::Escape));
    }

    #[divan::bench(args = [RECORD_BYTES, 10_000])]
    fn json(bencher: Bencher<'_, '_>, record_bytes: usize) {
        encode(bencher, record_bytes, Format::Json(ValueAs::String));
    }

    #[divan::bench(args = [RECORD_BYTES, 10_000])]
    fn json_as_json(bencher: Bencher<'_, '_>, record_bytes: usize) {
        encode(bencher, record_bytes, Format::Json(ValueAs::Json));
    }

    fn encode(bencher: Bencher<'_, '_>, record_bytes: usize, format: Format) {
        let values = lines::values_of_batch(record_bytes, BATCH_BYTES);
        bencher
            .counter(BytesCount::new(fill(&values, format).len()))
            .counter(ItemsCount::new(values.len()))
            .bench(|| fill(&values, format));
    }
}

mod compress {
    use super::*;

    #[divan::bench(args = [1, 2, 3])]
    fn gzip(bencher: Bencher<'_, '_>, level: u32) {
        compress(bencher, Compression::Gzip(level));
    }

    #[divan::bench(args = [1, 2, 3])]
    fn zstd(bencher: Bencher<'_, '_>, level: i32) {
        compress(bencher, Compression::Zstd(level));
    }

    fn compress(bencher: Bencher<'_, '_>, how: Compression) {
        let values = lines::values_of_batch(RECORD_BYTES, BATCH_BYTES);
        let bytes = bytes(fill(&values, Format::Raw(Newline::Space)));
        bencher
            .counter(BytesCount::new(bytes.len()))
            .counter(ItemsCount::new(values.len()))
            .with_inputs(|| bytes.clone())
            .bench_values(|bytes| {
                compression::compress(bytes, how).expect("a level that there is")
            });
    }
}

/// What the index of a batch takes: noting each line's origin, the entry, and the checksum of plain lines.
mod index {
    use super::*;

    /// In runs of so many records of one of twelve partitions.
    #[divan::bench(args = [1, 200])]
    fn note(bencher: Bencher<'_, '_>, run: i64) {
        bencher
            .counter(ItemsCount::new(RECORDS as u64))
            .bench(|| noted(run));
    }

    #[divan::bench(args = [1, 200])]
    fn encode(bencher: Bencher<'_, '_>, run: i64) {
        let lines = noted(run);
        let block = Block {
            file_start: 1 << 33,
            file_bytes: 1 << 18,
            checksum: 0,
            plain_start: 1 << 34,
            plain_bytes: BATCH_BYTES as u64,
            first_line: 1 << 26,
        };
        bencher
            .counter(ItemsCount::new(RECORDS as u64))
            .bench(|| archiver_format::index::encode(&lines, &block));
    }

    #[divan::bench]
    fn checksum(bencher: Bencher<'_, '_>) {
        let values = lines::values_of_batch(RECORD_BYTES, BATCH_BYTES);
        let bytes = bytes(fill(&values, Format::Raw(Newline::Space)));
        bencher
            .counter(BytesCount::new(bytes.len()))
            .counter(ItemsCount::new(values.len()))
            .bench(|| archiver_format::index::block::checksum(&bytes));
    }

    /// As many as a batch holds.
    const RECORDS: i64 = (BATCH_BYTES / (RECORD_BYTES + 1)) as i64;

    fn noted(run: i64) -> Lines {
        let mut lines = Lines::default();
        let mut next = [1_000_000_000; 12];
        for number in 0..RECORDS {
            let partition = (number / run % 12) as usize;
            let time = 1_764_000_000_000 + number / 40;
            lines.push(partition as i32, next[partition], Some(time));
            next[partition] += 1;
        }
        lines
    }
}

/// Into the page cache: what makes it durable is a part of the checkpoint.
// One write for each sample, or the file would become large.
#[divan::bench(args = [64 << 10, BATCH_BYTES], sample_count = 200, sample_size = 1)]
fn write(bencher: Bencher<'_, '_>, batch_bytes: usize) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let fs = RealFs::default();
    let mut writer = writer(dir.path(), 1);
    let values = lines::values_of_batch(RECORD_BYTES, batch_bytes);
    let bytes = bytes(fill(&values, Format::Raw(Newline::Space)));
    let mut noted = Lines::default();
    (0..values.len()).for_each(|offset| noted.push(0, offset as i64, Some(offset as i64)));
    bencher
        .counter(BytesCount::new(bytes.len()))
        .counter(ItemsCount::new(values.len()))
        .with_inputs(|| {
            let member = Member {
                route: Route::default(),
                lines: noted.clone(),
                plain_bytes: bytes.len() as u64,
                bytes: bytes.clone(),
            };
            Entry::Records(vec![member], Advance::default())
        })
        .bench_local_values(|entry| writer.append(&fs, entry).expect("room on the disk"));
}

/// Stores one, with the fsyncs of its file and its directory.
#[divan::bench(args = [1, 100])]
fn checkpoint(bencher: Bencher<'_, '_>, partitions: i32) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (devices, writer) = (
        Devices::new(Arc::new(RealFs::default()), 0),
        writer(dir.path(), partitions),
    );
    let disk = runtime.block_on(devices.at(dir.path())).expect("threads");
    let store = Store::new(disk.clone(), dir.path());
    let identity = Identity {
        archive: "metrics".into(),
        file: "/var/lib/archiver/metrics.ndjson".into(),
        format: "raw".into(),
        compression: Algorithm::None,
        topic: "metrics".into(),
        topic_id: Some("vEnmi2j9TP2HZHR4MJcOkw".into()),
        cluster_id: Some("MkU3OEVBNTcwNTJENDM2Qk".into()),
    };
    bencher
        .counter(ItemsCount::new(1_usize))
        .with_inputs(|| {
            let durable = runtime.block_on(writer.written().sync(&disk));
            (identity.clone(), durable.expect("the file is there"))
        })
        .bench_local_values(|(identity, durable)| {
            let saved = runtime.block_on(store.save(identity, durable, None));
            saved.expect("room on the disk")
        });
}
