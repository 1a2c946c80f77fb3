//! What topics really hold, as Kafka's own Java client reads it.

use std::collections::BTreeMap;
use std::fs;

use tempfile::TempDir;

use crate::kafka::{Janitor, Server, run};
use crate::topic::Topic;

/// A record that the independent reader saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub offset: i64,
    pub value: Option<Vec<u8>>,
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
        let bytes = fs::read(self.0.path().join(&topic.name)).unwrap();
        let mut rest = bytes.as_slice();
        let mut partitions = Partitions::new();
        while !rest.is_empty() {
            let partition = i32::from_be_bytes(take(&mut rest));
            let offset = i64::from_be_bytes(take(&mut rest));
            let value = match i32::from_be_bytes(take(&mut rest)) {
                -1 => None,
                length => Some(rest.split_off(..length as usize).unwrap().to_vec()),
            };
            partitions
                .entry(partition)
                .or_default()
                .push(Seen { offset, value });
        }
        partitions
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> [u8; N] {
    *rest.split_off(..N).unwrap().first_chunk().unwrap()
}
