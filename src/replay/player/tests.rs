//! Records played on a clock and into a sink that tests move.

use std::cell::{Cell, RefCell};

use super::*;
use crate::replay::merge::Merged;
use crate::replay::record::Outgoing;
use crate::world::shutdown::{self, Stopper};

const S: i128 = 1_000_000_000;
const MS: i128 = 1_000_000;
/// So late the system wakes who sleeps.
const OVERSLEPT_NS: i128 = 60_000;

struct TestClock<'a> {
    now_ns: &'a Cell<i128>,
    /// Done at each sleep.
    at_sleep: Box<dyn Fn(i128) + 'a>,
}

impl Clock for TestClock<'_> {
    fn now_ns(&self) -> i128 {
        self.now_ns.get()
    }

    fn sleep_until(&self, moment_ns: i128) {
        (self.at_sleep)(self.now_ns.get());
        self.now_ns
            .set(self.now_ns.get().max(moment_ns) + OVERSLEPT_NS);
    }
}

/// Takes a while for each record.
struct SlowSink<'a> {
    now_ns: &'a Cell<i128>,
    takes_ns: Box<dyn Fn(i128) -> i128 + 'a>,
    /// When each was sent.
    sent_ns: RefCell<Vec<i128>>,
}

impl Sink for SlowSink<'_> {
    fn send(&mut self, _due: &Due) -> Result<(), NotSent> {
        let now_ns = self.now_ns.get();
        self.sent_ns.borrow_mut().push(now_ns);
        self.now_ns.set(now_ns + (self.takes_ns)(now_ns));
        Ok(())
    }

    fn serve(&mut self, _patience: Duration) -> Result<(), Failure> {
        Ok(())
    }
}

fn records(times_ns: impl IntoIterator<Item = i128>) -> Buffer {
    let buffer = Buffer::default();
    let (mut read, mut latest_ns) = (0, i128::MIN);
    for time_ns in times_ns {
        read += 1;
        latest_ns = time_ns.max(latest_ns);
        let record = Outgoing {
            time_ns,
            ..Outgoing::default()
        };
        let merged = Merged {
            input: 0,
            due_ns: latest_ns,
            record,
        };
        let due = Due {
            merged,
            read,
            round: 0,
            later_ns: 0,
        };
        // No more than it has room for: nobody takes any yet.
        assert!(buffer.put(due));
    }
    buffer.end(Ok(Read::default()));
    buffer
}

fn manner(speed: &str) -> Manner {
    Manner {
        pace: speed.parse().expect("a pace"),
        longest_pause: None,
        when_late: WhenLate::CatchUp,
        late_after: Duration::from_millis(100),
    }
}

struct Run {
    played: Played,
    sent_ns: Vec<i128>,
    failure: Option<String>,
}

/// Plays from moment 1 s of the clock on.
fn play<'a>(
    buffer: &Buffer,
    manner: Manner,
    now_ns: &'a Cell<i128>,
    takes_ns: impl Fn(i128) -> i128 + 'a,
    at_sleep: impl Fn(i128, &Control, &Stopper) + 'a,
) -> Run {
    let (stopper, shutdown) = shutdown::channel();
    let control = std::rc::Rc::new(Control::new(shutdown));
    let seen = std::rc::Rc::clone(&control);
    now_ns.set(S);
    let clock = TestClock {
        now_ns,
        at_sleep: Box::new(move |now_ns| at_sleep(now_ns, &seen, &stopper)),
    };
    let mut sink = SlowSink {
        now_ns,
        takes_ns: Box::new(takes_ns),
        sent_ns: RefCell::default(),
    };
    let mut player = Player::new((&clock, &mut sink, &control), manner, 1, None);
    let failure = match player.play(buffer) {
        Ok(()) => None,
        Err(Failure::TakenBack(why)) => Some(why),
        Err(Failure::Final(error)) => Some(format!("{error:#}")),
    };
    Run {
        played: player.played(),
        sent_ns: sink.sent_ns.into_inner(),
        failure,
    }
}

fn undisturbed(times_ns: impl IntoIterator<Item = i128>, manner: Manner) -> Run {
    let now_ns = Cell::new(0);
    let run = play(&records(times_ns), manner, &now_ns, |_| 1_000, |_, _, _| {});
    assert_eq!(run.failure, None);
    run
}

fn after_start(run: &Run, unit_ns: i128) -> Vec<i128> {
    let after = run.sent_ns.iter().map(|sent_ns| (sent_ns - S) / unit_ns);
    after.collect()
}

const PAUSES: [i128; 9] = [0, 4, 6, 7, 11, 12, 21, 23, 24];

#[test]
fn pauses_are_those_between_the_records() {
    let times = || PAUSES.map(|s| s * S);
    assert_eq!(after_start(&undisturbed(times(), manner("1")), S), PAUSES);
    assert_eq!(
        after_start(&undisturbed(times(), manner("10")), S / 10),
        PAUSES
    );
    let run = undisturbed(times(), manner("max"));
    assert!(after_start(&run, MS).iter().all(|ms| *ms == 0));
    assert_eq!(run.played.all.figures().max_ms, 0.0);
}

