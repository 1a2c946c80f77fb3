//! What a look at the records of an input shows before any is sent: how many there are, from when to when they are, and what
//! is odd about their times.

use crate::replay::clock::in_ms;
use crate::replay::speed::Pace;
use crate::replay::{Outgoing, shown};
use crate::terminal::span;
use crate::world::clock::rfc3339;

/// A pause that is longer than this by the clock is most likely not meant.
const LONG_NS: i128 = 86_400 * 1_000_000_000;
/// A time in another unit is as near as this to the one before it, once it is read in that one's.
const NEAR_NS: i128 = 3_653 * LONG_NS;
/// How many times as large a unit is as another one.
const UNITS: [i128; 3] = [1_000, 1_000_000, 1_000_000_000];

/// What is known of an input.
#[derive(Debug, Clone, Default)]
pub(super) struct Looked {
    /// What it is called.
    pub name: String,
    /// So many records were looked at.
    pub records: u64,
    /// So many of them have no key.
    pub keyless: u64,
    /// There are no others.
    pub is_whole: bool,
    /// Their times, in milliseconds since 1970, where they are kept.
    pub times_ms: Option<Vec<i64>>,
    /// How long a pause may be, in nanoseconds of the records' times.
    longest_ns: Option<i128>,
    /// The time of the record before.
    before_ns: Option<i128>,
    /// From when to when there are records without such a pause, and the number of the first of each.
    spans: Vec<Span>,
    /// The number of the first record that seems to be in another unit, and what is said of it.
    other_unit: Option<(u64, String)>,
    /// The number of the first record with a timestamp of 0.
    pub zero: Option<u64>,
}

#[derive(Debug, Clone, Copy)]
struct Span {
    from_ns: i128,
    to_ns: i128,
    number: u64,
}

/// All that is sent in one round, where that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Total {
    pub records: u64,
    pub from_ns: i128,
    pub to_ns: i128,
}

/// How long a pause of records may be at a pace before it is odd; nothing if there are none, or all are shortened.
pub(super) fn longest_ns(pace: Pace, longest_pause_ns: Option<i128>) -> Option<i128> {
    match pace {
        Pace::Times(factor) if longest_pause_ns.is_none_or(|longest| longest > LONG_NS) => {
            Some(factor.of_clock(LONG_NS))
        }
        _ => None,
    }
}

impl Looked {
    /// An input that nobody has looked at yet.
    pub fn new(name: String, longest_ns: Option<i128>) -> Self {
        Self {
            name,
            longest_ns,
            ..Self::default()
        }
    }

    /// The same, before anybody has looked at it.
    pub fn unseen(&self) -> Self {
        Self::new(self.name.clone(), self.longest_ns)
    }

    /// Looks at the next record.
    pub fn note(&mut self, record: &Outgoing) {
        self.records += 1;
        self.keyless += u64::from(record.key.is_none());
        let (time_ns, number) = (record.time_ns, self.records);
        if let Some(times_ms) = &mut self.times_ms {
            times_ms.push(in_ms(time_ns));
        }
        if in_ms(time_ns) == 0 {
            self.zero.get_or_insert(number);
        }
        let before_ns = self.before_ns.replace(time_ns);
        if let Some(how) = before_ns.and_then(|before_ns| other_unit(before_ns, time_ns)) {
            self.other_unit.get_or_insert_with(|| {
                let at = rfc3339(in_ms(time_ns));
                let said = format!(
                    "record {number} is at {at}: its time is {how}, as if it were in another unit; mend it, or shorten \
                     pauses with --max-pause"
                );
                (number, said)
            });
        }
        match (self.spans.last_mut(), self.longest_ns) {
            (Some(span), Some(longest_ns)) if time_ns > span.to_ns + longest_ns => {}
            (Some(span), _) => {
                span.to_ns = span.to_ns.max(time_ns);
                return;
            }
            (None, _) => {}
        }
        self.spans.push(Span {
            from_ns: time_ns,
            to_ns: time_ns,
            number,
        });
    }

    /// From when to when there are records.
    pub fn range(&self) -> Option<(i128, i128)> {
        Some((self.spans.first()?.from_ns, self.spans.last()?.to_ns))
    }

    /// Is there no key in any of them?
    pub fn has_no_key(&self) -> bool {
        self.records > 0 && self.keyless == self.records
    }
}

/// How many times as large or small a time is, if it is near the one before it in another unit.
fn other_unit(before_ns: i128, time_ns: i128) -> Option<String> {
    let is_near = |a: i128, b: i128| (a - b).abs() < NEAR_NS;
    if is_near(before_ns, time_ns) {
        return None;
    }
    UNITS.iter().find_map(|unit| {
        let word = match unit {
            1_000 => "thousand",
            1_000_000 => "million",
            _ => "billion",
        };
        match (
            is_near(time_ns / unit, before_ns),
            is_near(time_ns, before_ns / unit),
        ) {
            (true, _) => Some(format!("a {word} times that of the one before it")),
            (_, true) => Some(format!("a {word}th of that of the one before it")),
            _ => None,
        }
    })
}

/// All records together, if each input was looked at as a whole.
pub(super) fn total(looked: &[Looked]) -> Option<Total> {
    if looked.is_empty() || !looked.iter().all(|of| of.is_whole) {
        return None;
    }
    let ranges = looked.iter().filter_map(Looked::range);
    Some(Total {
        records: looked.iter().map(|of| of.records).sum(),
        from_ns: ranges.clone().map(|(from, _)| from).min()?,
        to_ns: ranges.map(|(_, to)| to).max()?,
    })
}

