//! Values by time for a plot, with what is expected of them: few enough to be drawn.

use std::cmp::Reverse;
use std::ops::Range;

use archiver::moment::Moment;
use archiver::world::clock::{Clock, RealClock};
use archiver_format::read::Selection;
use serde::Serialize;
use serde_json::Value;

use super::windows::open;
use crate::ask::series::{Drawn, series};
use crate::plot::chart::columns;
use crate::plot::series::{Count, Point, Series};
use crate::serve::opening::Opening;
use crate::serve::parameters::Parameters;
use crate::serve::problem::Problem;
use crate::serve::question::Question;

/// Of each of so many columns of time the first, the last, the least and the greatest value: some 2,000 points.
pub const COLUMNS: usize = 500;
/// So many series are drawn, if nothing else is said.
const SERIES: usize = 24;
/// And so many at most.
const SERIES_MOST: usize = 200;

/// What is shown of the points.
#[derive(Debug, Clone)]
pub struct Wanted {
    times_ms: Range<i64>,
    series: usize,
}

impl Wanted {
    /// What the parameters `from`, `to` and `series` say.
    ///
    /// # Errors
    ///
    /// If one of them makes no sense.
    pub fn read(parameters: &Parameters) -> Result<Self, Problem> {
        let now_ms = RealClock.now_ms();
        let ms = |name, otherwise| -> Result<i64, Problem> {
            let moment = parameters.read::<Moment>(name)?;
            Ok(moment.map_or(otherwise, |moment| moment.ms(now_ms)))
        };
        Ok(Self {
            times_ms: ms("from", i64::MIN)?..ms("to", i64::MAX)?,
            series: series_most(parameters)?,
        })
    }
}

/// So many series are asked for.
///
/// # Errors
///
/// If `series` is no such number.
pub fn series_most(parameters: &Parameters) -> Result<usize, Problem> {
    let series = parameters.read("series")?.unwrap_or(SERIES);
    if !(1..=SERIES_MOST).contains(&series) {
        let why = format!("series: not a number from 1 to {SERIES_MOST}");
        return Err(Problem::wrong(why));
    }
    Ok(series)
}

/// The series of a question.
#[derive(Debug, Serialize)]
pub struct Points {
    source: String,
    since_ms: Option<i64>,
    until_ms: Option<i64>,
    /// Those with the most anomalies first.
    series: Vec<Shown>,
    /// So many series are left out.
    more: usize,
    notes: Vec<String>,
}

/// A series: how it is drawn, what it is of, and how many points that are.
#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    columns: Value,
    group: Vec<Field>,
    counts: Counts,
    least: Option<f64>,
    greatest: Option<f64>,
    /// Those with the highest scores, by their time.
    worst: Vec<Judged>,
}

/// A field by which records are told apart, and its value.
#[derive(Debug, Serialize)]
struct Field {
    field: String,
    value: Option<String>,
}

/// How many points there were.
#[derive(Debug, Serialize)]
struct Counts {
    values: u64,
    missing: u64,
    anomalies: u64,
}

/// An anomalous point.
#[derive(Debug, Serialize)]
struct Judged {
    time: i64,
    value: Option<f64>,
    expected: Option<f64>,
    lower: Option<f64>,
    upper: Option<f64>,
    score: Option<f64>,
}

/// The points of a question, all of which are judged, and of which those are shown that are wanted.
///
/// # Errors
///
/// If the engine can't answer, or there are too many groups.
pub async fn answer(
    opening: &Opening,
    question: Question,
    wanted: Wanted,
) -> Result<Points, Problem> {
    let asked = open(opening, &question).await?;
    let drawn = Drawn {
        times_ms: wanted.times_ms,
        columns: COLUMNS,
    };
    let series = series(&asked, &drawn).await?;
    let notes = asked.engine.notes();
    let source = (question.source, &question.selection);
    Ok(Points::of(source, series, wanted.series, notes))
}

impl Points {
    /// So many of these series of a source, with what must be said beside them.
    pub fn of(
        (source, selection): (String, &Selection),
        mut series: Vec<Series>,
        most: usize,
        notes: Vec<String>,
    ) -> Self {
        // In the order of metrics and groups where they have as many.
        series.sort_by_key(|series| Reverse(series.count.anomalies));
        let more = series.len().saturating_sub(most);
        series.truncate(most);
        Self {
            source,
            since_ms: selection.since_ms,
            until_ms: selection.until_ms,
            series: series.iter().map(Shown::from).collect(),
            more,
            notes,
        }
    }
}

impl From<&Series> for Shown {
    fn from(series: &Series) -> Self {
        let (least, greatest) = series.extremes().unzip();
        let fields = series.group.0.iter().map(|(field, value)| Field {
            field: field.clone(),
            value: value.clone(),
        });
        let Count {
            values,
            missing,
            anomalies,
        } = series.count;
        Self {
            columns: columns(series),
            group: fields.collect(),
            counts: Counts {
                values,
                missing,
                anomalies,
            },
            least,
            greatest,
            worst: series.anomalies.iter().map(Judged::from).collect(),
        }
    }
}

impl From<&Point> for Judged {
    fn from(point: &Point) -> Self {
        Self {
            time: point.time_ms,
            value: point.value,
            expected: point.expected,
            lower: point.lower,
            upper: point.upper,
            score: point.score,
        }
    }
}
