//! Lag: where an archive stands in its partitions, against where their logs begin and end.
//!
//! The archive notes where it stands at each look, and what the brokers answer about the logs. From that follows what
//! waits, for how long nothing has come though something waits, and when retention overtakes what was not taken yet.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use archiver_format::position::Positions;
use archiver_format::record::{NextOffset, Partition};
use tokio::time::Instant;

use super::retention_race::Race;
use super::snapshot;

/// How often is looked. The brokers answer for all archives of a cluster at once.
pub const LOOK: Duration = Duration::from_secs(5);

/// What was answered longer ago than this is not taken for true any more.
const FRESH: Duration = Duration::from_secs(15);

/// What is known of all partitions.
#[derive(Debug, Default)]
pub struct Lag {
    partitions: BTreeMap<Partition, Seen>,
    /// When was answered last.
    answered: Option<Instant>,
    /// A look before now at which all had been taken that the look before it had found.
    complete: Option<Instant>,
    /// Retention is about to overtake it, as was said.
    is_overtaken_soon: bool,
}

/// What is known of one partition.
#[derive(Debug)]
struct Seen {
    /// The offset that is taken next.
    next: i64,
    /// Up to here the client has found nothing more to take: offsets without records are behind some logs' last ones.
    bare: i64,
    /// What the log holds.
    log: Option<Range<i64>>,
    /// Something has waited since then, and nothing was taken.
    waits_since: Option<Instant>,
    /// The timestamp of the newest record that was taken, in milliseconds since 1970.
    newest_ms: Option<i64>,
    race: Race,
}

impl Seen {
    /// The first offset that may have a record that was not taken.
    fn reached(&self) -> i64 {
        self.next.max(self.bare)
    }

    /// How many offsets wait, if that is known.
    fn waiting(&self) -> Option<u64> {
        let log = self.log.as_ref()?;
        let from = self.reached().max(log.start);
        Some(u64::try_from(log.end.saturating_sub(from)).unwrap_or(0))
    }

    fn waits(&self) -> bool {
        self.waiting().is_some_and(|waiting| waiting > 0)
    }
}

/// That nothing comes although something waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stall {
    /// The first partition of which nothing comes.
    pub partition: Partition,
    /// In how many partitions that is so.
    pub partitions: usize,
    /// For how long at least.
    pub silent: Duration,
}

impl Lag {
    /// An attempt begins: nothing could be taken before.
    pub fn begins(&mut self, positions: &Positions, now: Instant) {
        self.stands(positions, now);
        for seen in self.partitions.values_mut() {
            seen.waits_since = seen.waits().then_some(now);
        }
    }

    /// Notes where the archive stands.
    pub fn stands(&mut self, positions: &Positions, now: Instant) {
        self.partitions.retain(|of, _| positions.get(*of).is_some());
        for (partition, at) in positions.iter() {
            let next = at.next.get();
            let seen = self.partitions.entry(partition).or_insert_with(|| Seen {
                next,
                bare: 0,
                log: None,
                waits_since: None,
                newest_ms: None,
                race: Race::default(),
            });
            if seen.next == next {
                continue;
            }
            if next < seen.next {
                seen.bare = 0;
                // It may be another log.
                seen.log = None;
            }
            seen.next = next;
            seen.waits_since = seen.waits().then_some(now);
        }
    }

    /// The client has found nothing to take in a partition before this offset.
    pub fn ends_at(&mut self, partition: Partition, at: NextOffset) {
        if let Some(seen) = self.partitions.get_mut(&partition) {
            seen.bare = at.get();
            if !seen.waits() {
                seen.waits_since = None;
            }
        }
    }

    /// A record of this timestamp, in milliseconds since 1970, was the newest that was taken of a partition.
    pub fn took(&mut self, partition: Partition, newest_ms: i64) {
        if let Some(seen) = self.partitions.get_mut(&partition) {
            seen.newest_ms = Some(newest_ms);
        }
    }

    /// The partitions that are to be asked for.
    pub fn partitions(&self) -> Vec<Partition> {
        self.partitions.keys().copied().collect()
    }

