//! How much an archive takes at once, and before it is written.

use std::io::Read;
use std::time::Duration;

use archiver_format::compression::Compression;

use crate::archive::BATCH_BYTES;
use crate::sim::chance::finish;
use crate::sim::disk::Faults;
use crate::sim::process::{Ended, Step};
use crate::sim::scenes::{SCENES, Scene};
use crate::sim::world::World;

const SECOND: Duration = Duration::from_secs(1);
/// Two partitions, plain.
const STEADY: &Scene = &SCENES[1];
/// Sixteen lines of this length are a batch.
const LINE: usize = BATCH_BYTES / 16;

/// Writes records to one partition, of which each makes such a line, and each sixteenth a line that is a byte longer.
fn write_large(world: &World, records: usize) {
    let mut kafka = world.cluster.kafka();
    let log = &mut kafka.logs("t")[0];
    for number in 0..records {
        let before = format!("t/0/0.{} ", log.all.len()).len();
        let line = LINE + usize::from(number % 16 == 15);
        log.append("t/0/0", Some(&vec![b'a'; line - 1 - before]), false);
    }
}

fn members(mut file: &[u8]) -> Vec<usize> {
    let mut members = Vec::new();
    while !file.is_empty() {
        let mut member = flate2::bufread::GzDecoder::new(file);
        members.push(member.read_to_end(&mut Vec::new()).expect("a member"));
        file = member.into_inner();
    }
    members
}

#[test]
fn a_batch_is_full_before_it_is_longer_than_it_may_be() {
    let mut longest = 0;
    for seed in 0..4 {
        let mut world = STEADY.world(seed);
        (world.is_brisk, world.budget) = (true, 64 << 20);
        let config = &mut world.archives[0].config;
        (config.compression, config.flush) = (Compression::Gzip(1), 10 * SECOND);
        let mut step = 0;
        let ended = world.process(&mut |world| {
            step += 1;
            match step {
                2 => write_large(world, 60),
                20 => return Step::Stop,
                _ => {}
            }
            Step::Wait(SECOND)
        });
        assert_eq!(ended, Ok(Ended::Stopped { clean: true }), "seed {seed}");
        let file = world.fs.peek(&world.archives[0].config.file);
        let members = members(&file.expect("a file"));
        assert!(
            members.iter().all(|&bytes| bytes <= BATCH_BYTES),
            "seed {seed}: {members:?}"
        );
        longest = longest.max(members.into_iter().max().expect("members"));
    }
    assert!(longest > BATCH_BYTES - LINE, "no batch is full: {longest}");
}

#[test]
fn an_archive_whose_disk_hangs_takes_no_more_than_may_be_on_its_way() {
    /// Batches that are compressed or written, or that is being filled.
    const BATCHES: usize = 5;
    /// What has arrived and waits.
    const AHEAD: usize = 60;
    for seed in 0..4 {
        let mut world = STEADY.world(seed);
        (world.is_brisk, world.budget) = (true, 64 << 20);
        let (mut step, mut received) = (0, 0);
        let ended = world.process(&mut |world| {
            step += 1;
            match step {
                5 => {
                    world.fs.set_faults(Faults {
                        hang_once_in: 1,
                        ..Faults::default()
                    });
                    write_large(world, 200);
                }
                9 => {
                    received = world.cluster.received("t")[&0];
                    world.fs.set_faults(Faults::default());
                }
                200 => return Step::Stop,
                _ => {}
            }
            Step::Wait(SECOND)
        });
        assert_eq!(ended, Ok(Ended::Stopped { clean: true }), "seed {seed}");
        let most = BATCHES * 16 + AHEAD;
        assert!(received as usize <= most, "seed {seed}: {received}");
        finish(&world).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
    }
}
