//! `archiver time`: a moment in all its forms, and the moments of a range.

use std::ffi::OsString;
use std::time::Duration;

use jiff::{SignedDuration, Span, Timestamp, Zoned};

use crate::cli::{UsageError, usage};
use crate::moment::{Moment, NotAMoment, Zone, parse_duration};
use crate::terminal::Output;

const DAY: Duration = Duration::from_hours(24);

/// Which moments to print.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub struct Args {
    /// Moments; without any, now
    #[arg(value_name = "TIME")]
    times: Vec<String>,
    /// The zone whose clock is meant, instead of this machine's: Asia/Shanghai, UTC
    #[arg(long, value_name = "ZONE")]
    timezone: Option<Zone>,
    /// The moments of a range, a line each
    #[arg(
        long,
        num_args = 2,
        value_names = ["FROM", "TO"],
        allow_hyphen_values = true,
        conflicts_with = "times"
    )]
    range: Option<Vec<String>>,
    /// So far from each to the next: 15m, 1h, 1d
    #[arg(long, value_name = "DURATION", value_parser = step, requires = "range")]
    every: Option<Duration>,
    /// So many; -N for the last ones. Without --every, spread over the range
    #[arg(
        long,
        value_name = "N",
        allow_negative_numbers = true,
        requires = "range"
    )]
    count: Option<i64>,
}

const AFTER: &str = "\
TIME is 2026-11-20T09:00:00Z, or \"2026-11-20 09:00\", 09:00, today or yesterday
by the clock of the zone, or seconds or milliseconds since 1970, or \"5m ago\".
A range has both of its ends, if a step leads to the second. Whole days are
those of the calendar, also where the clock is set.

    archiver time 1678173258175 --timezone Asia/Shanghai
    archiver time --range 2023-04-01 2023-05-01 --every 1d";

/// The words of a command line in which `archiver time -5m` is a time and no flag.
pub fn readable(words: impl Iterator<Item = OsString>) -> impl Iterator<Item = OsString> {
    let mut is_time = false;
    words.map(move |word| {
        let ago = word.to_str().and_then(|word| word.strip_prefix('-'));
        // -N is a number of moments.
        let ago = ago.filter(|ago| ago.ends_with(|c: char| c.is_ascii_alphabetic()));
        let ago = ago.filter(|ago| ago.starts_with(|c: char| c.is_ascii_digit()));
        let ago = ago.filter(|ago| is_time && parse_duration(ago).is_some());
        is_time |= word == "time";
        ago.map_or_else(|| word.clone(), |ago| format!("{ago} ago").into())
    })
}

/// Prints moments; returns the exit code.
///
/// # Errors
///
/// If a time is none, or nobody reads what is printed.
pub fn run(args: &Args) -> anyhow::Result<u8> {
    if args.range.is_none() && (args.every.is_some() || args.count.is_some()) {
        return Err(usage("--every and --count need --range FROM TO").into());
    }
    let zone = match &args.timezone {
        Some(zone) => zone.clone(),
        None => {
            let zone = Zone::of_machine().map_err(|tz| NotAMoment::Zone { tz });
            zone.map_err(|error| usage(&error.to_string()))?
        }
    };
    let now = zone.now();
    let mut output = Output::default();
    match &args.range {
        Some(ends) => {
            let ends = ends.iter().map(|text| zoned(text, &now));
            let ends = ends.collect::<Result<Vec<_>, _>>()?;
            let [from, to] =
                <[Zoned; 2]>::try_from(ends).map_err(|_| usage("a range has two ends"))?;
            for moment in range(&from, &to, args.every, args.count)? {
                let shown = clock(&moment);
                output.line(&format!("{}  {shown}", moment.timestamp().as_millisecond()))?;
            }
        }
        None if args.times.is_empty() => print(&mut output, &now, &now)?,
        None => {
            for (number, text) in args.times.iter().enumerate() {
                if number > 0 {
                    output.line("")?;
                }
                print(&mut output, &zoned(text, &now)?, &now)?;
            }
        }
    }
    output.flush()?;
    Ok(0)
}

/// Prints all forms of a moment.
fn print(output: &mut Output, moment: &Zoned, now: &Zoned) -> anyhow::Result<()> {
    let time = moment.timestamp();
    let ms = time.as_millisecond();
    let zone = moment.time_zone().iana_name().unwrap_or("local");
    for (name, form) in [
        ("milliseconds", ms.to_string()),
        ("seconds", seconds(ms)),
        ("UTC", format!("{time:.3}")),
        (zone, clock(moment)),
        ("relative", relative(now.timestamp().as_millisecond() - ms)),
    ] {
        output.line(&format!("{name:<14}{form}"))?;
    }
    Ok(())
}

/// Seconds since 1970, with their milliseconds where there are some.
fn seconds(ms: i64) -> String {
    let sign = if ms < 0 { "-" } else { "" };
    let (seconds, rest) = (ms.unsigned_abs() / 1000, ms.unsigned_abs() % 1000);
    match rest {
        0 => format!("{sign}{seconds}"),
        rest => format!("{sign}{seconds}.{rest:03}"),
    }
}

/// As the clock of its zone shows it, with the offset from UTC.
fn clock(moment: &Zoned) -> String {
    moment.strftime("%Y-%m-%d %H:%M:%S.%3f %:z").to_string()
}

