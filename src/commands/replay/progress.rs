//! How far a replay has come: a line on standard error that moves, or one now and then.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::logging;
use crate::replay::clock::in_ms;
use crate::replay::control::Seen;
use crate::source::kafka::Producer;
use crate::terminal::{BarTerminal, grouped, is_watched, short};
use crate::world::clock::rfc3339;

/// How often something is said where no line moves.
const SAY: Duration = Duration::from_secs(10);
/// After how long it is said that nothing arrives.
const SILENT: Duration = Duration::from_secs(5);

/// Shows how far it has come.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    /// Keys are heard.
    has_keys: bool,
    /// When was looked last, and how many records were sent then.
    before: (Instant, u64),
    said: Instant,
    rate: f64,
    /// How many records had arrived, and since when it is so many while others are under way.
    arrived: (u64, Instant),
}

impl Progress {
    /// Of a replay that begins now.
    pub fn new(has_keys: bool) -> Self {
        let bar = is_watched().then(|| {
            let screen =
                ProgressDrawTarget::term_like_with_hz(Box::new(BarTerminal::default()), 10);
            let style = ProgressStyle::with_template("{wide_msg}");
            let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::with_draw_target(None, screen).with_style(style)
        });
        let now = Instant::now();
        Self {
            bar,
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
        let mut line = self.line(seen);
        if let Some(silence) = self.silence(producer) {
            line = format!("{silence}; {line}");
        }
        match &self.bar {
            Some(bar) => {
                bar.set_message(line);
                bar.tick();
            }
            None if self.said.elapsed() >= SAY => {
                self.said = Instant::now();
                logging::complain(&format!("replaying: {line}"));
            }
            None => {}
        }
    }

    fn line(&self, seen: &Seen) -> String {
        let Some((at_ns, pace)) = seen.at_ns.zip(seen.pace) else {
            return "getting ready".into();
        };
        let at_ms = in_ms(at_ns);
        // The second is enough for a line that moves.
        let at = rfc3339(at_ms)
            .get(..19)
            .map_or_else(String::new, |at| at.replace('T', " "));
        let pace = match seen.is_held {
            true => "held".to_owned(),
            false => pace.to_string(),
        };
        let keys = match self.has_keys {
            true if seen.is_held => "  [p go on]",
            true => "  [p + -]",
            false => "",
        };
        let (sent, rate) = (grouped(seen.sent), short(self.rate as u64));
        let late = seen.lateness.p99_ms;
        format!("{at}  {pace}  {sent} records, {rate}/s, p99 late {late:.1} ms{keys}")
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

    /// Takes the line away.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
