//! What is found in an archive as it lies on the disk.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicU64;

use crate::archive::tests::Laid;
use crate::handed_over::{HandedOver, encode};
use crate::mark::{TAIL, Tail};
use crate::open::tests::make_pipe;
use crate::verify::{Report, Severity, Subject, verify};

fn verified(laid: &Laid) -> Report {
    let mut found = None;
    let subject = Subject::load("a", &laid.state, None);
    verify(vec![subject], 2, &AtomicU64::new(0), |report| {
        found = Some(report);
    });
    found.expect("a report")
}

/// What is wrong with the file at a path, and how many other findings there are.
fn said(laid: &Laid, path: &Path) -> (Vec<String>, usize) {
    let report = verified(laid);
    let (of_it, others): (Vec<_>, Vec<_>) = report
        .findings
        .iter()
        .partition(|finding| finding.path() == path);
    let said = of_it.iter().map(|finding| {
        let text = finding.to_string();
        text.replace(&format!("{}: ", path.display()), "")
    });
    (said.collect(), others.len())
}

/// A pipe or a directory in place of a file.
fn replace(path: &Path, by_directory: bool) {
    if by_directory {
        fs::remove_file(path).expect("removed");
        fs::create_dir(path).expect("a directory");
    } else {
        make_pipe(path);
    }
}

#[test]
fn what_is_no_regular_file_is_named_and_not_waited_for() {
    for what in [
        "sub/a-1.ndjson.gz",
        "sub/a-3.ndjson.gz.part",
        ".archiver/a/manifest.ndjson",
        ".archiver/a/checkpoint.json",
    ] {
        for by_directory in [false, true] {
            let laid = Laid::new();
            let path = laid.path(what);
            replace(&path, by_directory);
            let (found, _) = said(&laid, &path);
            assert_eq!(
                found,
                ["it can't be read: it is not a regular file"],
                "{what} {by_directory}"
            );
        }
    }
}

#[test]
fn an_index_that_is_no_regular_file_is_not_the_fault_of_its_segment() {
    let sound = {
        let laid = Laid::new();
        said(&laid, &laid.path("sub/a-1.ndjson.gz"))
    };
    assert_eq!(sound.0, [""; 0]);
    for by_directory in [false, true] {
        let laid = Laid::new();
        let path = laid.path("sub/a-1.ndjson.gz");
        replace(&laid.state.index(1), by_directory);
        let (found, others) = said(&laid, &path);
        assert_eq!(found, ["reading the index: it is not a regular file"]);
        assert_eq!(others, sound.1);
        // The segment itself was read.
        assert_eq!(verified(&laid).records, 6);
    }
}

#[test]
fn a_checkpoint_that_is_lost_is_told_from_one_that_is_not_there_yet() {
    let laid = Laid::new();
    fs::remove_file(laid.state.checkpoint()).expect("removed");
    let (found, others) = said(&laid, &laid.state.checkpoint());
    let lost = "the checkpoint is missing, and the archive has begun";
    assert_eq!((found, others), (vec![lost.to_owned()], 0));
    assert!(!verified(&laid).is_sound());
    fs::remove_dir_all(laid.state.path()).expect("removed");
    fs::create_dir(laid.state.path()).expect("a directory");
    fs::write(laid.state.lock(), "1\n").expect("written");
    let report = verified(&laid);
    let severities = report.findings.iter().map(|finding| finding.severity());
    assert_eq!(severities.collect::<Vec<_>>(), [Severity::Note]);
    assert!(report.is_sound());
}

#[test]
fn a_segment_that_was_handed_over_may_be_gone() {
    let laid = Laid::new();
    let path = laid.path("sub/a-1.ndjson.gz");
    let sound = verified(&laid);
    fs::remove_file(&path).expect("removed");
    assert_eq!(said(&laid, &path).0, ["the file is missing"]);
    let manifest = fs::read(laid.state.manifest()).expect("a manifest");
    let hand_over = |bytes: &[u8]| {
        let tail = bytes[bytes.len().saturating_sub(TAIL)..].to_vec();
        let of = HandedOver {
            sequence: 1,
            manifest: Tail::new(tail).mark(bytes.len() as u64),
        };
        fs::write(laid.state.handed_over(), encode(&of).expect("a line")).expect("written");
    };
    // Up to the line before its own.
    let line = br#"{"type":"sealed","file":{"sequence":1"#;
    let at = memchr::memmem::find(&manifest, line);
    hand_over(&manifest[..at.expect("its line")]);
    assert_eq!(said(&laid, &path).0, ["the file is missing"]);
    hand_over(&manifest);
    let note = "it was handed over to on_seal, and is gone";
    assert_eq!(said(&laid, &path).0, [note]);
    let report = verified(&laid);
    assert_eq!(report.segments, sound.segments - 1);
    assert_eq!(report.findings.len(), sound.findings.len() + 1);
    // Of another manifest.
    let mut other = manifest.clone();
    other[7] ^= 1;
    hand_over(&other);
    assert_eq!(said(&laid, &path).0, ["the file is missing"]);
}
