//! What is expected of values, as the text of a query over their points.
//!
//! Points are rows of a time in milliseconds (`t`), what tells series apart (`m`, which metric, and `by_0`, `by_1`, …) and a
//! value (`v`). Each comes back with what was expected and how far from it is still usual.

use super::detection::{Detection, Method};
use super::dialect::Dialect;
use super::sql::by;

/// A band is at least so many times the value that is expected: rounding isn't anomalous.
const ROUNDING: &str = "1e-12";
/// The score of a value that is off where none was ever off.
const SCORE_MOST: &str = "1e9";
/// So many values are needed before something is expected of the next one.
const ROLLING_LEAST: u32 = 10;
/// A slot needs values of so many periods.
const SEASONAL_LEAST: u32 = 3;
/// From the median of deviations to the standard deviation, and from their mean, if values are normally distributed
/// (Iglewicz and Hoaglin, "How to Detect and Handle Outliers", 1993).
const OF_MEDIAN: &str = "1.482602218505602";
const OF_MEAN: &str = "1.2533141373155001";
/// The greatest number of 64 bits. What is further from zero, or no number at all, is no value.
pub(super) const FINITE: &str = "1.7976931348623157e308";
/// A period has so many slots in which values are alike.
const SLOTS: i64 = 96;

/// The points of this relation, each with `expected`, `lower`, `upper` and `score`, which are null where nothing is expected.
/// `step` is how far windows are apart in milliseconds, if points are windows.
pub fn scored(
    points: &str,
    groups: usize,
    detection: Detection,
    step: Option<i64>,
    dialect: Dialect,
) -> String {
    let series = Series::new(points, groups, dialect);
    let sigmas = detection.sigmas;
    let steps = match detection.method {
        Method::ThreeSigma => series.three_sigma(),
        Method::RollingSigma => series.rolling_sigma(detection.history.ms()),
        Method::Mad => series.mad(),
        Method::Seasonal => series.seasonal(detection.period.ms(), step, sigmas),
    };
    let keys = &series.keys;
    // Nothing is expected where sums were too large for a number.
    let is_known = format!("abs(expected) <= {FINITE} AND abs(deviation) <= {FINITE}");
    format!(
        "WITH {steps},\n\
         known AS (SELECT t, {keys}, v, CASE WHEN {is_known} THEN expected END AS expected, deviation FROM judged),\n\
         banded AS (SELECT t, {keys}, v, expected, CASE WHEN {sigmas} * deviation > {ROUNDING} * abs(expected) \
         THEN {sigmas} * deviation ELSE {ROUNDING} * abs(expected) END AS band FROM known)\n\
         SELECT t, {keys}, v, expected, expected - band AS lower, expected + band AS upper, \
         CASE WHEN v = expected THEN 0.0 WHEN abs(v - expected) >= {SCORE_MOST} * band THEN {SCORE_MOST} \
         ELSE abs(v - expected) / band END AS score FROM banded"
    )
}

/// Points, and what tells their series apart.
struct Series<'a> {
    points: &'a str,
    /// The columns, with commas between them.
    keys: String,
    names: Vec<String>,
    dialect: Dialect,
}

impl<'a> Series<'a> {
    fn new(points: &'a str, groups: usize, dialect: Dialect) -> Self {
        let groups = (0..groups).map(by);
        let names = std::iter::once("m".to_owned())
            .chain(groups)
            .collect::<Vec<_>>();
        let keys = names.join(", ");
        Self {
            points,
            keys,
            names,
            dialect,
        }
    }

    /// That rows of these two relations are of one series, also where a group is null.
    fn same(&self, one: &str, other: &str) -> String {
        let same = self
            .names
            .iter()
            .map(|name| format!("({one}.{name} IS NOT DISTINCT FROM {other}.{name})"));
        same.collect::<Vec<_>>().join(" AND ")
    }

    fn of(&self, relation: &str) -> String {
        let of = self.names.iter().map(|name| format!("{relation}.{name}"));
        of.collect::<Vec<_>>().join(", ")
    }

    fn median(&self, of: &str) -> String {
        self.dialect.percentile(of, 50)
    }

    fn three_sigma(&self) -> String {
        let (points, keys) = (self.points, &self.keys);
        format!(
            "usual AS (SELECT {keys}, avg(v) AS expected, stddev_samp(v) AS deviation FROM {points} GROUP BY {keys}),\n\
             judged AS (SELECT p.t, {of}, p.v, u.expected, u.deviation FROM {points} p JOIN usual u ON {same})",
            of = self.of("p"),
            same = self.same("p", "u"),
        )
    }

    fn rolling_sigma(&self, history: i64) -> String {
        let (points, keys) = (self.points, &self.keys);
        let [mean, stddev] = self.dialect.rolling("v");
        let before = format!(
            "OVER (PARTITION BY {keys} ORDER BY t RANGE BETWEEN {history} PRECEDING AND 1 PRECEDING)"
        );
        format!(
            "before AS (SELECT t, {keys}, v, count(v) {before} AS n, {mean} {before} AS expected, \
             {stddev} {before} AS deviation FROM {points}),\n\
             judged AS (SELECT t, {keys}, v, CASE WHEN n >= {ROLLING_LEAST} THEN expected END AS expected, \
             CASE WHEN n >= {ROLLING_LEAST} THEN deviation END AS deviation FROM before)"
        )
    }

