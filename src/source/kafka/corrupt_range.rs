//! Which offsets a corrupt batch takes.
//!
//! A broker gives out whole batches: the one that holds the offset asked for, and those after it. The client says
//! where the batch begins that it couldn't read, but not where it ends. So other offsets are asked for, until those
//! are known that lead to the same batch, and what can be read behind it.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use archiver_format::position::Positions;
use archiver_format::record::{NextOffset, Partition};
use tokio::sync::Notify;

use super::health::Health;
use super::native::{Client, Queue, Topic};
use super::questions::{Found, Suspect};
use crate::source::cluster::{Fetched, KafkaError, Trouble};

/// How long to wait for what is at an offset.
const WAIT: Duration = Duration::from_secs(5);
/// How long to wait for more where nothing may be left: aborted records, or control records.
const GLANCE: Duration = Duration::from_secs(1);

/// How often an offset may be refused that is asked for. Behind a corrupt batch the client asks for one made of garbage.
/// That it is refused is told after a stop, too, and ends what was started since: then it has to be started again.
const REFUSED_MOST: usize = 20;

/// What is at an offset.
#[derive(Debug, PartialEq, Eq)]
enum At {
    /// A batch that can't be read, which begins here; who refuses it may not say where.
    Corrupt(Option<NextOffset>),
    /// A record, the first one at or after the offset.
    Record(i64),
    /// No record, as far as can be seen.
    Nothing,
}

/// The offsets that can't be read in each of these partitions. Blocks.
pub(super) fn find(client: &Arc<Client>, health: &Health, suspects: Vec<Suspect>) -> Vec<Found> {
    let find = |((topic, partition), within): Suspect| {
        // The same topic for all of it: one that is new to the client waits until its leaders are known.
        let queue = Queue::new(Arc::clone(client), Arc::new(Notify::new()));
        let mut topic = Topic::new(Arc::clone(&queue), &topic)?;
        let look = |offset, wait| look(&queue, &mut topic, partition, offset, wait);
        search(within, look).map_err(|e| health.explain(e))
    };
    suspects.into_iter().map(find).collect()
}

/// The offsets that can't be read from `within.start` on, where the log ends at `within.end`; `None` if that one can
/// be read.
fn search(
    within: Range<NextOffset>,
    mut look: impl FnMut(NextOffset, Duration) -> Result<At, KafkaError>,
) -> Found {
    let (next, end) = (within.start.get(), within.end.get());
    let mut look = |offset, wait| look(NextOffset::new(offset), wait);
    let range = |start, end| NextOffset::new(start)..NextOffset::new(end);
    let corrupt = look(next, WAIT)?;
    let start = match corrupt {
        At::Corrupt(Some(begins)) => begins.get().max(next),
        At::Corrupt(None) => next,
        At::Record(_) | At::Nothing => return Ok(None),
    };
    let (mut last, mut behind, mut step) = (start, end.max(start + 1), 1);
    let mut found = None;
    while last + 1 < behind {
        // Further and further, then half and half between the last one that is and the first that isn't.
        let at = match last.checked_add(step).filter(|&at| at < behind) {
            Some(at) => at,
            None => last + (behind - last) / 2,
        };
        let here = look(at, GLANCE)?;
        if here == corrupt {
            (last, step) = (at, step.saturating_mul(2));
        } else {
            (behind, step, found) = (at, i64::MAX, Some(here));
        }
    }
    match found {
        // Offsets that hold no record may go with it.
        Some(At::Record(offset)) => Ok(Some(range(start, offset.max(behind)))),
        Some(At::Corrupt(_)) | None => Ok(Some(range(start, behind))),
        Some(At::Nothing) => Err(KafkaError {
            kind: Trouble::Corrupt(Some(NextOffset::new(start))),
            text: format!(
                "a batch at offset {start} is corrupt in such a way that nothing can be read behind it yet"
            ),
        }),
    }
}

