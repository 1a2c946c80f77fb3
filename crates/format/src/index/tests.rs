use std::collections::BTreeMap;
use std::io::Cursor;

use super::header::HEADER_BYTES;
use super::*;

/// SplitMix64.
pub(crate) struct Random(pub u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    pub(crate) fn one_in(&mut self, number: u64) -> bool {
        self.below(number) == 0
    }
}

/// Where records come from, one after the other.
pub(crate) struct Stream {
    pub random: Random,
    /// How many partitions there are, and how long a run of one is at most.
    pub partitions: u64,
    pub run: u64,
    /// One record in so many leaves offsets out.
    pub holes: u64,
    /// One record in so many is a millisecond later.
    pub clock: u64,
    /// By how many milliseconds timestamps are out of order.
    pub jitter: u64,
    pub left: u64,
    pub partition: i32,
    pub now_ms: i64,
    pub next: BTreeMap<i32, i64>,
}

impl Stream {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            random: Random(seed),
            partitions: 1,
            run: 500,
            holes: u64::MAX,
            clock: 40,
            jitter: 1,
            left: 0,
            partition: 0,
            now_ms: 1_764_000_000_000,
            next: BTreeMap::new(),
        }
    }

    pub(crate) fn origin(&mut self) -> Origin {
        let Self { random, .. } = self;
        if self.left == 0 {
            self.left = 1 + random.below(self.run);
            self.partition = random.below(self.partitions) as i32;
        }
        self.left -= 1;
        self.now_ms += i64::from(random.one_in(self.clock));
        let offset = self.next.entry(self.partition).or_insert(1_000_000_000);
        if random.one_in(self.holes) {
            *offset += 1 + random.below(3) as i64;
        }
        let origin = Origin {
            partition: self.partition,
            offset: *offset,
            timestamp_ms: Some(self.now_ms + random.below(self.jitter) as i64),
        };
        *offset += 1;
        origin
    }

    pub(crate) fn origins(&mut self, count: usize) -> Vec<Origin> {
        (0..count).map(|_| self.origin()).collect()
    }
}

/// What no topic has, but anything may be pushed.
fn wild(random: &mut Random) -> Origin {
    let extremes = [i64::MIN, i64::MIN / 2, -1, 0, 1, 127, 128, i64::MAX - 1];
    let mut number = || match random.below(4) {
        0 => extremes[random.below(8) as usize],
        1 => random.next() as i64,
        _ => random.below(40) as i64,
    };
    // Behind the largest number there is no next offset.
    let (offset, time) = (number().min(i64::MAX - 1), number());
    let partitions = [0, 1, 2, 3, 500, -1, i32::MAX, i32::MIN];
    Origin {
        partition: partitions[random.below(8) as usize],
        offset,
        timestamp_ms: (time >= i64::MIN / 2 && !random.one_in(5)).then_some(time),
    }
}

pub(crate) fn noted(origins: &[Origin]) -> Lines {
    let mut lines = Lines::default();
    for origin in origins {
        lines.push(origin.partition, origin.offset, origin.timestamp_ms);
    }
    lines
}

fn block(lines: u64) -> Block {
    Block {
        file_start: 1 << 33,
        file_bytes: 1 << 18,
        checksum: 0xdead_beef,
        plain_start: 1 << 34,
        plain_bytes: lines * 190,
        first_line: 1 << 26,
    }
}

/// An index of these blocks, one after the other.
fn index(blocks: &[Vec<Origin>]) -> Vec<u8> {
    let mut bytes = header(7);
    let mut at = block(0);
    for origins in blocks {
        at.plain_bytes = origins.len() as u64 * 190;
        bytes.extend(encode(&noted(origins), &at));
        at.file_start += at.file_bytes;
        at.plain_start += at.plain_bytes;
        at.first_line += origins.len() as u64;
    }
    bytes
}

/// The origins of all blocks, or why not.
fn read(bytes: &[u8]) -> Result<Vec<Vec<Origin>>, IndexError> {
    let mut index = IndexReader::new(Cursor::new(bytes))?;
    let mut blocks = Vec::new();
    while let Some(entry) = index.advance()? {
        let entry = entry.clone();
        let mut origins = Vec::new();
        index.origins(&mut origins)?;
        assert!(entry.is_of(&noted(&origins)));
        blocks.push(origins);
    }
    Ok(blocks)
}

fn spans(origins: &[Origin]) -> Vec<Span> {
    let mut spans = Vec::new();
    for origin in origins {
        let time = origin.timestamp_ms;
        let one = Span {
            partition: origin.partition,
            first: origin.offset,
            last: origin.offset,
            records: 1,
            times: time.map(|time| Times {
                lowest_ms: time,
                highest_ms: time,
            }),
        };
        span::join_all(&mut spans, &[one]);
    }
    spans
}

#[test]
fn what_is_pushed_is_read_back_whatever_it_is() {
    for seed in 0..3_000 {
        let mut random = Random(seed);
        let count = 1 + random.below(40) as usize;
        let origins = (0..count).map(|_| wild(&mut random)).collect::<Vec<_>>();
        let lines = noted(&origins);
        assert_eq!(lines.len(), count as u64);
        assert_eq!(lines.summary(), spans(&origins), "seed {seed}");
        let again = read(&index(std::slice::from_ref(&origins)));
        assert_eq!(again.expect("is whole"), [origins], "seed {seed}");
    }
}

