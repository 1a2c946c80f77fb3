//! The points of an analysis, as the text of queries: values by time, of each metric and group, and what is expected of them.

use super::methods::{FINITE, scored};
use super::sql::{behind, groups, measure_column, measures, placed, windowed};
use super::{Analysis, Detection, Dialect};

/// The metrics, by their names: what is measured in windows, or the values.
pub fn metrics(of: &Analysis) -> Vec<String> {
    match &of.windows {
        Some(windows) => measures(of, windows),
        None => of.values.iter().map(|field| field.name.clone()).collect(),
    }
}

/// Rows of `t`, `m`, `by_0`, … and `v`: a time in milliseconds (of a window, its start), the number of the metric, the
/// groups, and the value. A record without a value has none; a window without one has a null.
pub fn points(of: &Analysis, dialect: Dialect) -> String {
    let (steps, from, time, column): (_, _, _, fn(usize) -> String) = match &of.windows {
        Some(windows) => {
            let (steps, windowed) = windowed(of, windows, dialect);
            (steps, windowed, "window_start", measure_column)
        }
        None => {
            let placed = format!("placed AS ({})", placed(of, dialect));
            (placed, "placed", "event_ms", |number| {
                format!("value_{number}")
            })
        }
    };
    format!("WITH {steps}\n{}", of_relation(of, (from, time), column))
}

/// The points of a relation with windows and what is measured in them.
pub(super) fn of_windows(of: &Analysis, windowed: &str) -> String {
    of_relation(of, (windowed, "window_start"), measure_column)
}

/// The points of this relation, whose time is this column, and whose values are those of these columns.
fn of_relation(of: &Analysis, (from, time): (&str, &str), column: fn(usize) -> String) -> String {
    let groups = behind(&groups(of));
    let count = metrics(of).len();
    let numbers = (0..count).map(|number| format!("({number})"));
    let numbers = numbers.collect::<Vec<_>>().join(", ");
    let double = |number| format!("TRY_CAST({} AS DOUBLE)", column(number));
    let (metric, value, from) = match count {
        1 => ("0", double(0), from.to_owned()),
        _ => {
            let cases = (0..count).map(|number| format!("WHEN {number} THEN {} ", double(number)));
            let case = format!("CASE metric {}END", cases.collect::<String>());
            let from = format!("{from} CROSS JOIN (VALUES {numbers}) AS metrics(metric)");
            ("metric", case, from)
        }
    };
    let only = match of.windows {
        Some(_) => "",
        None => " WHERE v IS NOT NULL",
    };
    format!(
        "SELECT t, m{groups}, v FROM (SELECT t, m{groups}, CASE WHEN abs(w) <= {FINITE} THEN w END AS v FROM \
         (SELECT {time} AS t, {metric} AS m{groups}, {value} AS w FROM {from}) AS wide) AS finite{only}"
    )
}

/// The points of this relation as they are answered: `metric` where there are several, `time`, the groups, `value`, and if
/// anomalies are looked for, `expected`, `lower`, `upper`, `score` and `method`. In the order of metrics, times and groups.
pub fn judged(of: &Analysis, points: &str, dialect: Dialect) -> String {
    answered(of, points, "", dialect)
}

/// The points for a picture, in any order: `t`, `m`, `by_0`, … and `v` as above, and if anomalies are looked for, `expected`,
/// `lower`, `upper` and `score`.
pub fn drawn(of: &Analysis, points: &str, dialect: Dialect) -> String {
    let groups = behind(&groups(of));
    match of.detection {
        Some(detection) => {
            let scored = scored_of(of, points, detection, dialect);
            format!(
                "SELECT t, m{groups}, v, expected, lower, upper, score FROM ({scored}) AS scored"
            )
        }
        None => format!("SELECT t, m{groups}, v FROM {points}"),
    }
}

/// The anomalous ones among them.
pub fn anomalies(of: &Analysis, points: &str, dialect: Dialect) -> String {
    answered(of, points, "WHERE score > 1 ", dialect)
}

/// The points as they are answered, those alone of which this holds.
pub(super) fn answered(of: &Analysis, points: &str, only: &str, dialect: Dialect) -> String {
    let metrics = metrics(of);
    let metric = match &metrics[..] {
        [_] => String::new(),
        names => {
            let names = names.iter().enumerate();
            let cases =
                names.map(|(number, name)| format!("WHEN {number} THEN {} ", dialect.text(name)));
            format!("CASE m {}END AS metric, ", cases.collect::<String>())
        }
    };
    let groups = groups(of);
    let named = of.by.iter().zip(&groups);
    let named = named.map(|(field, group)| format!(", {group} AS {}", dialect.quoted(&field.name)));
    let named = named.collect::<String>();
    let order = [vec!["m".to_owned(), "t".to_owned()], groups]
        .concat()
        .join(", ");
    let (judgement, from) = match of.detection {
        Some(detection) => (
            judgement(detection, dialect),
            scored_of(of, points, detection, dialect),
        ),
        None => (String::new(), format!("SELECT * FROM {points}")),
    };
    format!(
        "SELECT {metric}t AS time{named}, v AS value{judgement} FROM ({from}) AS scored {only}ORDER BY {order}"
    )
}

fn judgement(detection: Detection, dialect: Dialect) -> String {
    let method = dialect.text(detection.method.name());
    format!(", expected, lower, upper, score, {method} AS method")
}

fn scored_of(of: &Analysis, points: &str, detection: Detection, dialect: Dialect) -> String {
    let windows = of.windows.as_ref();
    let step = windows.and_then(|windows| windows.window.size_and_every());
    let step = step.map(|(_, every)| every);
    scored(points, of.by.len(), detection, step, dialect)
}
