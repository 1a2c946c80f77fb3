//! Inputs that are closed until they are due, so that hundreds of files that follow each other are not all open at once.

use super::source::Source;
use super::wanted::Wanted;
use super::{open, open_again};
use crate::replay::{Input, InputError, Outgoing};

/// An input of which only the first record is known until it was taken.
struct Deferred {
    source: Source,
    wanted: Wanted,
    topic: String,
    partitions: Option<i32>,
    description: String,
    extent: Option<String>,
    /// The first record, until it is taken.
    first: Option<Outgoing>,
    is_over: bool,
    /// Open from when its second record is asked for until there is no more.
    opened: Option<Box<dyn Input>>,
    skipped: u64,
    sent_raw: u64,
}

/// Opens an input, and closes it again once its first record is known. What can be read only once stays open.
///
/// # Errors
///
/// As [`open`].
pub fn open_later(source: &Source, wanted: &Wanted) -> Result<Box<dyn Input>, InputError> {
    let mut input = open(source, wanted)?;
    if !open_again(source) {
        return Ok(input);
    }
    let first = input.next()?;
    let extent = input.extent();
    Ok(Box::new(Deferred {
        source: source.clone(),
        wanted: Wanted {
            extent: extent.clone(),
            ..wanted.clone()
        },
        topic: input.topic().to_owned(),
        partitions: input.partitions(),
        description: input.description(),
        extent,
        is_over: first.is_none(),
        first,
        opened: None,
        skipped: input.skipped(),
        sent_raw: input.sent_raw(),
    }))
}

impl Input for Deferred {
    fn topic(&self) -> &str {
        &self.topic
    }

    fn partitions(&self) -> Option<i32> {
        self.partitions
    }

    fn next(&mut self) -> Result<Option<Outgoing>, InputError> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        if self.is_over {
            return Ok(None);
        }
        let input = match &mut self.opened {
            Some(input) => input,
            None => {
                let mut input = open(&self.source, &self.wanted)?;
                // It was taken before.
                input.next()?;
                self.opened.insert(input)
            }
        };
        let record = input.next()?;
        (self.skipped, self.sent_raw) = (input.skipped(), input.sent_raw());
        if record.is_none() {
            self.is_over = true;
            self.opened = None;
        }
        Ok(record)
    }

    fn skipped(&self) -> u64 {
        self.skipped
    }

    fn sent_raw(&self) -> u64 {
        self.sent_raw
    }

    fn description(&self) -> String {
        self.description.clone()
    }

    fn extent(&self) -> Option<String> {
        self.extent.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn count_open() -> usize {
        let descriptors = std::fs::read_dir("/proc/self/fd").expect("is listed");
        let of =
            |name: std::io::Result<std::fs::DirEntry>| std::fs::read_link(name.ok()?.path()).ok();
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
}
