//! Lanes: segments that are read one after the other.
//!
//! A segment goes behind another one if it has none but later offsets of each partition that both have: so an archive that
//! is cut by size or by the clock is one lane, one with a file for each partition has a lane for each, and one with the
//! records' time in its paths has as many as records were late for: a late record lies in a segment beside those that were
//! written after its end. Segments of one partition and of many are never in one lane, as their times have nothing to do
//! with each other.

use std::collections::{BTreeMap, HashMap, VecDeque};

use archiver_format::gap::{Gap, GapReason};
use archiver_format::record::Partition;

use super::part::Part;

/// The lanes of these parts, by their indexes. Parts are in the order of their numbers.
pub(super) fn lanes(parts: &[Part], gaps: &[Gap]) -> Vec<VecDeque<usize>> {
    let mut lanes: Vec<(VecDeque<usize>, BTreeMap<Partition, i64>)> = Vec::new();
    let mut of_kind: HashMap<Option<Partition>, Vec<usize>> = HashMap::new();
    for (number, part) in parts.iter().enumerate() {
        let kind = of_kind.entry(part.only_partition()).or_default();
        let is_behind = |lane: &&usize| {
            let reached = &lanes[**lane].1;
            part.spans.iter().all(|(partition, span)| {
                let reached = reached.get(partition);
                reached.is_none_or(|reached| {
                    *reached < span.first || went_back(gaps, *partition, span.first)
                })
            })
        };
        let lane = match kind.iter().find(is_behind) {
            Some(lane) => *lane,
            None => {
                lanes.push(Default::default());
                kind.push(lanes.len() - 1);
                lanes.len() - 1
            }
        };
        let (members, reached) = &mut lanes[lane];
        members.push_back(number);
        for (partition, span) in &part.spans {
            reached.insert(*partition, span.last);
        }
    }
    lanes.into_iter().map(|(members, _)| members).collect()
}

/// Did a partition go back to this offset, or further, as Kafka had lost records that it had shown?
fn went_back(gaps: &[Gap], partition: Partition, offset: i64) -> bool {
    let mut gaps = gaps.iter();
    gaps.any(|gap| {
        gap.reason == GapReason::Truncated
            && gap.partition == partition
            && gap.from.get() <= offset
            && gap.to.is_none_or(|to| offset <= to.get())
    })
}
