//! The axis of the values: where it begins and ends, and which numbers stand beside it.

/// Numbers further away than this are drawn here.
const FURTHEST: f64 = 1e300;
/// A range narrower than this part of its numbers is as good as none: they have no more digits.
const NARROWEST: f64 = 1e-12;
const PREFIXES: [(f64, &str); 5] = [
    (1e15, " P"),
    (1e12, " T"),
    (1e9, " G"),
    (1e6, " M"),
    (1e3, " k"),
];

/// From where to where an axis goes, with what stands beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct NumberAxis {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
    /// Numbers, and how they are written.
    pub ticks: Vec<(f64, String)>,
}

impl NumberAxis {
    /// For values from the least to the greatest, with at most so many ticks.
    pub fn new(least: f64, greatest: f64, ticks_most: u32) -> Self {
        let (low, high) = ends(least, greatest);
        let step = step((high - low) / f64::from(ticks_most.max(1)));
        let furthest = low.abs().max(high.abs());
        let first = (low / step).ceil();
        let numbers = (0..=ticks_most).map(|number| (first + f64::from(number)) * step);
        let ticks = numbers.take_while(|number| *number <= high);
        let ticks = ticks.map(|number| (number, label(number, step, furthest)));
        Self {
            low,
            high,
            ticks: ticks.collect(),
        }
    }

    /// Which part of the axis is below a number: 0 at the lower end, 1 at the upper one.
    pub fn part(&self, number: f64) -> f64 {
        let span = self.high - self.low;
        ((number - self.low) / span).clamp(0.0, 1.0)
    }
}

fn ends(least: f64, greatest: f64) -> (f64, f64) {
    let least = least.clamp(-FURTHEST, FURTHEST);
    let greatest = greatest.clamp(-FURTHEST, FURTHEST);
    let furthest = least.abs().max(greatest.abs());
    let span = greatest - least;
    if span <= furthest * NARROWEST || span < f64::MIN_POSITIVE {
        // Of a constant.
        let room = if furthest < f64::MIN_POSITIVE * 1e20 {
            1.0
        } else {
            furthest * 0.1
        };
        return (least - room, greatest + room);
    }
    let room = span * 0.05;
    // An axis that almost reaches 0 begins there.
    let low = match least >= 0.0 && least < span * 0.3 {
        true => 0.0,
        false => least - room,
    };
    let high = match greatest <= 0.0 && -greatest < span * 0.3 {
        true => 0.0,
        false => greatest + room,
    };
    (low, high)
}

/// The least of 1, 2 and 5 by a power of ten that isn't less.
fn step(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    let steps = [1.0, 2.0, 5.0].map(|times| times * power);
    let step = steps.into_iter().find(|step| *step >= least * 0.999);
    step.unwrap_or(10.0 * power)
}

/// A number between others that are a step apart, as the furthest of them wants it to be written.
fn label(number: f64, step: f64, furthest: f64) -> String {
    if number.abs() < step / 2.0 {
        return "0".to_owned();
    }
    if !(1e-4..1e18).contains(&furthest) {
        return exponential(number, step);
    }
    let prefix = PREFIXES.iter().find(|(unit, _)| furthest >= *unit);
    match prefix {
        Some((unit, name)) if furthest >= 10_000.0 && decimals(step / unit) <= 3 => {
            let decimals = decimals(step / unit);
            format!("{:.decimals$}{name}", number / unit)
        }
        _ => grouped(&format!("{number:.*}", decimals(step))),
    }
}

/// So many digits behind the point tell numbers apart that are a step from each other.
fn decimals(step: f64) -> usize {
    (0..17)
        .find(|digits| {
            let shifted = step * 10_f64.powi(*digits);
            shifted >= 0.999 && (shifted - shifted.round()).abs() < 1e-3 * shifted
        })
        .map_or(17, |digits| usize::try_from(digits).unwrap_or_default())
}

fn exponential(number: f64, step: f64) -> String {
    let power = |number: f64| (number.abs().log10() + 1e-9).floor();
    let digits = power(number) - power(step);
    let digits = (0_u8..16).find(|some| f64::from(*some) >= digits);
    let written = format!("{number:.*e}", usize::from(digits.unwrap_or(15)));
    trimmed(&written)
}

/// A number for a reader: six digits that count.
pub fn shown(number: f64) -> String {
    let size = number.abs();
    if number == 0.0 || !number.is_finite() {
        return format!("{number}").replace("-0", "0").replace("inf", "∞");
    }
    if !(1e-4..1e15).contains(&size) {
        return trimmed(&format!("{number:.5e}"));
    }
    let before = (0..16).take_while(|power| size >= 10_f64.powi(*power));
    let decimals = 6_usize.saturating_sub(before.count());
    let decimals = if size < 0.1 { 9 } else { decimals };
    let written = format!("{number:.decimals$}");
    grouped(&trimmed(&written))
}

/// Without zeros at the end of what is behind the point.
fn trimmed(written: &str) -> String {
    let (number, exponent) = match written.find('e') {
        Some(at) => written.split_at(at),
        None => (written, ""),
    };
    let number = match number.contains('.') {
        true => number.trim_end_matches('0').trim_end_matches('.'),
        false => number,
    };
    format!("{number}{exponent}")
}

/// With a comma before each three digits.
pub fn grouped(written: &str) -> String {
    let (whole, behind) = match written.find('.') {
        Some(at) => written.split_at(at),
        None => (written, ""),
    };
    let (sign, digits) = match whole.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", whole),
    };
    let mut commas = String::from(sign);
    for (number, digit) in digits.chars().enumerate() {
        if number > 0 && (digits.len() - number).is_multiple_of(3) {
            commas.push(',');
        }
        commas.push(digit);
    }
    commas + behind
}

/// How many there are of something.
pub fn counted(count: u64, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {what}{plural}", grouped(&count.to_string()))
}