/// What is odd about the times of all inputs together, a line each: a pause of one is none where another one has records.
pub(super) fn warnings(looked: &[Looked], pace: Pace) -> Vec<String> {
    let odd = looked.iter().filter_map(|of| {
        let (_, said) = of.other_unit.as_ref()?;
        Some(shown(&format!("{}: {said}", of.name)))
    });
    let mut warnings = odd.collect::<Vec<_>>();
    let mut spans = Vec::new();
    for of in looked {
        spans.extend(of.spans.iter().map(|span| (*span, of)));
        if let Some((last, _)) = spans.last_mut().filter(|_| !of.is_whole && of.records > 0) {
            // Nobody knows what comes.
            last.to_ns = i128::MAX;
        }
    }
    spans.sort_by_key(|(span, _)| span.from_ns);
    let (mut to_ns, mut first, mut more) = (None::<i128>, None, 0_u64);
    for (span, of) in spans {
        let pause_ns = to_ns.map_or(0, |to_ns| span.from_ns - to_ns);
        to_ns = to_ns.max(Some(span.to_ns));
        let is_said = (of.other_unit.as_ref()).is_some_and(|(number, _)| *number == span.number);
        if of
            .longest_ns
            .is_none_or(|longest_ns| pause_ns <= longest_ns)
            || is_said
        {
            continue;
        }
        more += u64::from(first.is_some());
        first.get_or_insert((span, of, pause_ns));
    }
    if let (Some((at, of, pause_ns)), Pace::Times(factor)) = (first, pace) {
        let pause = span(factor.of_records(pause_ns) as f64 / 1e9);
        let others = match more {
            0 => String::new(),
            more => format!("; there are {more} more such pauses"),
        };
        warnings.push(shown(&format!(
            "{}: record {} ({}) is due {pause} after what comes before it; --max-pause 5s shortens such pauses{others}",
            of.name,
            at.number,
            rfc3339(in_ms(at.from_ns)),
        )));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i128 = 1_000_000_000;
    const DAY: i128 = 86_400;
    const Y2020: i128 = 1_600_000_000;

    fn looked(name: &str, pace: &str, seconds: &[i128]) -> Looked {
        let pace = pace.parse::<Pace>().expect("a pace");
        let mut looked = Looked::new(name.into(), longest_ns(pace, None));
        for second in seconds {
            looked.note(&Outgoing {
                time_ns: second * S,
                ..Outgoing::default()
            });
        }
        looked.is_whole = true;
        looked
    }

    fn said(pace: &str, inputs: &[&[i128]]) -> Vec<String> {
        let looked = inputs.iter().map(|of| looked("f", pace, of));
        warnings(&looked.collect::<Vec<_>>(), pace.parse().expect("a pace"))
    }

    #[test]
    fn a_change_of_unit_is_said_with_the_record_that_has_it() {
        for (first, other) in [
            (Y2020, (Y2020 + 1) * 1_000),
            (Y2020, (Y2020 + 1) * 1_000_000),
        ] {
            for speed in ["1", "max"] {
                let all = said(speed, &[&[first, other, other + 1_000]]);
                assert_eq!(all.len(), 1, "{all:?}");
                assert!(all[0].starts_with("f: record 2 is at "), "{all:?}");
                assert!(all[0].contains("--max-pause"), "{all:?}");
            }
        }
        let smaller = said("1", &[&[Y2020 * 1_000, Y2020]]);
        assert!(smaller[0].contains("a thousandth of"), "{smaller:?}");
        assert_eq!(said("1", &[&[0, 4, 6, 7]]), [""; 0]);
    }

    #[test]
    fn a_pause_of_more_than_a_day_by_the_clock_is_said_unless_another_input_fills_it() {
        let week = [Y2020, Y2020 + 7 * DAY, Y2020 + 14 * DAY];
        let all = said("1", &[&week]);
        assert_eq!(all.len(), 1);
        assert!(all[0].starts_with("f: record 2 (2020-09-20"), "{all:?}");
        assert!(all[0].contains("due 7 d after"), "{all:?}");
        assert!(all[0].ends_with("there are 1 more such pauses"), "{all:?}");
        assert_eq!(said("10", &[&week]), [""; 0]);
        assert_eq!(said("max", &[&week]), [""; 0]);
        let daily = (0..=14).map(|day| Y2020 + day * DAY).collect::<Vec<_>>();
        assert_eq!(said("1", &[&week, &daily]), [""; 0]);
        let apart = said("1", &[&[Y2020], &[Y2020 + 30 * DAY]]);
        assert!(
            apart[0].contains("record 1 ") && apart[0].contains("30 d"),
            "{apart:?}"
        );
    }

    #[test]
    fn all_is_known_once_each_input_was_looked_at_as_a_whole() {
        let (a, mut b) = (looked("a", "1", &[5, 9]), looked("b", "1", &[1, 3]));
        let expected = Total {
            records: 4,
            from_ns: S,
            to_ns: 9 * S,
        };
        assert_eq!(total(&[a.clone(), b.clone()]), Some(expected));
        b.is_whole = false;
        assert_eq!(total(&[a, b]), None);
    }
}