    /// Notes what the logs of partitions hold.
    pub fn found(&mut self, logs: &BTreeMap<Partition, Range<NextOffset>>, now: Instant) {
        let partitions = self.partitions.values();
        let took_all = |seen: &Seen| {
            let end = seen.log.as_ref().map(|log| log.end);
            end.is_some_and(|end| seen.reached() >= end)
        };
        if partitions.len() > 0 && self.partitions.values().all(took_all) {
            self.complete = self.answered;
        }
        for (partition, log) in logs {
            let Some(seen) = self.partitions.get_mut(partition) else {
                continue;
            };
            let was_taken = took_all(seen);
            seen.log = Some(log.start.get()..log.end.get());
            match seen.waits() {
                false => {
                    seen.waits_since = None;
                    seen.race = Race::default();
                }
                true => {
                    seen.waits_since.get_or_insert(now);
                    match was_taken {
                        true => seen.race = Race::default(),
                        false => seen.race.note(now, log.start.get(), seen.reached()),
                    }
                }
            }
        }
        self.answered = Some(now);
        if self.waiting() == Some(0) {
            self.complete = Some(now);
        }
    }

    /// Has it been answered lately how far the logs reach?
    pub fn is_fresh(&self, now: Instant) -> bool {
        self.answered
            .is_some_and(|at| now.duration_since(at) <= FRESH)
    }

    /// Was that answered, and isn't any more?
    pub fn is_stale(&self, now: Instant) -> bool {
        self.answered.is_some() && !self.is_fresh(now)
    }

    /// How many records wait in all partitions, if that is known of each; as of the last answer.
    pub fn waiting(&self) -> Option<u64> {
        let waiting = self.partitions.values().map(Seen::waiting);
        self.answered?;
        waiting.sum()
    }

    /// Has it taken all that was there at the look before the last one?
    pub fn is_caught_up(&self, now: Instant) -> bool {
        let soon = LOOK * 5 / 2;
        self.complete
            .is_some_and(|at| now.duration_since(at) <= soon)
    }

    /// About how old the oldest record is that waits, at a time in milliseconds since 1970; zero if none does. It is no
    /// older than the newest that was taken of its partition, nor than what was there when all had been taken.
    pub fn age(&self, now: Instant, now_ms: i64) -> Option<Duration> {
        if self.waiting()? == 0 {
            return Some(Duration::ZERO);
        }
        let waiting = self.partitions.values().filter(|seen| seen.waits());
        let oldest = waiting.map(|seen| seen.newest_ms).min().flatten();
        let by_record = oldest.map(|oldest| {
            let ms = now_ms.saturating_sub(oldest).max(0);
            Duration::from_millis(ms.unsigned_abs())
        });
        let by_look = self.complete.map(|at| now.duration_since(at));
        by_record.into_iter().chain(by_look).min()
    }

    /// Whether nothing has come for so long of a partition in which something waits.
    pub fn stall(&self, now: Instant, patience: Duration) -> Option<Stall> {
        let silent = |seen: &Seen| Some(now.duration_since(seen.waits_since?));
        let stalled = self.partitions.iter().filter_map(|(partition, seen)| {
            let silent = silent(seen).filter(|silent| *silent >= patience)?;
            Some((*partition, silent))
        });
        let (partition, silent) = stalled.clone().next()?;
        Some(Stall {
            partition,
            partitions: stalled.count(),
            silent,
        })
    }

    /// In about how long retention overtakes the first partition; `None` if that is not to be expected.
    pub fn overtaken_in(&self, now: Instant) -> Option<(Partition, Duration)> {
        let age = now.duration_since(self.answered?);
        let races = self.partitions.iter().filter_map(|(partition, seen)| {
            let left = seen.race.overtaken_in()?;
            Some((*partition, left.saturating_sub(age)))
        });
        races.min_by_key(|(_, left)| *left)
    }

    /// Notes whether retention is about to overtake it; is that news?
    pub fn is_in_danger(&mut self, is_soon: bool) -> bool {
        std::mem::replace(&mut self.is_overtaken_soon, is_soon) != is_soon
    }

    /// Is retention about to overtake it, as was said?
    pub fn is_overtaken_soon(&self) -> bool {
        self.is_overtaken_soon
    }

