//! What the offsets of segments say, whatever wrote them.

mod on_disk;

use std::path::PathBuf;

use super::coverage::{Coverage, Hole};
use super::listing::Listing;
use super::pieces::Pieces;
use super::segments::Listed;
use super::{Finding, Severity};
use crate::archive::Segment;
use crate::checkpoint::tests::checkpoint;
use crate::gap::{Gap, GapReason};
use crate::index::Origin;
use crate::manifest::Entry;
use crate::position::Positions;
use crate::record::NextOffset;
use crate::state_files::StateDir;

/// The lines of the manifest that a segment stands between, and its offsets.
type Told<'a> = ((u64, Option<u64>), &'a [i64]);

/// An archive of one partition, of which the next offset is this; its gaps by the lines of the manifest.
fn covered(
    next: i64,
    gaps: &[(u64, i64, Option<i64>, GapReason)],
    segments: &[Told<'_>],
) -> (Vec<Finding>, Vec<(i64, i64)>) {
    let mut checkpoint = checkpoint();
    let positions = [(0, NextOffset::new(next).into())];
    checkpoint.progress.positions = Positions::from(positions);
    let lines = gaps.iter().map(|(line, from, to, reason)| {
        let gap = Gap {
            noticed: String::new(),
            topic_id: None,
            partition: 0,
            from: NextOffset::new(*from),
            to: to.map(NextOffset::new),
            reason: *reason,
            explanation: String::new(),
        };
        (*line, Entry::Gap(gap))
    });
    let listing = Listing {
        lines: lines.collect(),
        later: Vec::new(),
        is_whole: true,
    };
    let mut coverage = Coverage::new(&listing, &checkpoint);
    let mut findings = Vec::new();
    for (number, ((opened, ended), offsets)) in segments.iter().enumerate() {
        let open = &checkpoint.progress.segments[0];
        let path = PathBuf::from(format!("{number}"));
        let state = StateDir::new("state");
        let segment = Segment::growing(open, &checkpoint.identity, path.clone(), &state);
        let listed = Listed {
            segment,
            opened: *opened,
            ended: *ended,
        };
        let origins = offsets.iter().map(|offset| Origin {
            partition: 0,
            offset: *offset,
            timestamp_ms: None,
        });
        let mut pieces = Pieces::default();
        pieces.extend(&origins.collect::<Vec<_>>());
        coverage.add(&listed, path, pieces, &mut findings);
    }
    coverage.finish(&mut findings);
    let mut holes = Vec::new();
    coverage.holes(|Hole { from, to, .. }| holes.push((from, to)));
    (findings, holes)
}

fn said(findings: &[Finding]) -> Vec<String> {
    assert!(
        findings
            .iter()
            .all(|found| found.severity() == Severity::Wrong)
    );
    findings.iter().map(ToString::to_string).collect()
}

#[test]
fn offsets_of_segments_that_interleave_are_each_there_once() {
    let segments: [(_, &[i64]); 3] = [
        ((1, Some(4)), &[3, 5, 6, 9]),
        ((2, Some(5)), &[4, 7, 8]),
        ((3, None), &[10, 11]),
    ];
    let (findings, holes) = covered(12, &[], &segments);
    assert!(
        findings.is_empty() && holes.is_empty(),
        "{findings:?} {holes:?}"
    );
}

#[test]
fn an_offset_that_two_segments_have_is_named() {
    let segments: [(_, &[i64]); 2] = [((1, Some(2)), &[0, 1, 2, 3]), ((3, None), &[2, 3, 4])];
    let (findings, _) = covered(5, &[], &segments);
    let expected = "1: partition 0: offsets 2 to 3 are in 0 too";
    assert_eq!(said(&findings), [expected]);
}

#[test]
fn an_offset_that_a_segment_has_twice_is_named() {
    let (findings, _) = covered(5, &[], &[((1, None), &[0, 1, 2, 2, 3, 4])]);
    let found = said(&findings);
    assert_eq!(
        found[0],
        "0: partition 0: offset 2 comes after 2, and no gap says why"
    );
}

#[test]
fn an_offset_at_which_the_checkpoint_reads_on_is_named() {
    let (findings, _) = covered(3, &[], &[((1, None), &[0, 1, 2, 3])]);
    let expected = "0: partition 0: it holds offset 3, where the checkpoint reads on at 3";
    assert_eq!(said(&findings), [expected]);
}

#[test]
fn what_is_missing_is_a_hole_unless_a_gap_has_it() {
    let gaps = [(2, 5, Some(8), GapReason::Expired)];
    let (findings, holes) = covered(15, &gaps, &[((1, None), &[1, 2, 4, 9, 10, 13])]);
    assert!(findings.is_empty());
    assert_eq!(holes, [(3, 4), (8, 9), (11, 13), (14, 15)]);
}

#[test]
fn a_topic_that_is_created_again_begins_anew() {
    let gaps = [(5, 4, None, GapReason::Recreated)];
    // Before and behind it, and in one file.
    let apart: [(_, &[i64]); 2] = [((1, Some(4)), &[0, 1, 3]), ((6, None), &[0, 1, 2])];
    let (findings, holes) = covered(3, &gaps, &apart);
    assert!(findings.is_empty(), "{findings:?}");
    assert_eq!(holes, [(2, 3)]);
    let (findings, holes) = covered(3, &gaps, &[((1, None), &[0, 1, 3, 0, 1, 2])]);
    assert!(findings.is_empty(), "{findings:?}");
    assert_eq!(holes, [(2, 3)]);
    // Once, not twice.
    let (findings, _) = covered(3, &gaps, &[((1, None), &[0, 1, 3, 0, 1, 2, 0])]);
    assert!(!findings.is_empty());
}

#[test]
fn a_log_that_got_shorter_repeats_some_offsets() {
    let gaps = [(2, 3, Some(6), GapReason::Truncated)];
    let (findings, holes) = covered(7, &gaps, &[((1, None), &[0, 1, 2, 3, 4, 5, 3, 4, 5, 6])]);
    assert!(
        findings.is_empty() && holes.is_empty(),
        "{findings:?} {holes:?}"
    );
    let segments: [(_, &[i64]); 3] = [
        ((1, Some(1)), &[0, 1, 2, 3, 4, 5]),
        ((3, Some(4)), &[3, 4, 5]),
        ((5, None), &[5, 6]),
    ];
    let (findings, _) = covered(7, &gaps, &segments);
    assert_eq!(
        said(&findings),
        ["2: partition 0: offsets 5 to 5 are in 1 too"]
    );
}
