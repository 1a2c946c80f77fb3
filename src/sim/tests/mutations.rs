//! The checks checked: what is done wrong on purpose is noticed.

use crate::sim::chance::run;
use crate::sim::disk::Mutation;

/// How many seeds each mistake may take to be noticed.
const SEEDS_MOST: u64 = 1_000;

#[test]
fn each_mistake_in_the_order_of_things_is_noticed() {
    for mutation in Mutation::ALL {
        // These must be seen as what they are, and not only by what else goes wrong then.
        let expected = match mutation {
            Mutation::CommitBeforeCheckpoint => "was committed",
            Mutation::NoFingerprint => "was changed",
            _ => "",
        };
        let failures = (0..SEEDS_MOST).filter_map(|seed| run(seed, Some(mutation), false).err());
        let mut noticed = failures.filter(|failure| failure.what.contains(expected));
        match noticed.next() {
            Some(failure) => println!("{mutation:?}: seed {}: {}", failure.seed, failure.what),
            None => panic!("{mutation:?} is not noticed in {SEEDS_MOST} runs"),
        }
    }
}
