//! By how much timestamps run ahead of the clock where the first is moved to now: records that are sent faster than they
//! happened have timestamps of later.

use crate::replay::clock::{in_ms, ns};
use crate::replay::player::Manner;
use crate::replay::schedule::Schedule;

/// How far the timestamps of records run ahead. Times are in nanoseconds.
#[derive(Debug, Clone, Default)]
pub(super) struct Ahead {
    /// The schedule that begins with the first record at 0, the time of that record, and the latest one.
    begun: Option<(Schedule, i128, i128)>,
    /// That of the record that is furthest ahead, and of the last one.
    most_ns: i128,
    last_ns: i128,
}

impl Ahead {
    /// Counts the next record, played in this manner.
    pub fn note(&mut self, time_ns: i128, manner: Manner) {
        let Some((schedule, first_ns, latest_ns)) = &mut self.begun else {
            let schedule = Schedule::new(manner.pace, time_ns, 0);
            let schedule = schedule.longest_pause(manner.longest_pause.map(ns));
            self.begun = Some((schedule, time_ns, time_ns));
            return;
        };
        *latest_ns = time_ns.max(*latest_ns);
        schedule.advance(*latest_ns);
        self.last_ns = (*latest_ns - *first_ns - schedule.due()).max(0);
        self.most_ns = self.most_ns.max(self.last_ns);
    }

    /// How far they are ahead at most in so many rounds, in milliseconds: each begins as far ahead as the one before it ended.
    pub fn most_ms(&self, rounds: u32) -> i64 {
        in_ms(self.most_ns + self.last_ns * i128::from(rounds.saturating_sub(1)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::replay::player::WhenLate;

    fn most_ms(pace: &str, longest_pause_s: Option<u64>, seconds: &[i128], rounds: u32) -> i64 {
        let manner = Manner {
            pace: pace.parse().expect("a pace"),
            longest_pause: longest_pause_s.map(Duration::from_secs),
            when_late: WhenLate::CatchUp,
            late_after: Duration::ZERO,
        };
        let mut ahead = Ahead::default();
        for second in seconds {
            ahead.note(second * 1_000_000_000, manner);
        }
        ahead.most_ms(rounds)
    }

    #[test]
    fn what_is_sent_faster_than_it_happened_runs_ahead() {
        let seconds = [100, 110, 200];
        for (pace, longest_pause_s, rounds, expected) in [
            ("1", None, 1, 0),
            ("0.5", None, 5, 0),
            ("10", None, 1, 90_000),
            ("max", None, 1, 100_000),
            ("max", None, 3, 300_000),
            ("1", Some(20), 1, 70_000),
            ("1", Some(20), 2, 140_000),
            ("1", Some(90), 2, 0),
        ] {
            let found = most_ms(pace, longest_pause_s, &seconds, rounds);
            assert_eq!(found, expected, "{pace} {longest_pause_s:?} {rounds}");
        }
        assert_eq!(most_ms("max", None, &[5, 1, 7, 3], 1), 2_000);
        assert_eq!(most_ms("max", None, &[], 3), 0);
    }
}