/// Reads a partition at an offset for a while, and says what comes first there.
fn look(
    queue: &Arc<Queue>,
    topic: &mut Topic,
    partition: Partition,
    offset: NextOffset,
    wait: Duration,
) -> Result<At, KafkaError> {
    topic.start(&Positions::from([(partition, offset.into())]))?;
    let start = Instant::now();
    let (mut found, mut refused, mut is_stale) = (Ok(At::Nothing), 0, false);
    while let Ok(At::Nothing) = found {
        if std::mem::take(&mut is_stale) {
            topic.stop(partition);
            topic.start(&Positions::from([(partition, offset.into())]))?;
        }
        let left = wait.saturating_sub(start.elapsed());
        if left.is_zero() {
            break;
        }
        let mut arrived = queue.take_one(left);
        let Some(first) = arrived.first_mut() else {
            continue;
        };
        first.take(&mut |fetched| {
            found = match fetched {
                Fetched::Record(record) => Ok(At::Record(record.offset)),
                Fetched::End(..) => Ok(At::Nothing),
                Fetched::Failed(_, e) => match e.kind {
                    Trouble::Corrupt(begins) => Ok(At::Corrupt(begins)),
                    // The client tries again.
                    Trouble::Unreachable
                    | Trouble::NotLetIn
                    | Trouble::Changing
                    | Trouble::Other => Ok(At::Nothing),
                    Trouble::OutOfRange if refused < REFUSED_MOST => {
                        refused += 1;
                        is_stale = true;
                        Ok(At::Nothing)
                    }
                    _ => Err(e),
                },
            };
        });
    }
    topic.stop(partition);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Searches a log of these batches, and says how often it was looked at.
    fn searched(batches: &[(Range<i64>, bool)], next: i64) -> (Option<Range<i64>>, usize) {
        let end = batches.last().map_or(0, |(offsets, _)| offsets.end);
        let mut looks = 0;
        let within = NextOffset::new(next)..NextOffset::new(end);
        let found = search(within, |offset, _| {
            looks += 1;
            let offset = offset.get();
            let of = |(offsets, _): &&(Range<i64>, bool)| offset < offsets.end;
            Ok(match batches.iter().find(of) {
                Some((offsets, true)) => At::Corrupt(Some(NextOffset::new(offsets.start))),
                Some((offsets, false)) => At::Record(offset.max(offsets.start)),
                None => At::Nothing,
            })
        });
        let found = found.expect("an answer");
        (found.map(|found| found.start.get()..found.end.get()), looks)
    }

    #[test]
    fn a_batch_ends_where_the_next_one_begins() {
        for length in [1, 2, 3, 7, 8, 9, 1000] {
            let end = 10 + length;
            let batches = [(0..10, false), (10..end, true), (end..5000, false)];
            assert_eq!(searched(&batches, 10).0, Some(10..end));
        }
    }

    #[test]
    fn a_good_batch_between_two_corrupt_ones_is_not_left_out() {
        let batches = [
            (0..10, true),
            (10..11, false),
            (11..40, true),
            (40..50, false),
        ];
        assert_eq!(searched(&batches, 0).0, Some(0..10));
        assert_eq!(searched(&batches, 11).0, Some(11..40));
        let touching = [(0..3, true), (3..20, true), (20..30, false)];
        assert_eq!(searched(&touching, 0).0, Some(0..3));
    }

    #[test]
    fn a_batch_is_left_out_from_where_reading_stands() {
        let batches = [(0..100, true), (100..200, false)];
        assert_eq!(searched(&batches, 30).0, Some(30..100));
    }

    #[test]
    fn a_batch_at_the_end_of_the_log_ends_there() {
        assert_eq!(searched(&[(0..1000, true)], 0).0, Some(0..1000));
        assert_eq!(searched(&[(0..1, true)], 0).0, Some(0..1));
    }

    #[test]
    fn offsets_without_records_behind_it_go_with_it() {
        let batches = [(0..10, true), (25..50, false)];
        assert_eq!(searched(&batches, 0).0, Some(0..25));
    }

    #[test]
    fn what_can_be_read_now_is_not_left_out() {
        assert_eq!(searched(&[(0..10, false)], 3).0, None);
    }

    #[test]
    fn a_large_batch_is_found_in_a_few_looks() {
        let batches = [(0..100_000, true), (100_000..1_000_000, false)];
        let (found, looks) = searched(&batches, 0);
        assert_eq!(found, Some(0..100_000));
        assert!(looks < 50, "{looks}");
    }
}