/// How long ago, in its two largest units.
fn relative(ago_ms: i64) -> String {
    let ms = ago_ms.unsigned_abs();
    let parts = [
        (ms / 86_400_000, "d"),
        (ms / 3_600_000 % 24, "h"),
        (ms / 60_000 % 60, "m"),
        (ms / 1_000 % 60, "s"),
    ];
    let parts = parts.into_iter().skip_while(|(count, _)| *count == 0);
    let shown = parts.take(2).map(|(count, unit)| format!("{count}{unit}"));
    let shown = shown.collect::<Vec<_>>().join(" ");
    match (shown.is_empty(), ago_ms < 0) {
        (true, _) => "now".to_owned(),
        (false, false) => format!("{shown} ago"),
        (false, true) => format!("in {shown}"),
    }
}

/// The moments of a range.
fn range(
    from: &Zoned,
    to: &Zoned,
    every: Option<Duration>,
    count: Option<i64>,
) -> Result<Box<dyn Iterator<Item = Zoned>>, UsageError> {
    if from > to {
        return Err(usage("--range ends before it begins"));
    }
    let most = count.map_or(u64::MAX, i64::unsigned_abs);
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let (from, to) = (from.clone(), to.clone());
    match (every, count) {
        (None, None) => Err(usage("--range needs --every, --count, or both")),
        (None, Some(..0)) => Err(usage("a negative --count needs --every")),
        (None, Some(count)) => Ok(Box::new(spread(from, &to, count))),
        (Some(every), Some(..0)) => {
            let steps = (0..).map_while(move |number| stepped(&to, every, -number));
            let steps = steps.take_while(|moment| *moment >= from).take(most);
            let mut last = steps.collect::<Vec<_>>();
            last.reverse();
            Ok(Box::new(last.into_iter()))
        }
        (Some(every), _) => {
            let steps = (0..).map_while(move |number| stepped(&from, every, number));
            Ok(Box::new(
                steps.take_while(move |moment| *moment <= to).take(most),
            ))
        }
    }
}

/// So many moments at equal distances, from one end to the other.
fn spread(from: Zoned, to: &Zoned, count: i64) -> impl Iterator<Item = Zoned> + use<> {
    let first = i128::from(from.timestamp().as_millisecond());
    let length = i128::from(to.timestamp().as_millisecond()) - first;
    (0..count).filter_map(move |number| {
        let part = length * i128::from(number) / i128::from((count - 1).max(1));
        let time = Timestamp::from_millisecond(i64::try_from(first + part).ok()?);
        Some(time.ok()?.to_zoned(from.time_zone().clone()))
    })
}

/// The moment so many steps away; `None` if there is no such time.
fn stepped(from: &Zoned, every: Duration, steps: i64) -> Option<Zoned> {
    let ms = i64::try_from(every.as_millis()).ok()?;
    if every.as_millis().is_multiple_of(DAY.as_millis()) {
        let days = (ms / 86_400_000).checked_mul(steps)?;
        return from.checked_add(Span::new().try_days(days).ok()?).ok();
    }
    let length = SignedDuration::from_millis(ms.checked_mul(steps)?);
    from.checked_add(length).ok()
}

/// A time that was typed, by this clock.
fn zoned(text: &str, now: &Zoned) -> Result<Zoned, UsageError> {
    let moment = Moment::parse(text, now).map_err(|error| usage(&format!("{text:?}: {error}")))?;
    let ms = moment.ms(now.timestamp().as_millisecond());
    let time = Timestamp::from_millisecond(ms);
    let time =
        time.map_err(|_| usage(&format!("{text:?} is before the year -9999 or after 9999")))?;
    Ok(time.to_zoned(now.time_zone().clone()))
}

/// A step from one moment to the next.
fn step(text: &str) -> Result<Duration, String> {
    let step = parse_duration(text).filter(|step| !step.is_zero());
    step.ok_or_else(|| "not a duration; write 15m, 1h, 1d or 1h30m".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Zoned {
        text.parse().expect("a time with a zone")
    }

    /// The moments of a range, as the clock shows them.
    fn shown(from: &str, to: &str, every: Option<&str>, count: Option<i64>) -> Vec<String> {
        let every = every.map(|every| step(every).expect("a step"));
        let range = range(&at(from), &at(to), every, count).expect("a range");
        range
            .map(|moment| moment.strftime("%m-%d %H:%M").to_string())
            .collect()
    }

    #[test]
    fn a_range_has_both_ends_and_days_are_those_of_the_calendar() {
        let (from, to) = (
            "2026-03-28T09:00[Europe/Berlin]",
            "2026-03-30T09:00[Europe/Berlin]",
        );
        assert_eq!(
            shown(from, to, Some("1d"), None),
            ["03-28 09:00", "03-29 09:00", "03-30 09:00"]
        );
        assert_eq!(
            shown(from, to, Some("1d"), Some(2)),
            ["03-28 09:00", "03-29 09:00"]
        );
        assert_eq!(
            shown(from, to, Some("1d"), Some(-2)),
            ["03-29 09:00", "03-30 09:00"]
        );
        // The clock is set in between: 47 hours.
        assert_eq!(
            shown(from, to, None, Some(3)),
            ["03-28 09:00", "03-29 09:30", "03-30 09:00"]
        );
        assert_eq!(
            shown(from, to, Some("1d12h"), None),
            ["03-28 09:00", "03-29 22:00"]
        );
        assert_eq!(shown(from, to, None, Some(1)), ["03-28 09:00"]);
        assert_eq!(shown(from, from, Some("1d"), None), ["03-28 09:00"]);
    }

    #[test]
    fn how_long_ago_is_said_in_two_units() {
        for (ms, said) in [
            (0, "now"),
            (999, "now"),
            (61_000, "1m 1s ago"),
            (-3_600_000, "in 1h 0m"),
            (90_061_000, "1d 1h ago"),
        ] {
            assert_eq!(relative(ms), said);
        }
        assert_eq!(
            (seconds(-1), seconds(1_500), seconds(2_000)),
            ("-0.001".into(), "1.500".into(), "2".into())
        );
    }
}
