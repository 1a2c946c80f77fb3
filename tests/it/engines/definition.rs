//! Definitions at random: flags of `archiver-analyze windows`.

use super::odd::ODD_NAME;
use super::question::Question;
use crate::random::Random;

const AGGREGATES: [&str; 11] = [
    "count", "sum", "mean", "min", "max", "stddev", "p0", "p50", "p95", "p99", "p100",
];

const FILTERS: [&str; 6] = [
    "data IS NOT NULL",
    "n % 7 < 0",
    "\"m.zone\" = 'x' OR host IS NULL",
    "host <> 'it''s \"x\"\\`' AND host <> ''",
    "data > -100.5 AND n <= 50",
    "flag AND NOT (n BETWEEN -3 AND 3)",
];

/// The definition of this number.
pub fn definition(number: u64) -> Question {
    let mut random = Random::new(number);
    let archive = ["raw", "json"][random.below(2) as usize];
    let mut flags = Vec::new();
    let mut flag = |name: &str, value: String| flags.extend([name.to_owned(), value]);
    match random.below(if archive == "raw" { 3 } else { 4 }) {
        0 => flag("--time", "ts".into()),
        1 => flag("--time", "seconds".into()),
        2 => flag("--time", "at".into()),
        // By the record's own timestamp, which no raw line has.
        _ => {}
    }
    match random.below(3) {
        0 => flag(
            "--tumbling",
            one(&mut random, &["1m", "7m", "1h", "90s", "1d"]),
        ),
        1 => {
            flag("--sliding", one(&mut random, &["10m", "1h", "95s"]));
            flag("--every", one(&mut random, &["1m", "7m", "30s"]));
        }
        _ => flag("--session", one(&mut random, &["1s", "30s", "1m", "5m"])),
    }
    if random.below(3) == 0 && !flags.contains(&"--session".to_owned()) {
        flags.extend(["--offset".to_owned(), one(&mut random, &["13s", "5h30m"])]);
    }
    let by = some(&mut random, &["host", "m.zone", ODD_NAME, "flag"], 0, 3);
    let values = some(&mut random, &["data", "n"], 1, 2);
    let aggregates = some(&mut random, &AGGREGATES, 1, 6);
    for (name, list) in [
        ("--by", &by),
        ("--value", &values),
        ("--aggregates", &aggregates),
    ] {
        if !list.is_empty() {
            flags.extend([name.to_owned(), list.join(",")]);
        }
    }
    if random.below(2) == 0 {
        flags.extend(["--filter".to_owned(), one(&mut random, &FILTERS)]);
    }
    Question {
        archive,
        flags,
        keys: [vec!["window_start".into(), "window_end".into()], by].concat(),
    }
}

fn one(random: &mut Random, of: &[&str]) -> String {
    of[random.below(of.len() as u64) as usize].to_owned()
}

/// From `least` to `most` of these, each once, in any order.
fn some(random: &mut Random, of: &[&str], least: u64, most: u64) -> Vec<String> {
    let mut left = of.to_vec();
    let wanted = random.between(least, most + 1);
    let taken = (0..wanted).map(|_| left.swap_remove(random.below(left.len() as u64) as usize));
    taken.map(str::to_owned).collect()
}
