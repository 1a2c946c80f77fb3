//! What a picture shows: points in the order of their time, of one metric and group.

use std::fmt;

use jiff::Timestamp;

/// A value at a time, and what was expected there.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Point {
    /// Milliseconds since 1970.
    pub time_ms: i64,
    /// The value; without one, the line has a gap here.
    pub value: Option<f64>,
    /// What was expected.
    pub expected: Option<f64>,
    /// Where the range begins that was expected.
    pub lower: Option<f64>,
    /// Where it ends.
    pub upper: Option<f64>,
    /// How far the value is from what was expected; above 1 it is outside of the range.
    pub score: Option<f64>,
}

impl Point {
    /// Whether the value is outside of what was expected.
    pub fn is_anomaly(&self) -> bool {
        self.value.is_some() && self.score.is_some_and(|score| score > 1.0)
    }

    /// The same without numbers that can't be drawn, NaN and infinity.
    pub(super) fn drawable(self) -> Self {
        let finite = |number: Option<f64>| number.filter(|number| number.is_finite());
        Self {
            value: finite(self.value),
            expected: finite(self.expected),
            lower: finite(self.lower),
            upper: finite(self.upper),
            ..self
        }
    }
}

/// By what points are told apart: fields and their values, of which one may be missing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Group(pub Vec<(String, Option<String>)>);

impl Group {
    /// The values alone.
    pub fn values(&self) -> String {
        let values = self.0.iter().map(|(_, value)| shown(value.as_deref()));
        values.collect::<Vec<_>>().join("-")
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (field, value)) in self.0.iter().enumerate() {
            let comma = if number == 0 { "" } else { ", " };
            write!(f, "{comma}{field} = {}", shown(value.as_deref()))?;
        }
        Ok(())
    }
}

fn shown(value: Option<&str>) -> &str {
    value.unwrap_or("null")
}

/// The points of a metric and a group, so few that a picture can show them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Series {
    /// What was measured.
    pub metric: String,
    /// Of which group; empty where all is one.
    pub group: Group,
    /// In the order of their time.
    pub points: Vec<Point>,
    /// The anomalies with the highest scores, in the order of their time.
    pub anomalies: Vec<Point>,
    /// How many there were of each.
    pub count: Count,
}

impl Series {
    /// The metric, and the group if there is one.
    pub fn label(&self) -> String {
        match self.group.0.is_empty() {
            true => self.metric.clone(),
            false => format!("{}, {}", self.metric, self.group),
        }
    }

    /// The least and the greatest value.
    pub fn extremes(&self) -> Option<(f64, f64)> {
        extremes(self.points.iter().filter_map(|point| point.value))
    }
}

/// How many points there were, before they became fewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    /// With a value.
    pub values: u64,
    /// Without a value that can be drawn.
    pub missing: u64,
    /// Outside of what was expected.
    pub anomalies: u64,
}

/// The least and the greatest number.
pub(super) fn extremes(numbers: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    numbers.fold(None, |found, number| match found {
        None => Some((number, number)),
        Some((least, greatest)) => Some((least.min(number), greatest.max(number))),
    })
}

/// From the first point of all series to the last one, in milliseconds since 1970.
pub fn range(series: &[Series]) -> Option<(i64, i64)> {
    let mut times = series.iter().flat_map(|series| {
        let ends = [series.points.first(), series.points.last()];
        ends.into_iter().flatten().map(|point| point.time_ms)
    });
    let first = times.next()?;
    Some(times.fold((first, first), |(from, to), time| {
        (from.min(time), to.max(time))
    }))
}

/// Whether a calendar has this time: years have four digits.
pub(super) fn is_on_calendar(time_ms: i64) -> bool {
    // A day less, so that it has a place in every zone.
    const DAY_MS: i64 = 24 * 3_600_000;
    let (least, most) = (Timestamp::MIN, Timestamp::MAX);
    (least.as_millisecond() + DAY_MS..most.as_millisecond() - DAY_MS).contains(&time_ms)
}
