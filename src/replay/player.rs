//! The player: waits until the next record is due, hands over all that is, and counts how late each was.

use std::str::FromStr;
use std::time::Duration;

use anyhow::anyhow;

use super::buffer::{Buffer, Read, Taken};
use super::clock::{Clock, ns};
use super::control::{Control, Seen};
use super::due::Due;
use super::lateness::Lateness;
use super::schedule::{Schedule, Shortened};
use super::sink::{Failure, NotSent, Sink};
use super::speed::Pace;

#[cfg(test)]
mod tests;

/// How long it sleeps at most: keys and answers are looked at in between.
const SLICE: Duration = Duration::from_millis(20);
/// How often is shown where it is.
const SHOW: Duration = Duration::from_millis(100);
/// Answers are looked at after so many records at the latest.
const SERVE_RECORDS: u64 = 256;

/// What is done where records are sent late.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WhenLate {
    /// Send what is due at once, until the schedule is reached again.
    #[default]
    CatchUp,
    /// Move the schedule of all topics, so that pauses stay as long as they are.
    Stretch,
    /// End with an error.
    Fail,
}

impl FromStr for WhenLate {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "catch-up" => Self::CatchUp,
            "stretch" => Self::Stretch,
            "fail" => Self::Fail,
            _ => return Err("it is none of catch-up, stretch and fail"),
        })
    }
}

/// How records are played.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    /// How fast.
    pub pace: Pace,
    /// No pause is longer than this, by the clock.
    pub longest_pause: Option<Duration>,
    /// What is done where records are late.
    pub when_late: WhenLate,
    /// What is late, for that.
    pub late_after: Duration,
}

impl Manner {
    /// The schedule in which the record of this time is due at this moment, both in nanoseconds.
    pub fn schedule(&self, first_ns: i128, start_ns: i128) -> Schedule {
        let schedule = Schedule::new(self.pace, first_ns, start_ns);
        schedule.longest_pause(self.longest_pause.map(ns))
    }
}

/// What became of a replay.
#[derive(Debug, Clone, Default)]
pub struct Played {
    /// Somebody has stopped it.
    pub is_stopped: bool,
    /// How late records were, by their inputs.
    pub lateness: Vec<Lateness>,
    /// The same of all.
    pub all: Lateness,
    /// So many records were handed over.
    pub sent: u64,
    /// So many bytes of values.
    pub bytes: u64,
    /// So many records had happened before one that came earlier in their input.
    pub steps_back: u64,
    /// So many records had no key.
    pub keyless: u64,
    /// What was left out of the inputs.
    pub read: Read,
    /// What was cut of pauses.
    pub shortened: Shortened,
    /// By how much the schedule was moved, in nanoseconds.
    pub stretched_ns: i128,
    /// When the first record was due, by the clock.
    pub begun_ns: Option<i128>,
    /// How late the last record was, in nanoseconds.
    pub last_late_ns: i128,
}

/// Plays records.
pub struct Player<'a, C, S> {
    clock: &'a C,
    sink: &'a mut S,
    control: &'a Control,
    manner: Manner,
    /// When the first record is due; when it is there, if that is later or nobody says.
    start_ns: Option<i128>,
    schedule: Option<Schedule>,
    played: Played,
    shown_ns: i128,
}