#[test]
fn streams_are_read_back_and_summed_up() {
    for seed in 0..200 {
        let mut stream = Stream::new(seed);
        let random = &mut stream.random;
        stream.partitions = 1 + random.below(20);
        stream.run = 1 + random.below(500);
        stream.holes = 1 + random.below(100);
        stream.jitter = 1 + random.below(2_000);
        let blocks = (1..5).map(|n| stream.origins(n * 700)).collect::<Vec<_>>();
        assert_eq!(read(&index(&blocks)).expect("is whole"), blocks);
        let bytes = index(&blocks);
        let mut index = IndexReader::new(Cursor::new(&bytes)).expect("a header");
        assert_eq!(index.header().sequence, 7);
        for origins in &blocks {
            let entry = index.advance().expect("is whole").expect("an entry");
            let expected = spans(origins);
            assert_eq!(entry.spans().copied().collect::<Vec<_>>(), expected);
            assert_eq!(noted(origins).summary(), expected);
        }
        assert!(index.advance().expect("is whole").is_none());
    }
}

#[test]
fn lines_that_were_cleared_are_as_new() {
    let mut stream = Stream::new(3);
    stream.partitions = 5;
    let mut lines = noted(&stream.origins(9_000));
    lines.clear();
    assert!(lines.is_empty());
    assert_eq!(lines.summary(), []);
    assert!(encode(&lines, &block(0)).is_empty());
    let origins = stream.origins(50);
    for origin in &origins {
        lines.push(origin.partition, origin.offset, origin.timestamp_ms);
    }
    assert_eq!(
        encode(&lines, &block(50)),
        encode(&noted(&origins), &block(50))
    );
}

#[test]
fn a_record_takes_three_bytes_at_most() {
    let bytes = |set: fn(&mut Stream)| {
        let mut stream = Stream::new(1);
        set(&mut stream);
        let origins = stream.origins(5_500);
        let steps = noted(&origins).steps().len() as f64 / 5_500.0;
        let entry = encode(&noted(&origins), &block(5_500)).len() as f64 / 5_500.0;
        (steps, entry)
    };
    let steady = bytes(|_| ());
    assert!(steady.0 < 1.01 && steady.1 < 0.1, "{steady:?}");
    for (name, (steps, entry)) in [
        ("a clock that jitters", bytes(|s| s.jitter = 1_000)),
        ("runs of 1 to 500", bytes(|s| s.partitions = 12)),
        ("runs of one", bytes(|s| (s.partitions, s.run) = (12, 1))),
        ("transactions", bytes(|s| s.holes = 10)),
        ("a compacted topic", bytes(|s| (s.holes, s.clock) = (1, 1))),
    ] {
        assert!(steps < 3.0 && entry < 3.0, "{name}: {steps}, {entry}");
    }
}

#[test]
fn a_byte_that_is_changed_anywhere_is_noticed() {
    let mut stream = Stream::new(5);
    stream.partitions = 3;
    let blocks = [stream.origins(60), stream.origins(3_000), stream.origins(1)];
    let whole = index(&blocks);
    for at in 0..whole.len() {
        for bit in [0x01, 0x80] {
            let mut changed = whole.clone();
            changed[at] ^= bit;
            assert!(read(&changed).is_err(), "byte {at}");
        }
    }
}

#[test]
fn an_index_that_is_cut_says_where() {
    let mut stream = Stream::new(6);
    let blocks = [stream.origins(60), stream.origins(3_000), stream.origins(1)];
    let whole = index(&blocks);
    let one = index(&blocks[..1]).len();
    let two = index(&blocks[..2]).len();
    for end in 0..whole.len() {
        let expected = match end {
            _ if end < HEADER_BYTES => Err(0),
            _ if end == HEADER_BYTES => Ok(0),
            _ if end < one => Err(HEADER_BYTES),
            _ if end == one => Ok(1),
            _ if end < two => Err(one),
            _ if end == two => Ok(2),
            _ => Err(two),
        };
        let found = match read(&whole[..end]) {
            Ok(blocks) => Ok(blocks.len()),
            Err(IndexError::Torn { byte }) => Err(byte as usize),
            Err(other) => panic!("cut at {end}: {other}"),
        };
        assert_eq!(found, expected, "cut at {end}");
    }
}

#[test]
fn the_last_entry_of_an_index_that_is_being_written_is_a_whole_one() {
    let mut stream = Stream::new(6);
    let blocks = [stream.origins(60), stream.origins(90)];
    let whole = index(&blocks);
    let end = |bytes: &[u8]| {
        let index = IndexReader::new(Cursor::new(bytes)).expect("a header");
        let last = index.last().expect("can be read");
        last.map(|entry| entry.block.file_end())
    };
    let first = block(0).file_end();
    assert_eq!(end(&whole[..HEADER_BYTES + 5]), None);
    assert_eq!(end(&whole[..whole.len() - 1]), Some(first));
    assert_eq!(end(&whole), Some(first + block(0).file_bytes));
}

#[test]
fn entries_that_are_missing_doubled_or_exchanged_are_noticed() {
    let mut stream = Stream::new(8);
    let blocks = [stream.origins(60), stream.origins(60), stream.origins(60)];
    let whole = index(&blocks);
    let cuts = [1, 2, 3].map(|count| index(&blocks[..count]).len());
    let (head, one) = (&whole[..HEADER_BYTES], &whole[HEADER_BYTES..cuts[0]]);
    let (two, three) = (&whole[cuts[0]..cuts[1]], &whole[cuts[1]..]);
    for other in [
        [head, one, three].concat(),
        [head, two, one, three].concat(),
        [head, one, one, two, three].concat(),
    ] {
        assert!(read(&other).is_err());
    }
}

#[test]
fn a_newer_version_is_refused_by_its_number() {
    let mut bytes = header(1);
    bytes[8] = 9;
    let checksum = xxhash_rust::xxh3::xxh3_64(&bytes[..20]).to_le_bytes();
    bytes[20..].copy_from_slice(&checksum);
    assert!(matches!(read(&bytes), Err(IndexError::Newer(9))));
}
