//! Records that trip an engine up: out of order, many at one time, before 1970, on the days when clocks change, with nulls,
//! without fields, in groups that are called oddly.

use serde_json::{Map, Value, json};

use crate::random::Random;

/// How many there are.
pub const RECORDS: u64 = 1_500;

/// The night in which clocks went forward in Europe, that in which they went back, and the turn of 1970: each begins
/// an hour before, in milliseconds since 1970.
const NIGHTS: [i64; 3] = [1_711_843_200_000, 1_729_987_200_000, -3_600_000];

/// The values of records, and their timestamps.
pub fn records(seed: u64) -> Vec<(i64, String)> {
    let mut random = Random::new(seed);
    (0..RECORDS).map(|_| record(&mut random)).collect()
}

fn record(random: &mut Random) -> (i64, String) {
    let night = NIGHTS[random.below(3) as usize];
    let within = match random.below(3) {
        // Many at the same time, and at the edges of windows.
        0 => random.below(120) as i64 * 60_000,
        1 => random.below(7_200) as i64 * 1_000,
        _ => random.below(7_200_000) as i64,
    };
    let ms = night + within;
    let mut fields = Map::new();
    fields.insert("ts".into(), json!(ms));
    fields.insert("seconds".into(), json!(ms as f64 / 1000.0));
    let finer = ["", "9", "499", "999", "999999"][random.below(5) as usize];
    fields.insert(
        "at".into(),
        json!(finer_than_ms(&rfc3339(ms, random.below(4)), finer)),
    );
    let hosts = ["a", "b", "\u{e4} \u{1f980}", "", "NULL", "it's \"x\"\\`"];
    fields.insert("host".into(), json!(hosts[random.below(6) as usize]));
    let zones = ["x", "y", "\u{4e2d}"];
    fields.insert("m".into(), json!({"zone": zones[random.below(3) as usize]}));
    fields.insert(ODD_NAME.into(), json!(random.below(3)));
    fields.insert("flag".into(), json!(random.below(2) == 0));
    let data = (random.below(2_000_000) as f64 - 1_000_000.0) / 977.0;
    fields.insert("data".into(), json!(data));
    let n = random.below(200) as i64 - 100;
    fields.insert(
        "n".into(),
        json!(if random.below(50) == 0 {
            n * 1_000_000_000_000
        } else {
            n
        }),
    );
    for name in fields.keys().cloned().collect::<Vec<_>>() {
        match random.below(24) {
            0 => drop(fields.remove(&name)),
            1 => drop(fields.insert(name, Value::Null)),
            _ => {}
        }
    }
    if random.below(100) == 0 {
        fields.insert("at".into(), json!("2024-02-30T00:00:00Z"));
    }
    // Kafka refuses timestamps before 1970, and its clients take 0 for now.
    (ms.abs().max(1), Value::Object(fields).to_string())
}

/// A name that no engine's quotes may end at.
pub const ODD_NAME: &str = "k\"e`y'.\u{e9}";

/// A time with more digits behind its thousandths; it is of the same millisecond.
fn finer_than_ms(time: &str, digits: &str) -> String {
    let (clock, rest) = time.split_once('.').expect("thousandths");
    let (thousandths, zone) = rest.split_at(3);
    format!("{clock}.{thousandths}{digits}{zone}")
}

/// A time as text, in one of some zones.
pub fn rfc3339(ms: i64, zone: u64) -> String {
    let (minutes, zone) =
        [(0, "Z"), (120, "+02:00"), (-210, "-03:30"), (0, "+00:00")][zone as usize];
    let ms = ms + minutes * 60_000;
    let (days, of_day) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000));
    let (year, month, day) = date(days);
    let (seconds, thousandths) = (of_day / 1000, of_day % 1000);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!(
        "{year:04}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}.{thousandths:03}{zone}"
    )
}

/// The date of a day, counted from 1970 on.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}
