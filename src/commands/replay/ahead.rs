//! By how much timestamps run ahead of the clock where the first is moved to now: records that are sent faster than they
//! happened have timestamps of later.

use crate::replay::clock::{in_ms, of_ms};
use crate::replay::player::Manner;

/// So many times are kept, of all inputs.
pub(super) const TIMES_MOST: usize = 4_000_000;

/// How far the timestamps of each of so many topics run ahead at most, in milliseconds. `times` are those of the records of
/// one round, in milliseconds since 1970, each with the number of its topic.
pub(super) fn most_ms(
    mut times: Vec<(i64, usize)>,
    topics: usize,
    manner: Manner,
    rounds: u32,
    limit: Option<u64>,
) -> Vec<i64> {
    times.sort_by_key(|(ms, _)| *ms);
    let all = times.len().max(1);
    let limit = limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let rounds = limit.map_or(rounds, |limit| {
        rounds.min(u32::try_from(limit.div_ceil(all)).unwrap_or(rounds))
    });
    times.truncate(limit.unwrap_or(all));
    let mut most_ms = vec![0; topics];
    let mut last_ms = 0;
    let mut schedule = None;
    for (ms, topic) in times {
        let at_ns = of_ms(ms);
        let Some((schedule, first_ns)) = &mut schedule else {
            schedule = Some((manner.schedule(at_ns, 0), at_ns));
            continue;
        };
        schedule.advance(at_ns);
        last_ms = in_ms(at_ns - *first_ns - schedule.due()).max(0);
        most_ms[topic] = last_ms.max(most_ms[topic]);
    }
    // Each round begins as far ahead as the one before it has ended.
    let before_ms = last_ms.saturating_mul(i64::from(rounds.saturating_sub(1)));
    let all = most_ms.into_iter();
    all.map(|ms| ms.saturating_add(before_ms)).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::replay::player::WhenLate;

    fn manner(pace: &str, longest_pause_s: Option<u64>) -> Manner {
        Manner {
            pace: pace.parse().expect("a pace"),
            longest_pause: longest_pause_s.map(Duration::from_secs),
            when_late: WhenLate::CatchUp,
            late_after: Duration::ZERO,
        }
    }

    /// Of records at these seconds, of topics by their numbers.
    fn seconds(of: &[(i64, usize)]) -> Vec<(i64, usize)> {
        let of = of.iter();
        of.map(|(second, topic)| (second * 1_000, *topic)).collect()
    }

    #[test]
    fn what_is_sent_faster_than_it_happened_runs_ahead() {
        let times = seconds(&[(100, 0), (110, 0), (200, 0)]);
        for (pace, longest_pause_s, rounds, limit, expected) in [
            ("1", None, 1, None, 0),
            ("0.5", None, 5, None, 0),
            ("10", None, 1, None, 90_000),
            ("max", None, 1, None, 100_000),
            ("max", None, 3, None, 300_000),
            ("max", None, 3, Some(5), 200_000),
            ("max", None, 3, Some(2), 10_000),
            ("1", Some(20), 1, None, 70_000),
            ("1", Some(20), 2, None, 140_000),
            ("1", Some(90), 2, None, 0),
        ] {
            let manner = manner(pace, longest_pause_s);
            let found = most_ms(times.clone(), 1, manner, rounds, limit);
            assert_eq!(
                found,
                [expected],
                "{pace} {longest_pause_s:?} {rounds} {limit:?}"
            );
        }
        assert_eq!(most_ms(Vec::new(), 1, manner("max", None), 3, None), [0]);
    }

    #[test]
    fn all_topics_go_by_the_clock_of_the_first_record() {
        let times = seconds(&[(7_200, 1), (0, 0), (60, 0)]);
        let found = most_ms(times, 2, manner("max", None), 1, None);
        assert_eq!(found, [60_000, 7_200_000]);
        // Another topic has records in the pauses of one.
        let paused = seconds(&[(0, 0), (60, 0), (20, 1), (40, 1)]);
        let found = most_ms(paused, 2, manner("1", Some(30)), 1, None);
        assert_eq!(found, [0, 0]);
    }
}
