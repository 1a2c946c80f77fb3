//! Offsets that come later in a segment than the record that it is at, so that the next one of each partition is known.

use std::collections::{HashMap, VecDeque};

use archiver_format::index::Origin;
use archiver_format::record::Partition;

use super::stream::Stream;

/// Looks ahead in a segment. What it has seen, and was not read yet, takes a few bytes for each run of offsets.
pub(super) struct Ahead {
    stream: Stream,
    /// First and last offsets.
    runs: HashMap<Partition, VecDeque<(i64, i64)>>,
    /// How many records were seen.
    seen: u64,
    is_at_end: bool,
    origins: Vec<Origin>,
}

impl Ahead {
    /// From the beginning of a segment that was opened once more.
    pub fn new(stream: Stream) -> Self {
        Self {
            stream,
            runs: HashMap::new(),
            seen: 0,
            is_at_end: false,
            origins: Vec::new(),
        }
    }

    /// The next offset of a partition, behind the first so many records; `None` if there is no other one.
    pub fn next(&mut self, partition: Partition, read: u64) -> Result<Option<i64>, String> {
        loop {
            let run = self.runs.get(&partition).and_then(VecDeque::front);
            if run.is_some() || self.is_at_end {
                return Ok(run.map(|(first, _)| *first));
            }
            self.is_at_end = !self.stream.origins(&mut self.origins)?;
            for origin in self.origins.drain(..) {
                self.seen += 1;
                if self.seen <= read {
                    continue;
                }
                let runs = self.runs.entry(origin.partition).or_default();
                match runs.back_mut() {
                    Some((_, last)) if *last + 1 == origin.offset => *last = origin.offset,
                    _ => runs.push_back((origin.offset, origin.offset)),
                }
            }
        }
    }

    /// Forgets a record that was read, the last of so many.
    pub fn forget(&mut self, partition: Partition, read: u64) {
        if read > self.seen {
            return;
        }
        let Some(runs) = self.runs.get_mut(&partition) else {
            return;
        };
        match runs.front_mut() {
            Some((first, last)) if *first < *last => *first += 1,
            _ => drop(runs.pop_front()),
        }
    }
}
