//! Files that are closed until they are due.

use std::path::PathBuf;

use super::*;

fn count_open() -> usize {
    let descriptors = std::fs::read_dir("/proc/self/fd").expect("is listed");
    let of = |name: std::io::Result<std::fs::DirEntry>| std::fs::read_link(name.ok()?.path()).ok();
    let is_of = |path: &PathBuf| path.to_string_lossy().contains("deferred-of-test");
    descriptors.filter_map(of).filter(is_of).count()
}

#[test]
fn files_that_follow_each_other_are_open_one_at_a_time_and_give_the_same_records() {
    let directory = tempfile::Builder::new()
        .prefix("deferred-of-test")
        .tempdir();
    let directory = directory.expect("a directory");
    let wanted = Wanted::default();
    let mut inputs = Vec::new();
    for file in 0..50 {
        let path = directory.path().join(format!("{file}.csv"));
        std::fs::write(&path, format!("ts,v\n{file}1,a\n{file}2,b\n")).expect("is written");
        inputs.push(open_later(&Source::File(path), &wanted).expect("opens"));
    }
    assert_eq!(count_open(), 0);
    for input in &mut inputs {
        let mut values = Vec::new();
        while let Some(record) = input.next().expect("is read") {
            values.push(record.value.expect("a value"));
            assert!(count_open() <= 1);
        }
        assert_eq!(values.len(), 2);
        assert!(values[1].ends_with(b"\"v\":\"b\"}"));
        assert!(input.next().expect("is read").is_none());
    }
    assert_eq!(count_open(), 0);
}
