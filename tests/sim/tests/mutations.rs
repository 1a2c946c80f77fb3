//! The checks checked: what is done wrong on purpose is noticed for what it is.

use crate::sim::chance::run;
use crate::sim::disk::{Crash, Mutation};
use crate::sim::scenes::SCENES;
use crate::sim::strike::{Blow, strike};

/// How many seeds each mistake may take to be noticed.
const SEEDS_MOST: u64 = 3_000;

/// What must be said of a mistake.
fn noticed(mutation: Mutation) -> &'static [&'static str] {
    match mutation {
        Mutation::NoDataSync | Mutation::CheckpointBeforeSync => &["expected what was written"],
        Mutation::CheckpointBeforeWrite => &["expected what was written", "only"],
        Mutation::NoGapSync => &["manifest.ndjson: expected what was written"],
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
        Mutation::NoClusterId => &["elsewhere"],
        Mutation::UnawaitedStop => &["bytes after a clean stop, not"],
        Mutation::HastyReload => &["can't go on"],
        Mutation::RestlessReload => &["by a reload that doesn't change it"],
        Mutation::NameBeforeSync => &["is not what its line says"],
        Mutation::ManifestAfterCheckpoint => &["manifest.ndjson: expected what was written"],
        Mutation::UnlistedSegment => &["is left after a clean stop"],
        Mutation::NoIndexSync => &["index"],
        Mutation::NoListingSync | Mutation::ForgottenListing => {
            &["first listing is not what it was"]
        }
    }
}

/// What is said of a mistake in the run of this seed, if it is noticed.
fn said(mutation: Mutation, seed: u64) -> Option<String> {
    let scene = match mutation {
        // Nothing in the other runs makes that one show.
        Mutation::NoClusterId => "another cluster",
        Mutation::UnawaitedStop => "one of two archives is stopped and started again",
        _ => {
            return run(seed, Some(mutation), false)
                .err()
                .map(|failure| failure.what);
        }
    };
    let mut scenes = SCENES.iter();
    let scene = scenes.find(|of| of.name == scene)?;
    let never = Blow::Crash(u64::MAX, Crash::Kill);
    let struck = strike(scene, seed, never, &[], Some(mutation));
    struck.err().map(|(_, what)| what)
}

#[test]
fn each_deliberate_mistake_is_noticed() {
    for mutation in Mutation::ALL {
        let words = noticed(mutation);
        let said = (0..SEEDS_MOST).filter_map(|seed| Some((seed, said(mutation, seed)?)));
        let mut fitting = said.filter(|(_, what)| words.iter().all(|w| what.contains(w)));
        match fitting.next() {
            Some((seed, what)) => println!("| {mutation:?} | {seed} | {what} |"),
            None => panic!("{mutation:?} is not noticed in {SEEDS_MOST} runs"),
        }
    }
}
