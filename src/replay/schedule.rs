//! The schedule: at which moment of the clock a record is due.
//!
//! Due is `anchor + (time − anchored time) / speed`: always computed from the anchor, never from the record before, so that
//! nothing adds up. The anchor moves only when somebody changes the speed, holds it, or a pause is shortened.

use super::speed::Pace;

/// When records are due. Times of records and of the clock are in nanoseconds; where each clock begins doesn't matter.
#[derive(Debug)]
pub struct Schedule {
    pace: Pace,
    /// At this moment of the clock …
    anchor_ns: i128,
    /// … this time of records is due, or the record behind so many.
    at_ns: i128,
    at_count: u64,
    /// The record that is next.
    next_ns: i128,
    next_count: u64,
    longest_pause_ns: Option<i128>,
    shortened: Shortened,
    held_ns: Option<i128>,
}

/// What `--max-pause` has cut.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shortened {
    /// So many pauses.
    pub pauses: u64,
    /// By so much together, in nanoseconds of the clock.
    pub by_ns: i128,
}

impl Schedule {
    /// The record of this time is due at this moment, and those behind it by their times.
    pub fn new(pace: Pace, first_ns: i128, start_ns: i128) -> Self {
        Self {
            pace,
            anchor_ns: start_ns,
            at_ns: first_ns,
            at_count: 0,
            next_ns: first_ns,
            next_count: 0,
            longest_pause_ns: None,
            shortened: Shortened::default(),
            held_ns: None,
        }
    }

    /// No pause is longer than this, by the clock.
    pub fn longest_pause(mut self, ns: Option<i128>) -> Self {
        self.longest_pause_ns = ns;
        self
    }

    /// Goes on to the next record, whose time isn't before the one of the record before it.
    pub fn advance(&mut self, time_ns: i128) {
        let before_ns = self.due();
        self.next_ns = time_ns;
        self.next_count += 1;
        let Some(longest_ns) = self.longest_pause_ns else {
            return;
        };
        let pause_ns = self.due() - before_ns;
        if pause_ns > longest_ns {
            self.shortened.pauses += 1;
            self.shortened.by_ns += pause_ns - longest_ns;
            self.anchor(before_ns + longest_ns);
        }
    }

    /// When the record that is next is due.
    pub fn due(&self) -> i128 {
        self.anchor_ns
            + match self.pace {
                Pace::Times(factor) => factor.of_records(self.next_ns - self.at_ns),
                Pace::Rate(rate) => {
                    i128::from(self.next_count - self.at_count) * 1_000_000_000 / i128::from(rate)
                }
                Pace::Max => 0,
            }
    }

    /// Which time of records it is at a moment of the clock; that of the next record where their times don't count.
    pub fn position(&self, now_ns: i128) -> i128 {
        let now_ns = self.held_ns.unwrap_or(now_ns);
        match self.pace {
            Pace::Times(factor) => self.at_ns + factor.of_clock((now_ns - self.anchor_ns).max(0)),
            _ => self.next_ns,
        }
    }

    /// The record that is next is due at this moment.
    fn anchor(&mut self, moment_ns: i128) {
        self.anchor_ns = moment_ns;
        self.at_ns = self.next_ns;
        self.at_count = self.next_count;
    }

    /// Everything that isn't due yet comes so much later.
    pub fn postpone(&mut self, by_ns: i128) {
        self.anchor_ns += by_ns;
    }

    /// Twice as fast from this moment on, or half as fast.
    pub fn change(&mut self, is_faster: bool, now_ns: i128) {
        let due_ns = self.due();
        let pace = match (self.pace, is_faster) {
            (Pace::Times(factor), true) => Pace::Times(factor.doubled()),
            (Pace::Times(factor), false) => Pace::Times(factor.halved()),
            (Pace::Rate(rate), true) => Pace::Rate(rate.saturating_mul(2)),
            (Pace::Rate(rate), false) => Pace::Rate((rate / 2).max(1)),
            (Pace::Max, _) => Pace::Max,
        };
        if pace == self.pace {
            return;
        }
        self.pace = pace;
        let left_ns = due_ns - now_ns;
        // What is late stays as late as it is.
        self.anchor(
            now_ns
                + match left_ns > 0 {
                    true if is_faster => left_ns / 2,
                    true => left_ns * 2,
                    false => left_ns,
                },
        );
    }

    /// Stands still from this moment on.
    pub fn hold(&mut self, now_ns: i128) {
        self.held_ns.get_or_insert(now_ns);
    }

    /// Goes on at this moment.
    pub fn go_on(&mut self, now_ns: i128) {
        if let Some(held_ns) = self.held_ns.take() {
            self.postpone(now_ns - held_ns);
        }
    }

    /// Does it stand still?
    pub fn is_held(&self) -> bool {
        self.held_ns.is_some()
    }

    /// How fast it goes.
    pub fn pace(&self) -> Pace {
        self.pace
    }

    /// What was cut of pauses until now.
    pub fn shortened(&self) -> Shortened {
        self.shortened
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i128 = 1_000_000_000;

    fn times(speed: &str) -> Pace {
        speed.parse().expect("a pace")
    }

    #[test]
    fn nothing_adds_up_over_a_day() {
        let mut schedule = Schedule::new(times("1000"), 5 * S, 77);
        // A third of a second each: nothing that a division would leave even.
        for record in 1..=259_200 {
            schedule.advance(5 * S + record * S / 3);
        }
        assert_eq!(schedule.due(), 77 + 86_400 * S / 1_000);
    }

    #[test]
    fn a_rate_doesnt_look_at_times() {
        let mut schedule = Schedule::new(Pace::Rate(3), 0, 0);
        for _ in 0..3_000 {
            schedule.advance(0);
        }
        assert_eq!(schedule.due(), 1_000 * S);
    }

    #[test]
    fn long_pauses_are_shortened_and_counted() {
        let mut schedule = Schedule::new(times("1"), 0, 0).longest_pause(Some(2 * S));
        let mut dues = Vec::new();
        for time in [1, 3, 100, 101, 200] {
            schedule.advance(time * S);
            dues.push(schedule.due() / S);
        }
        assert_eq!(dues, [1, 3, 5, 6, 8]);
        let Shortened { pauses, by_ns } = schedule.shortened();
        assert_eq!((pauses, by_ns / S), (2, 95 + 97));
    }

    #[test]
    fn a_change_of_speed_counts_from_its_moment() {
        let mut schedule = Schedule::new(times("1"), 0, 0);
        schedule.advance(10 * S);
        schedule.change(true, 4 * S);
        assert_eq!(
            schedule.due(),
            7 * S,
            "six seconds are left, at twice the speed"
        );
        schedule.advance(20 * S);
        assert_eq!(schedule.due(), 12 * S);
        schedule.change(false, 8 * S);
        assert_eq!(schedule.due(), 16 * S);
    }

    #[test]
    fn what_stands_still_goes_on_where_it_stood() {
        let mut schedule = Schedule::new(times("1"), 0, 0);
        schedule.advance(10 * S);
        schedule.hold(4 * S);
        schedule.hold(5 * S);
        assert!(schedule.is_held());
        schedule.go_on(104 * S);
        assert_eq!(schedule.due(), 110 * S);
    }

    #[test]
    fn what_is_put_off_moves_all_that_follows() {
        let mut schedule = Schedule::new(times("2"), 0, 0);
        schedule.advance(2 * S);
        schedule.postpone(S);
        assert_eq!(schedule.due(), 2 * S);
        schedule.advance(4 * S);
        assert_eq!(schedule.due(), 3 * S);
    }
}
