//! Archives of patterns: each begins at its topic's first record, unless the topic was there when the pattern was new.

use std::collections::BTreeMap;

use archiver_format::checkpoint::Checkpoint;
use archiver_format::record::Partition;
use serde::Deserialize;

use crate::config::Start;
use crate::sim::world::{Watched, World};

/// Reads a first listing, without the production code.
fn listed(bytes: &[u8]) -> Option<BTreeMap<String, Option<String>>> {
    #[derive(Deserialize)]
    struct Outer {
        listing: Listing,
    }
    #[derive(Deserialize)]
    struct Listing {
        topics: BTreeMap<String, Option<String>>,
    }
    let outer = serde_json::from_slice::<Outer>(bytes).ok()?;
    Some(outer.listing.topics)
}

/// Checks where an archive of a pattern has begun; `first` is its first checkpoint.
pub fn check(world: &World, archive: &Watched, first: &Checkpoint) -> Result<(), String> {
    let Some(number) = archive.pattern else {
        return Ok(());
    };
    let path = world.patterns[number].state().first_listing();
    let bytes = world.fs.peek(&path).unwrap_or_default();
    let kafka = world.cluster.kafka();
    if kafka.listed.get(&path) != Some(&bytes) {
        return Err("its pattern's first listing is not what it was before it began".into());
    }
    let listed = listed(&bytes).ok_or("its pattern's first listing can't be read")?;
    let (name, config) = (&archive.config.topic, &archive.config);
    let mut lives = kafka.topics[name].lives.iter();
    let Some(life) = lives.find(|life| Some(&life.id) == first.identity.topic_id.as_ref()) else {
        return Ok(());
    };
    let was_there = listed.get(name) == Some(&Some(life.id.clone()));
    if was_there && world.patterns[number].for_checks().start != Start::Earliest {
        return Ok(());
    }
    for (partition, log) in life.partitions.iter().enumerate() {
        let next = first.progress.positions.next(partition as Partition).get();
        if next > log.start {
            return Err(format!(
                "{}: it began at offset {next} of partition {partition}, but {} is there",
                config.name, log.start
            ));
        }
    }
    Ok(())
}