impl<'a, C: Clock, S: Sink> Player<'a, C, S> {
    /// One that plays so many inputs.
    pub fn new(
        (clock, sink, control): (&'a C, &'a mut S, &'a Control),
        manner: Manner,
        inputs: usize,
        start_ns: Option<i128>,
    ) -> Self {
        Self {
            clock,
            sink,
            control,
            manner,
            start_ns,
            schedule: None,
            played: Played {
                lateness: vec![Lateness::default(); inputs],
                ..Played::default()
            },
            shown_ns: 0,
        }
    }

    /// What became of it until now.
    pub fn played(mut self) -> Played {
        if let Some(schedule) = &self.schedule {
            self.played.shortened = schedule.shortened();
        }
        self.played
    }

    /// Where it sends to.
    pub fn sink(&mut self) -> &mut S {
        self.sink
    }

    /// What comes next is due now, as what was sent last was taken back.
    pub fn begin_again(&mut self) {
        self.schedule = None;
        self.start_ns = None;
    }

    /// Plays what is read, until there is no more or somebody stops it.
    ///
    /// # Errors
    ///
    /// If an input can't be read, or nothing can be sent any more.
    pub fn play(&mut self, buffer: &Buffer) -> Result<(), Failure> {
        loop {
            if self.control.is_stopped() {
                self.played.is_stopped = true;
                return Ok(());
            }
            match buffer.take(SLICE, self.manner.pace != Pace::Max) {
                Taken::Records(records) => {
                    for due in &records {
                        if !self.play_one(due)? {
                            self.played.is_stopped = true;
                            return Ok(());
                        }
                    }
                }
                Taken::Nothing => self.sink.serve(Duration::ZERO)?,
                Taken::End(Ok(read)) => {
                    self.played.read = read;
                    return Ok(());
                }
                Taken::End(Err(error)) => return Err(anyhow!(error).into()),
            }
            self.show(None, self.clock.now_ns());
        }
    }

    /// Sends a record once it is due. False if somebody stops it before.
    fn play_one(&mut self, due: &Due) -> Result<bool, Failure> {
        let at_ns = due.at_ns();
        match &mut self.schedule {
            Some(schedule) => schedule.advance(at_ns),
            None => self.begin(at_ns),
        }
        // Nobody looks at the clock for each record where none waits for it.
        let is_paced = self.manner.pace != Pace::Max || self.control.is_held() || self.is_early();
        let due_ns = match is_paced {
            true => self.wait(at_ns)?,
            false => (!self.control.is_stopped()).then_some(0),
        };
        let Some(due_ns) = due_ns else {
            return Ok(false);
        };
        loop {
            match self.sink.send(due) {
                Ok(()) => break,
                Err(NotSent::Full) if self.control.is_stopped() => return Ok(false),
                Err(NotSent::Full) => self.sink.serve(Duration::from_millis(5))?,
                Err(NotSent::Failed(failure)) => return Err(failure),
            }
        }
        self.count(due, due_ns)?;
        Ok(true)
    }

    /// Is the first record yet to come?
    fn is_early(&self) -> bool {
        self.played.sent == 0 && self.start_ns.is_some()
    }

    fn begin(&mut self, first_ns: i128) {
        let now_ns = self.clock.now_ns();
        let start_ns = self
            .start_ns
            .map_or(now_ns, |start_ns| start_ns.max(now_ns));
        // What was taken back and is sent again belongs to the same run.
        self.played.begun_ns.get_or_insert(start_ns);
        self.schedule = Some(self.manner.schedule(first_ns, start_ns));
    }

    /// Waits until the next record is due; says when that was. Nothing if somebody stops it before.
    fn wait(&mut self, at_ns: i128) -> Result<Option<i128>, Failure> {
        loop {
            let now_ns = self.clock.now_ns();
            let Some(schedule) = &mut self.schedule else {
                return Ok(None);
            };
            match self.control.is_held() {
                true => schedule.hold(now_ns),
                false => schedule.go_on(now_ns),
            }
            let steps = self.control.steps();
            for _ in 0..steps.abs() {
                schedule.change(steps > 0, now_ns);
            }
            let due_ns = schedule.due();
            let is_held = schedule.is_held();
            if due_ns <= now_ns && !is_held {
                return Ok(Some(due_ns));
            }
            if self.control.is_stopped() {
                return Ok(None);
            }
            let at_ns = schedule.position(now_ns).min(at_ns);
            self.show(Some(at_ns), now_ns);
            self.sink.serve(Duration::ZERO)?;
            let slice_ns = now_ns + ns(SLICE);
            self.clock.sleep_until(match is_held {
                true => slice_ns,
                false => due_ns.min(slice_ns),
            });
        }
    }

    /// Counts a record that was handed over, and moves the schedule if it was too late.
    fn count(&mut self, due: &Due, due_ns: i128) -> Result<(), Failure> {
        let played = &mut self.played;
        played.sent += 1;
        played.bytes += due.merged.record.value.as_ref().map_or(0, Vec::len) as u64;
        played.keyless += u64::from(due.merged.record.key.is_none());
        played.steps_back += u64::from(due.merged.steps_back());
        if self.manner.pace != Pace::Max {
            let late_ns = self.clock.now_ns() - due_ns;
            played.last_late_ns = late_ns;
            played.all.count(late_ns);
            if let Some(lateness) = played.lateness.get_mut(due.merged.input) {
                lateness.count(late_ns);
            }
            if late_ns > ns(self.manner.late_after) {
                self.late(late_ns)?;
            }
        }
        if self.played.sent.is_multiple_of(SERVE_RECORDS) {
            self.sink.serve(Duration::ZERO)?;
            self.show(Some(due.at_ns()), self.clock.now_ns());
        }
        Ok(())
    }

    fn late(&mut self, late_ns: i128) -> Result<(), Failure> {
        match self.manner.when_late {
            WhenLate::CatchUp => {}
            WhenLate::Stretch => {
                self.played.stretched_ns += late_ns;
                if let Some(schedule) = &mut self.schedule {
                    schedule.postpone(late_ns);
                }
            }
            WhenLate::Fail => {
                let (late, most) = (late_ns as f64 / 1e6, self.manner.late_after);
                let error = anyhow!(
                    "a record was sent {late:.1} ms later than it was due, more than {most:?}: this machine, the network or \
                     the brokers are too slow for the schedule; lower --speed, raise --late-after, or choose another \
                     --when-late"
                );
                return Err(error.into());
            }
        }
        Ok(())
    }

    fn show(&mut self, at_ns: Option<i128>, now_ns: i128) {
        if now_ns - self.shown_ns < ns(SHOW) {
            return;
        }
        self.shown_ns = now_ns;
        if let Some(schedule) = &self.schedule {
            self.played.shortened = schedule.shortened();
        }
        let schedule = self.schedule.as_ref();
        self.control.show(Seen {
            sent: self.played.sent,
            bytes: self.played.bytes,
            at_ns: at_ns.or(self.control.seen().at_ns),
            pace: Some(schedule.map_or(self.manner.pace, Schedule::pace)),
            is_held: schedule.is_some_and(Schedule::is_held),
            lateness: self.played.all.figures(),
        });
    }
}
