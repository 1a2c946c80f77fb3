//! Sends so many records through a part of the record path: `instructions STAGE RECORDS`. `make instructions` has
//! Callgrind count what that takes. All in one thread, and on data, disk work and timers that are the same each time.

#[path = "../lines/mod.rs"]
mod lines;

mod handed;

use std::path::Path;

use archiver::archive::CHUNK_BYTES;
use archiver::config::{Compression, Newline};
use archiver::encode::Chunk;
use archiver::gaps::GapLog;
use archiver::record::Places;
use archiver::segment::append::AppendFile;
use archiver::segment::compression::compress;
use archiver::segment::writer::{Entry, Writer};
use archiver::world::fs::RealFs;

// As in the program.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const RECORD_BYTES: usize = 190;

fn main() {
    let arguments = std::env::args().collect::<Vec<_>>();
    let usage = "usage: instructions encode|escape|append|archive RECORDS";
    let [_, stage, records] = &arguments[..] else {
        panic!("{usage}");
    };
    let records = records.parse::<usize>().expect(usage);
    // The same ones again and again, so that making them takes the same however many records there are.
    let values = lines::values_of_chunk(RECORD_BYTES, CHUNK_BYTES);
    let dir = tempfile::tempdir().expect("a temporary directory");
    let written = match stage.as_str() {
        "encode" => encode(&values, records, Newline::Space),
        "escape" => encode(&values, records, Newline::Escape),
        "append" => append(dir.path(), &values, records),
        "archive" => handed::archive(dir.path(), values, records),
        _ => panic!("{usage}"),
    };
    assert_eq!(written, records * (RECORD_BYTES + 1), "bytes of lines");
}

/// Fills chunks as an archive does, and says how many bytes `done` took of them.
fn chunks(
    values: &[Vec<u8>],
    records: usize,
    newline: Newline,
    mut done: impl FnMut(Chunk) -> usize,
) -> usize {
    let mut chunk = Chunk::with_room(CHUNK_BYTES);
    let mut bytes = 0;
    for (offset, value) in values.iter().cycle().take(records).enumerate() {
        if chunk.bytes.len() + value.len() + 1 > CHUNK_BYTES {
            bytes += done(std::mem::replace(&mut chunk, Chunk::with_room(CHUNK_BYTES)));
        }
        let pushed = chunk.push(&lines::record(offset, value), newline);
        pushed.expect("only newline = \"fail\" refuses one");
    }
    bytes + done(chunk)
}

fn encode(values: &[Vec<u8>], records: usize, newline: Newline) -> usize {
    chunks(values, records, newline, |chunk| {
        std::hint::black_box(chunk).bytes.len()
    })
}

/// Encodes, passes on what is not compressed, and appends.
fn append(dir: &Path, values: &[Vec<u8>], records: usize) -> usize {
    let fs = RealFs::default();
    let path = dir.join("data.ndjson");
    let data = AppendFile::create(&fs, &path).expect("an empty directory");
    let gaps = GapLog::none(&dir.join("gaps.ndjson"));
    let mut writer = Writer::new(data, gaps, Places::new(), 0).expect("an open file");
    chunks(values, records, Newline::Space, |chunk| {
        let bytes = compress(chunk.bytes, Compression::None).expect("nothing is done");
        let wrote = writer.append(&fs, Entry::Records(bytes, chunk.advance));
        wrote.expect("room on the disk").bytes as usize
    })
}
