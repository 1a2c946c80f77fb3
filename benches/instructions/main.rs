//! Sends so many records through a part of the record path: `instructions STAGE RECORDS`. `make instructions` has
//! Callgrind count what that takes. All in one thread, and on data, disk work and timers that are the same each time.

#[path = "../lines/mod.rs"]
mod lines;

mod handed;

use std::path::Path;
use std::sync::Arc;

use archiver::archive::BATCH_BYTES;
use archiver::ledger::manifest::Manifest;
use archiver::segment::batch::{Batch, Member};
use archiver::segment::writer::{Entry, Reached, Sealed, Writer};
use archiver::world::clock::RealClock;
use archiver::world::fs::real::RealFs;
use archiver_format::compression::Compression;
use archiver_format::envelope::ValueAs;
use archiver_format::index::block::checksum;
use archiver_format::index::{self, Block, Lines};
use archiver_format::line::{Encoder, Format, Newline};
use archiver_format::record::NextOffset;
use archiver_format::segment::Route;
use archiver_format::state_files::StateDir;

// As in the program.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const RECORD_BYTES: usize = 190;

fn main() {
    let arguments = std::env::args().collect::<Vec<_>>();
    let usage = "usage: instructions encode|escape|json|index|append|archive RECORDS";
    let [_, stage, records] = &arguments[..] else {
        panic!("{usage}");
    };
    let records = records.parse::<usize>().expect(usage);
    // The same ones again and again, so that making them takes the same however many records there are.
    let values = lines::values_of_batch(RECORD_BYTES, BATCH_BYTES);
    let dir = tempfile::tempdir().expect("a temporary directory");
    let written = match stage.as_str() {
        "encode" => encode(&values, records, Format::Raw(Newline::Space)),
        "escape" => encode(&values, records, Format::Raw(Newline::Escape)),
        "json" => encode(&values, records, Format::Json(ValueAs::String)),
        "index" => index(&values, records),
        "append" => append(dir.path(), &values, records),
        "archive" => handed::archive(dir.path(), values, records),
        _ => panic!("{usage}"),
    };
    let raw = records * (RECORD_BYTES + 1);
    let is_right = if stage == "json" {
        written > raw
    } else {
        written == raw
    };
    assert!(is_right, "{written} bytes of lines");
}

/// Fills batches as an archive does, and says how many bytes `done` took of them.
fn batches(
    values: &[Vec<u8>],
    records: usize,
    format: Format,
    mut done: impl FnMut(Batch) -> usize,
) -> usize {
    let mut encoder = Encoder::new(format, "metrics");
    let mut batch = Batch::with_room(BATCH_BYTES);
    let mut bytes = 0;
    for (offset, value) in values.iter().cycle().take(records).enumerate() {
        let record = lines::record(offset, value);
        if batch.len() + encoder.size(&record) > BATCH_BYTES {
            bytes += done(std::mem::replace(&mut batch, Batch::with_room(BATCH_BYTES)));
        }
        let from = NextOffset::new(offset as i64);
        let pushed = batch.push(Route::default(), &record, from, &mut encoder);
        pushed.expect("only newline = \"fail\" refuses one");
    }
    bytes + done(batch)
}

fn encode(values: &[Vec<u8>], records: usize, format: Format) -> usize {
    batches(values, records, format, |batch| {
        std::hint::black_box(batch).len()
    })
}

/// What an index adds to batches that are filled and written without one: each line is noted, and there is an entry for
/// each batch.
fn index(values: &[Vec<u8>], records: usize) -> usize {
    let plain = values.join(&b'\n');
    let mut bytes = 0;
    for begin in (0..records).step_by(values.len()) {
        let mut lines = Lines::default();
        for offset in begin..records.min(begin + values.len()) {
            let record = lines::record(offset, &values[offset - begin]);
            lines.push(record.partition, record.offset, record.timestamp_ms());
        }
        let plain_bytes = lines.len() * (RECORD_BYTES as u64 + 1);
        let block = &plain[..plain.len().min(plain_bytes as usize)];
        let block = Block {
            file_start: bytes,
            file_bytes: plain_bytes,
            checksum: checksum(block),
            plain_start: bytes,
            plain_bytes,
            first_line: begin as u64,
        };
        std::hint::black_box(index::encode(&lines, &block));
        bytes += plain_bytes;
    }
    bytes as usize
}

/// Encodes, passes on what is not compressed, and appends.
fn append(dir: &Path, values: &[Vec<u8>], records: usize) -> usize {
    let fs = RealFs::default();
    let config = handed::configured(dir, &dir.join("data.ndjson"));
    let state = StateDir::new(&config.state);
    std::fs::create_dir_all(state.path()).expect("a directory");
    let manifest = Manifest::none(&state, &config.name);
    let (open, sealed, reached) = (Vec::new(), Sealed::default(), Reached::default());
    // The segment is opened by the first record.
    let clock = Arc::new(RealClock);
    let mut writer = Writer::new(config, clock, manifest, open, sealed, reached);
    batches(values, records, Format::Raw(Newline::Space), |batch| {
        let (parts, advance) = batch.into_parts();
        let members = parts.into_iter();
        let members = members.map(|part| Member::new(part, Compression::None));
        let members = members.collect::<Result<_, _>>().expect("nothing is done");
        let wrote = writer.append(&fs, Entry::Records(members, advance));
        wrote.expect("room on the disk").bytes as usize
    })
}