    /// Each partition, for the picture; what its log holds only if that is known.
    pub fn shown(&self, is_known: bool) -> Vec<snapshot::Partition> {
        let shown = self.partitions.iter().map(|(partition, seen)| {
            let log = seen.log.as_ref().filter(|_| is_known);
            snapshot::Partition {
                partition: *partition,
                next_offset: seen.next,
                log_start: log.map(|log| log.start),
                log_end: log.map(|log| log.end),
                lag_records: log.and_then(|_| seen.waiting()),
            }
        });
        shown.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(next: i64) -> Positions {
        Positions::from([(0, NextOffset::new(next).into())])
    }

    fn log(start: i64, end: i64) -> BTreeMap<Partition, Range<NextOffset>> {
        BTreeMap::from([(0, NextOffset::new(start)..NextOffset::new(end))])
    }

    /// What became of it after so many looks, each with a position and the log's end.
    fn after(looks: &[(i64, i64)]) -> (Lag, Instant) {
        let (mut lag, begun) = (Lag::default(), Instant::now());
        let mut now = begun;
        lag.begins(&at(looks[0].0), now);
        for (next, end) in looks {
            now += LOOK;
            lag.stands(&at(*next), now);
            lag.found(&log(0, *end), now);
        }
        (lag, now)
    }

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn nothing_that_comes_for_a_minute_while_something_waits_is_a_stall() {
        let quiet = [(5, 9); 14];
        let (lag, now) = after(&quiet[..12]);
        assert_eq!(lag.stall(now, MINUTE), None);
        let (mut lag, now) = after(&quiet);
        let stall = lag.stall(now, MINUTE).expect("a stall");
        assert_eq!((stall.partition, stall.partitions), (0, 1));
        lag.stands(&at(6), now);
        assert_eq!(lag.stall(now + LOOK, MINUTE), None);
    }

    #[test]
    fn a_topic_that_was_quiet_for_long_is_not_stalled_by_its_next_record() {
        let mut looks = vec![(9, 9); 50];
        looks.push((9, 10));
        let (lag, now) = after(&looks);
        assert_eq!(lag.waiting(), Some(1));
        assert_eq!(lag.stall(now, MINUTE), None);
        assert!(lag.age(now, 0).expect("known") <= LOOK);
    }

    #[test]
    fn offsets_without_records_at_the_end_of_a_log_are_not_waited_for() {
        let (mut lag, now) = after(&[(9, 10); 30]);
        assert!(lag.stall(now, MINUTE).is_some());
        lag.ends_at(0, NextOffset::new(10));
        assert_eq!(lag.stall(now, MINUTE), None);
        assert_eq!(lag.waiting(), Some(0));
    }

    #[test]
    fn who_takes_what_the_look_before_has_found_is_caught_up() {
        let (lag, now) = after(&[(0, 100), (100, 200), (200, 300), (300, 400)]);
        assert_eq!(lag.waiting(), Some(100));
        assert!(lag.is_caught_up(now));
        let (lag, now) = after(&[(0, 1000), (100, 1100), (200, 1200)]);
        assert!(!lag.is_caught_up(now));
    }

    #[test]
    fn the_age_of_what_waits_is_that_of_the_record_before_it() {
        let (mut lag, now) = after(&[(0, 1000), (100, 1100)]);
        assert_eq!(lag.age(now, 90_000), None, "nothing was taken yet");
        lag.took(0, 30_000);
        assert_eq!(lag.age(now, 90_000), Some(MINUTE));
        assert_eq!(
            lag.age(now, 0),
            Some(Duration::ZERO),
            "a record of the future"
        );
    }

    #[test]
    fn what_was_answered_once_is_not_taken_for_true_for_ever() {
        let (lag, now) = after(&[(9, 9), (9, 12)]);
        assert!(lag.is_fresh(now + FRESH));
        let later = now + FRESH + LOOK;
        assert!(!lag.is_fresh(later) && lag.is_stale(later));
        let shown = |is_known| {
            let shown = lag.shown(is_known).into_iter();
            let shown = shown.map(|of| (of.next_offset, of.log_end, of.lag_records));
            shown.collect::<Vec<_>>()
        };
        assert_eq!(shown(true), [(9, Some(12), Some(3))]);
        assert_eq!(shown(false), [(9, None, None)]);
        let never = Lag::default();
        assert!(!never.is_fresh(now) && !never.is_stale(now));
    }

    #[test]
    fn the_race_is_of_what_lags_alone() {
        let (mut lag, mut now) = (Lag::default(), Instant::now());
        lag.begins(&at(10_000), now);
        for second in 0..20 {
            now += LOOK;
            lag.found(&log(second * 100, 100_000 + second), now);
        }
        let (partition, left) = lag.overtaken_in(now).expect("a forecast");
        assert_eq!(partition, 0);
        assert!((left.as_secs_f64() - 405.0).abs() < 10.0, "{left:?}");
        assert!(lag.overtaken_in(now + MINUTE).expect("still").1 < left);
        lag.stands(&at(200_000), now);
        lag.found(&log(2_000, 200_000), now);
        assert_eq!(lag.overtaken_in(now), None);
    }
}