#[test]
fn sleeps_that_are_too_long_dont_add_up_over_a_day() {
    let run = undisturbed((0..=21_600).map(|step| step * 4 * S), manner("1000"));
    let took_ns = run.sent_ns.last().expect("sent") - S;
    let wanted_ns = 86_400 * MS;
    assert!((took_ns - wanted_ns).abs() < MS, "{took_ns}");
    let p99_ms = run.played.all.figures().p99_ms;
    assert!(p99_ms < 0.1, "{p99_ms}");
}

#[test]
fn a_record_that_steps_back_is_sent_at_once_and_counted() {
    let run = undisturbed([5, 2, 6].map(|s| s * S), manner("1"));
    assert_eq!(after_start(&run, S), [0, 0, 1]);
    assert_eq!(run.played.steps_back, 1);
}

/// A record each 10 ms; from 1 s to 2 s after the start each takes 30 ms to send.
fn slow_for_a_second(when_late: WhenLate) -> Run {
    let now_ns = Cell::new(0);
    let manner = Manner {
        when_late,
        ..manner("1")
    };
    let takes_ns = |now_ns| match (2 * S..3 * S).contains(&now_ns) {
        true => 30 * MS,
        false => 1_000,
    };
    let times_ns = (0..1_000).map(|at| at * 10 * MS);
    play(&records(times_ns), manner, &now_ns, takes_ns, |_, _, _| {})
}

#[test]
fn what_is_late_catches_up_with_the_schedule() {
    let run = slow_for_a_second(WhenLate::CatchUp);
    assert_eq!(run.failure, None);
    let took_ns = run.sent_ns.last().expect("sent") - S;
    assert!((took_ns - 9_990 * MS).abs() < MS, "{took_ns}");
    // Against the schedule: those that waited behind it count, too.
    let figures = run.played.all.figures();
    assert!((600.0..750.0).contains(&figures.max_ms), "{figures:?}");
    assert!(figures.p99_ms > 500.0, "{figures:?}");
}

#[test]
fn what_is_late_moves_the_schedule() {
    let run = slow_for_a_second(WhenLate::Stretch);
    assert_eq!(run.failure, None);
    let took_ns = run.sent_ns.last().expect("sent") - S;
    let stretched_ns = run.played.stretched_ns;
    assert!(
        (500 * MS..800 * MS).contains(&stretched_ns),
        "{stretched_ns}"
    );
    assert!((took_ns - 9_990 * MS - stretched_ns).abs() < 100 * MS);
    let pauses = run.sent_ns.windows(2).map(|two| two[1] - two[0]);
    let behind = pauses.skip(200);
    assert!(
        behind.min() > Some(9 * MS),
        "pauses are as long as they were"
    );
}

#[test]
fn what_is_late_is_an_error_that_says_what_can_be_done() {
    let run = slow_for_a_second(WhenLate::Fail);
    let said = run.failure.expect("too late");
    assert!(
        said.contains("later than it was due") && said.contains("--speed"),
        "{said}"
    );
    assert!(run.sent_ns.len() < 120);
}

#[test]
fn it_stands_still_and_goes_on_and_changes_its_speed() {
    let now_ns = Cell::new(0);
    // Held from 2 s to 12 s of the clock, twice as fast from 14 s on.
    let step = Cell::new(0);
    let at_sleep = |now_ns: i128, control: &Control, _: &Stopper| match (step.get(), now_ns / S) {
        (0, 2) => {
            control.hold_or_go_on();
            step.set(1);
        }
        (1, 12) => {
            control.hold_or_go_on();
            step.set(2);
        }
        (2, 14) => {
            control.faster();
            step.set(3);
        }
        _ => {}
    };
    let times_ns = (0..10).map(|second| second * S);
    let run = play(
        &records(times_ns),
        manner("1"),
        &now_ns,
        |_| 1_000,
        at_sleep,
    );
    let tenths = after_start(&run, S / 10);
    assert_eq!(tenths[..2], [0, 10]);
    assert!(
        tenths[2..4]
            .iter()
            .zip([120, 130])
            .all(|(tenth, wanted)| (tenth - wanted).abs() <= 1),
        "{tenths:?}"
    );
    let behind = tenths[5..].windows(2).map(|two| two[1] - two[0]);
    assert!(
        behind.clone().all(|tenths| (4..=6).contains(&tenths)),
        "{tenths:?}"
    );
}

#[test]
fn it_ends_soon_when_somebody_stops_it_in_a_long_pause() {
    let now_ns = Cell::new(0);
    let at_sleep = |now_ns: i128, _: &Control, stopper: &Stopper| {
        if now_ns > 5 * S {
            stopper.stop();
        }
    };
    let run = play(
        &records([0, 1_000 * S]),
        manner("1"),
        &now_ns,
        |_| 1_000,
        at_sleep,
    );
    assert!(run.played.is_stopped && run.failure.is_none());
    assert_eq!((run.sent_ns.len(), run.played.sent), (1, 1));
    assert!(now_ns.get() < 6 * S);
}
