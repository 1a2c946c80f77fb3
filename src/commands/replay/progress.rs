//! How far a replay has come: a bar on standard error that moves, or a line now and then. There is no bar where nobody knows
//! how much comes.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::looked::Total;
use crate::logging;
use crate::replay::clock::in_ms;
use crate::replay::control::Seen;
use crate::replay::speed::Pace;
use crate::source::kafka::Producer;
use crate::terminal::{Bars, grouped, is_watched, short, span};
use crate::world::clock::rfc3339;

/// How often something is said where no line moves.
const SAY: Duration = Duration::from_secs(10);
/// So many steps has the bar.
const STEPS: u64 = 10_000;
/// After how long it is said that nothing arrives.
const SILENT: Duration = Duration::from_secs(5);

/// Shows how far it has come.
pub(super) struct Progress {
    bar: Option<(Bars, ProgressBar)>,
    /// How much there is, if that is known.
    all: Option<All>,
    /// Keys are heard.
    has_keys: bool,
    /// When was looked last, and how many records were sent then.
    before: (Instant, u64),
    said: Instant,
    rate: f64,
    /// How many records had arrived, and since when it is so many while others are under way.
    arrived: (u64, Instant),
}

/// How much a replay sends.
#[derive(Debug, Clone, Copy)]
pub(super) struct All {
    pub total: Total,
    /// So many of the records were sent by runs before this one.
    pub sent_before: u64,
    /// Are records due by their times alone, up to the last one?
    pub is_by_time: bool,
}

impl All {
    /// How much of it is done, from 0 to 1.
    fn done(&self, seen: &Seen, at_ns: i128) -> f64 {
        let Total {
            records,
            from_ns,
            to_ns,
        } = self.total;
        let done = match self.is_by_time && to_ns > from_ns {
            true => (at_ns - from_ns) as f64 / (to_ns - from_ns) as f64,
            false => (self.sent_before + seen.sent) as f64 / records.max(1) as f64,
        };
        done.clamp(0.0, 1.0)
    }

    /// How long it takes from here on, in seconds, with so many records sent in a second; nothing while it stands still.
    fn left_seconds(&self, seen: &Seen, at_ns: i128, rate: f64) -> Option<f64> {
        let records = (self.total.records).saturating_sub(self.sent_before + seen.sent);
        match seen.pace? {
            _ if seen.is_held => None,
            Pace::Times(factor) if self.is_by_time => {
                Some(factor.of_records((self.total.to_ns - at_ns).max(0)) as f64 / 1e9)
            }
            Pace::Rate(rate) => Some(records as f64 / rate as f64),
            _ => (rate > 0.0).then(|| records as f64 / rate),
        }
    }
}

impl Progress {
    /// Of a replay that begins now.
    pub fn new(has_keys: bool, all: Option<All>) -> Self {
        let bar = is_watched().then(|| {
            let mut bars = Bars::new(10);
            let style = ProgressStyle::with_template(match all {
                Some(_) => "[{bar:6}] {percent:>3} %  {wide_msg}",
                None => "{wide_msg}",
            });
            let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
            let bar = bars.add(ProgressBar::new(STEPS));
            (bars, bar.with_style(style.progress_chars("=> ")))
        });
        let now = Instant::now();
        Self {
            bar,
            all,
            has_keys,
            before: (now, 0),
            said: now,
            rate: 0.0,
            arrived: (0, now),
        }
    }

    /// Shows where it is.
    pub fn show(&mut self, seen: &Seen, producer: &Producer) {
        let (when, sent) = self.before;
        let passed = when.elapsed().as_secs_f64();
        if passed >= 1.0 {
            self.rate = seen.sent.saturating_sub(sent) as f64 / passed;
            self.before = (Instant::now(), seen.sent);
        }
        let (place, line) = self.lines(seen);
        let silence = self.silence(producer);
        let line = silence.clone().unwrap_or(line);
        match &self.bar {
            Some((_, bar)) => {
                let message = match (&self.all, seen.at_ns) {
                    (Some(all), Some(at_ns)) => {
                        bar.set_position((all.done(seen, at_ns) * STEPS as f64) as u64);
                        silence.unwrap_or_else(|| self.beside_bar(seen, at_ns))
                    }
                    _ => joined(&place, &line),
                };
                bar.set_message(message);
                bar.tick();
            }
            None if self.said.elapsed() >= SAY => {
                self.said = Instant::now();
                logging::complain(&format!("replaying: {}", joined(&place, &line)));
            }
            None => {}
        }
    }

