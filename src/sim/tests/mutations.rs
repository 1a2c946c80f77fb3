//! The checks checked: what is done wrong on purpose is noticed for what it is.

use crate::sim::chance::run;
use crate::sim::disk::Mutation;

/// How many seeds each mistake may take to be noticed.
const SEEDS_MOST: u64 = 3_000;

/// What must be said of a mistake.
fn noticed(mutation: Mutation) -> &'static [&'static str] {
    match mutation {
        Mutation::NoDataSync | Mutation::CheckpointBeforeSync => &["expected what was written"],
        Mutation::CheckpointBeforeWrite => &["expected what was written", "only"],
        Mutation::NoGapSync => &["gaps.ndjson: expected what was written"],
        Mutation::NoDirectorySync => &["its checkpoint is gone"],
        Mutation::NoCutSync => &["bytes after a clean stop, not"],
        Mutation::RenameBeforeSync => &["can't go on: the checkpoint"],
        Mutation::CommitBeforeCheckpoint => &["was committed"],
        Mutation::RetriedSync => &["can't go on"],
        Mutation::NoFingerprint => &["is not archiver's and was changed"],
        Mutation::NoLock => &["written by", "locked by"],
        Mutation::NoTopicId => &["must not be there"],
        Mutation::NoLeaderEpoch => &["lost: "],
        Mutation::UnseenCorrupt => &["lost: "],
        Mutation::LongCorrupt => &["a gap that can't be"],
    }
}

#[test]
fn each_deliberate_mistake_is_noticed() {
    for mutation in Mutation::ALL {
        let words = noticed(mutation);
        let failures = (0..SEEDS_MOST).filter_map(|seed| run(seed, Some(mutation), false).err());
        let mut fitting = failures.filter(|failure| words.iter().all(|w| failure.what.contains(w)));
        match fitting.next() {
            Some(failure) => println!("| {mutation:?} | {} | {} |", failure.seed, failure.what),
            None => panic!("{mutation:?} is not noticed in {SEEDS_MOST} runs"),
        }
    }
}