    fn mad(&self) -> String {
        let (points, keys) = (self.points, &self.keys);
        format!(
            "middle AS (SELECT {keys}, {median} AS expected FROM {points} GROUP BY {keys}),\n\
             off AS (SELECT p.t, {of}, p.v, m.expected, p.v - m.expected AS off FROM {points} p JOIN middle m ON {same}),\n\
             {deviations},\n\
             judged AS (SELECT o.t, {of_off}, o.v, o.expected, d.deviation FROM off o JOIN deviations d ON {same_off})",
            median = self.median("v"),
            of = self.of("p"),
            same = self.same("p", "m"),
            deviations = self.deviations("off"),
            of_off = self.of("o"),
            same_off = self.same("o", "d"),
        )
    }

    /// The usual deviation in each series: by the median of what values are off, or by its mean where more than half of them
    /// aren't off at all.
    fn deviations(&self, relation: &str) -> String {
        format!(
            "deviations AS (SELECT {keys}, CASE WHEN {median} > 0 THEN {OF_MEDIAN} * {median} \
             ELSE {OF_MEAN} * avg(abs(off)) END AS deviation FROM {relation} GROUP BY {keys})",
            keys = self.keys,
            median = self.median("abs(off)"),
        )
    }

    /// As STL has it (Cleveland et al., "STL: A Seasonal-Trend Decomposition", 1990), by medians: the season is the median, in
    /// a slot of the period, of what the mean over a period around leaves; the trend, a line through a period around of what
    /// the season leaves, without what is far off. What both leave is judged.
    fn seasonal(&self, period: i64, step: Option<i64>, sigmas: f64) -> String {
        let [mean, _] = self.dialect.rolling("rest");
        let reach = format!("{sigmas} * {OF_MEDIAN} * s.spread");
        let around = self.around(period);
        format!(
            "{seasons},\n\
             rests AS (SELECT p.t, {of}, p.v, s.season, p.v - s.season AS rest FROM slotted p LEFT JOIN seasons s ON p.slot = s.slot AND {same}),\n\
             levelled AS (SELECT t, {keys}, v, season, rest, {mean} {around} AS level FROM rests),\n\
             spreads AS (SELECT {keys}, {spread} AS spread, {middle} AS middle, min(t) AS first_t FROM levelled GROUP BY {keys}),\n\
             clipped AS (SELECT l.t, {of_left}, l.v, l.season, s.middle, CASE WHEN l.rest > l.level + {reach} THEN l.level + {reach} \
             WHEN l.rest < l.level - {reach} THEN l.level - {reach} ELSE l.rest END - s.middle AS near, \
             CASE WHEN l.rest IS NOT NULL THEN (l.t - s.first_t) / {period}.0 END AS x FROM levelled l JOIN spreads s ON {same_left}),\n\
             {trended},\n\
             remainders AS (SELECT t, {keys}, v, expected, v - expected AS off FROM trended),\n\
             {deviations},\n\
             judged AS (SELECT o.t, {of_off}, o.v, o.expected, d.deviation FROM remainders o JOIN deviations d ON {same_off})",
            seasons = self.seasons(period, step),
            trended = self.trended(period),
            keys = self.keys,
            of = self.of("p"),
            same = self.same("p", "s"),
            spread = self.median("abs(rest - level)"),
            middle = self.median("rest"),
            of_left = self.of("l"),
            same_left = self.same("l", "s"),
            deviations = self.deviations("remainders"),
            of_off = self.of("o"),
            same_off = self.same("o", "d"),
        )
    }

    /// The window of rows from half a period before to half a period behind.
    fn around(&self, period: i64) -> String {
        let (keys, half) = (&self.keys, period / 2);
        format!(
            "OVER (PARTITION BY {keys} ORDER BY t RANGE BETWEEN {half} PRECEDING AND {half} FOLLOWING)"
        )
    }

    /// What is usual in each slot of the period: without the first and the last half of one, where there is no mean over a
    /// whole one.
    fn seasons(&self, period: i64, step: Option<i64>) -> String {
        let (points, keys, half) = (self.points, &self.keys, period / 2);
        let slot = (period / SLOTS).max(step.unwrap_or(1)).max(1);
        let within = format!("((t % {period}) + {period}) % {period}");
        let slot = self.dialect.quotient(&within, slot);
        let number = self.dialect.quotient("t", period);
        let [mean, _] = self.dialect.rolling("v");
        let around = self.around(period);
        format!(
            "slotted AS (SELECT t, {keys}, v, {slot} AS slot, v - {mean} {around} AS off, \
             t - min(t) OVER (PARTITION BY {keys}) AS since_first, max(t) OVER (PARTITION BY {keys}) - t AS until_last FROM {points}),\n\
             seasons AS (SELECT {keys}, slot, {median} AS season FROM slotted WHERE since_first >= {half} AND until_last >= {half} \
             GROUP BY {keys}, slot HAVING count(DISTINCT {number}) >= {SEASONAL_LEAST})",
            median = self.median("off"),
        )
    }

    /// The season, and the line through what is near by least squares, at the time of each value.
    fn trended(&self, period: i64) -> String {
        let (keys, around) = (&self.keys, self.around(period));
        let mean = |of: &str| {
            let [mean, _] = self.dialect.rolling(of);
            format!("{mean} {around}")
        };
        let (x, y, xy, xx) = (mean("x"), mean("near"), mean("x * near"), mean("x * x"));
        format!(
            "fitted AS (SELECT t, {keys}, v, season, middle, x, {x} AS mean_x, {y} AS mean_y, {xy} AS mean_xy, {xx} AS mean_xx FROM clipped),\n\
             trended AS (SELECT t, {keys}, v, season + middle + mean_y + CASE WHEN mean_xx - mean_x * mean_x > 1e-9 \
             THEN (mean_xy - mean_x * mean_y) / (mean_xx - mean_x * mean_x) * (x - mean_x) ELSE 0.0 END AS expected FROM fitted)"
        )
    }
}