    /// Where the schedule is and how long it takes; and how fast it goes.
    fn lines(&self, seen: &Seen) -> (String, String) {
        let Some((at_ns, pace)) = seen.at_ns.zip(seen.pace) else {
            return (String::new(), "getting ready".into());
        };
        let at_ms = in_ms(at_ns);
        // The second is enough for a line that moves.
        let mut place = rfc3339(at_ms)
            .get(..19)
            .map_or_else(String::new, |at| at.replace('T', " "));
        place += &self.left(seen, at_ns);
        let pace = match seen.is_held {
            true => "held".to_owned(),
            false => pace.to_string(),
        };
        let keys = match self.has_keys {
            true if seen.is_held => "  [p go on]",
            true => "  [p + -]",
            false => "",
        };
        let of = match &self.all {
            Some(all) => {
                let own = all.total.records.saturating_sub(all.sent_before);
                format!(" of {}", grouped(own))
            }
            None => String::new(),
        };
        let (sent, rate) = (grouped(seen.sent), short(self.rate as u64));
        let late = match seen.pace {
            Some(Pace::Max) => String::new(),
            _ => format!(", p99 late {:.1} ms", seen.lateness.p99_ms),
        };
        (
            place,
            format!("{pace}  {sent}{of} records, {rate}/s{late}{keys}"),
        )
    }

    /// How much longer it takes, if that is known, behind what stands before it.
    fn left(&self, seen: &Seen, at_ns: i128) -> String {
        let left = (self.all.as_ref()).and_then(|all| all.left_seconds(seen, at_ns, self.rate));
        left.map_or_else(String::new, |left| format!("  {} left", span(left)))
    }

    /// Since when nothing has arrived, if that is worth a word.
    fn silence(&mut self, producer: &Producer) -> Option<String> {
        let (arrived, under_way) = (producer.arrived(), producer.outstanding());
        if under_way == 0 || arrived != self.arrived.0 {
            self.arrived = (arrived, Instant::now());
        }
        let since = self.arrived.1.elapsed();
        let why = producer.trouble();
        let why = why.map_or_else(String::new, |error| format!(": {error}"));
        (since >= SILENT).then(|| {
            let seconds = since.as_secs();
            format!("nothing has arrived for {seconds} s, {under_way} records wait{why}")
        })
    }

    /// The same in few words: where the schedule is, without the year, and how much longer it takes.
    fn beside_bar(&self, seen: &Seen, at_ns: i128) -> String {
        let at = rfc3339(in_ms(at_ns));
        let at = at.get(5..19).unwrap_or_default().replace('T', " ");
        let left = self.left(seen, at_ns);
        let rate = short(self.rate as u64);
        match seen.pace {
            _ if seen.is_held => format!("{at}  held: p goes on"),
            Some(Pace::Max) | None => format!("{at}{left}  {rate}/s"),
            Some(pace) => {
                let late_ms = seen.lateness.p99_ms;
                format!("{at}{left}  {pace}  {rate}/s, late {late_ms:.1} ms")
            }
        }
    }

    /// Takes the line away.
    pub fn finish(&self) {
        if let Some((bars, _)) = &self.bar {
            bars.hide();
        }
    }
}

/// Both in one line.
fn joined(place: &str, line: &str) -> String {
    match place {
        "" => line.to_owned(),
        place => format!("{place}  {line}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i128 = 1_000_000_000;

    fn all(is_by_time: bool) -> All {
        All {
            total: Total {
                records: 400,
                from_ns: 1_600_000_000 * S,
                to_ns: 1_600_000_100 * S,
            },
            sent_before: 100,
            is_by_time,
        }
    }

    fn seen(pace: &str) -> Seen {
        Seen {
            sent: 100,
            at_ns: Some(1_600_000_020 * S),
            pace: Some(pace.parse().expect("a pace")),
            ..Seen::default()
        }
    }

    #[test]
    fn what_is_done_and_left_is_told_by_time_where_times_say_when_records_are_due() {
        let (seen, at_ns) = (seen("2"), 1_600_000_020 * S);
        assert_eq!(all(true).done(&seen, at_ns), 0.2);
        assert_eq!(all(true).left_seconds(&seen, at_ns, 50.0), Some(40.0));
        assert_eq!(all(false).done(&seen, at_ns), 0.5);
        assert_eq!(all(false).left_seconds(&seen, at_ns, 50.0), Some(4.0));
        let held = Seen {
            is_held: true,
            ..seen
        };
        assert_eq!(all(true).left_seconds(&held, at_ns, 50.0), None);
        let rate = Seen {
            pace: Some(Pace::Rate(20)),
            ..seen
        };
        assert_eq!(all(false).left_seconds(&rate, at_ns, 50.0), Some(10.0));
    }

    #[test]
    fn the_lines_say_where_it_is_and_fit_on_a_screen_of_80_columns() {
        let progress = Progress::new(true, Some(all(true)));
        let (place, line) = progress.lines(&seen("2"));
        assert_eq!(place, "2020-09-13 12:27:00  40 s left");
        assert_eq!(
            line,
            "speed 2  100 of 300 records, 0/s, p99 late 0.0 ms  [p + -]"
        );
        let beside = progress.beside_bar(&seen("2"), 1_600_000_020 * S);
        assert_eq!(
            beside,
            "09-13 12:27:00  40 s left  speed 2  0/s, late 0.0 ms"
        );
        // Beside the bar and the share there are 60 columns.
        assert!(beside.len() + "  1.2k00".len() <= 60);
        let unknown = Progress::new(false, None);
        let (_, line) = unknown.lines(&seen("max"));
        assert_eq!(line, "as fast as it goes  100 records, 0/s");
    }
}
