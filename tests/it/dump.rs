//! What topics really hold, as Kafka's own Java client reads it.

use std::collections::BTreeMap;
use std::fs;

use tempfile::TempDir;

use crate::kafka::{Janitor, Server, run};
use crate::topic::Topic;

/// A record that the independent reader saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    pub offset: i64,
    pub value: Option<Vec<u8>>,
    pub timestamp: i64,
    /// -1 for none, 0 for the producer's, 1 for the broker's.
    pub timestamp_type: i32,
    pub key: Option<Vec<u8>>,
    pub headers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

/// A topic's committed records by partition, in Kafka's order.
pub type Partitions = BTreeMap<i32, Vec<Seen>>;

pub struct Dump(TempDir);

/// Reads topics from their beginnings to their present ends.
pub fn dump(server: &Server, topics: &[&Topic]) -> Dump {
    let directory = TempDir::new_in(Janitor::get().root()).unwrap();
    let mut args = vec![
        server.bootstrap(),
        directory.path().to_str().unwrap().to_owned(),
    ];
    args.extend(topics.iter().map(|t| t.name.clone()));
    run("Dump.java", &args);
    Dump(directory)
}

impl Dump {
    pub fn topic(&self, topic: &Topic) -> Partitions {
        parse(&fs::read(self.0.path().join(&topic.name)).unwrap())
    }
}

/// What Dump.java has written.
pub fn parse(mut rest: &[u8]) -> Partitions {
    let rest = &mut rest;
    let mut partitions = Partitions::new();
    while !rest.is_empty() {
        let partition = number(rest);
        let seen = Seen {
            offset: i64::from_be_bytes(take(rest)),
            value: bytes(rest),
            timestamp: i64::from_be_bytes(take(rest)),
            timestamp_type: number(rest),
            key: bytes(rest),
            headers: (0..number(rest))
                .map(|_| (bytes(rest).unwrap(), bytes(rest)))
                .collect(),
        };
        partitions.entry(partition).or_default().push(seen);
    }
    partitions
}

fn number(rest: &mut &[u8]) -> i32 {
    i32::from_be_bytes(take(rest))
}

fn bytes(rest: &mut &[u8]) -> Option<Vec<u8>> {
    match number(rest) {
        -1 => None,
        length => Some(rest.split_off(..length as usize).unwrap().to_vec()),
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> [u8; N] {
    *rest.split_off(..N).unwrap().first_chunk().unwrap()
}
