//! JSON metrics lines of the shape that bench/produce.py gives the benchmark of the whole process; the same ones each
//! time.

use archiver_format::record::{Record, Timestamp, TimestampKind};

const SERVICES: [&str; 8] = [
    "checkout",
    "cart",
    "search",
    "catalogue",
    "payments",
    "session",
    "mail",
    "ranking",
];
const METRICS: [&str; 5] = [
    "http.server.duration",
    "db.client.latency",
    "queue.publish.time",
    "cache.lookup.time",
    "gc.pause",
];
const REGIONS: [&str; 4] = ["eu-central-1", "eu-west-3", "us-east-1", "ap-south-1"];
const KINDS: [&str; 3] = ["web", "api", "job"];

/// So many values of so many bytes each, 180 or more.
pub fn values(bytes: usize, count: usize) -> Vec<Vec<u8>> {
    let mut random = Random(bytes as u64);
    let filler = random.hex(2 * bytes);
    (0..count)
        .map(|number| value(number, bytes, &filler, &mut random))
        .collect()
}

/// As many values as one batch holds, each with its newline.
pub fn values_of_batch(bytes: usize, batch: usize) -> Vec<Vec<u8>> {
    values(bytes, batch / (bytes + 1))
}

/// The record of partition 0 that holds this value.
pub fn record(offset: usize, value: &[u8]) -> Record<'_> {
    Record {
        partition: 0,
        offset: offset as i64,
        value: Some(value),
        epoch: Some(3),
        timestamp: Some(Timestamp {
            ms: 1_748_736_000_000 + offset as i64,
            kind: TimestampKind::Create,
        }),
        ..Record::default()
    }
}

/// The trace takes up what is left of the length; its end is nothing new to a compressor.
fn value(number: usize, bytes: usize, filler: &str, random: &mut Random) -> Vec<u8> {
    let (second, rest) = (number / 10_000, number % 10_000);
    let (micros, sequence) = (rest * 100 + random.below(97), 1_000_000_000 + number);
    let (kind, host) = (random.pick(&KINDS), random.below(399) + 1);
    let (region, service) = (random.pick(&REGIONS), random.pick(&SERVICES));
    let metric = random.pick(&METRICS);
    let status = [200, 200, 200, 200, 200, 200, 200, 200, 404, 503][random.below(10)];
    let (whole, thousandths) = (100 + random.below(900), random.below(1000));
    let mut line = format!(
        "{{\"time\":\"2025-06-01T00:00:{second:02}.{micros:06}Z\",\"seq\":{sequence},\"host\":\"{kind}-{host}\",\
         \"region\":\"{region}\",\"service\":\"{service}\",\"metric\":\"{metric}\",\"status\":{status},\
         \"ms\":{whole}.{thousandths:03},\"trace\":\""
    );
    let digits = bytes.saturating_sub(line.len() + 2);
    line += &random.hex(digits.min(32));
    let more = digits.saturating_sub(32);
    let from = random.below(filler.len() - more);
    line += &filler[from..from + more];
    line += "\"}";
    assert_eq!(line.len(), bytes, "too short for {line}");
    line.into_bytes()
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    fn hex(&mut self, digits: usize) -> String {
        let digit = |_| char::from(b"0123456789abcdef"[self.below(16)]);
        (0..digits).map(digit).collect()
    }
}
