//! Each of the two locks by itself keeps a second process away.

use std::path::{Path, PathBuf};

use crate::ledger::append_file::{AppendFile, Refused};
use crate::ledger::lock::lock;
use crate::segment::writer::Writer;
use crate::sim::disk::SimFs;
use crate::sim::random::Random;

fn disk() -> (SimFs, PathBuf) {
    let world = SimFs::new(Random::new(1));
    let data = PathBuf::from("/data/out");
    world.put(&data, b"");
    (world, data)
}

#[test]
fn an_archive_is_one_process_s_for_as_long_as_it_runs() {
    let (world, data) = disk();
    let (first, second, path) = (world.start(), world.start(), Path::new("/data/lock"));
    let held = lock(&first, path, &data).expect("a free lock");
    for _ in 0..2 {
        let refused = lock(&second, path, &data)
            .err()
            .expect("not refused, though another process has it");
        assert!(refused.to_string().contains("/data/out"), "{refused}");
    }
    drop(held);
    assert!(lock(&second, path, &data).is_ok());
}

#[test]
fn a_file_that_is_taken_up_again_is_one_process_s_for_as_long_as_it_is_open() {
    let (world, data) = disk();
    let (first, second) = (world.start(), world.start());
    let created = AppendFile::adopt(&first, &data).expect("a free file");
    let (mark, id) = (
        created.mark(),
        created.handle().stat().expect("a file").id(),
    );
    drop(created);
    let resume = |fs: &SimFs| AppendFile::resume(fs, &data, &mark, id, None);
    let resumed = resume(&first).expect("a free file");
    let writer = Writer::for_tests(vec![resumed]);
    let refused = resume(&second).expect_err("not refused, though another process has it");
    assert!(matches!(refused, Refused::Locked(_)), "{refused}");
    drop(writer);
    assert!(resume(&second).is_ok());
}
