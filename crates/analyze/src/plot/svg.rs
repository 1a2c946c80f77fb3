//! A picture as SVG: lines, the range that was expected, anomalies in red, between two axes.

mod canvas;
mod color;
mod layout;
mod legend;

use anyhow::anyhow;
use jiff::tz::TimeZone;
use plotters::style::RGBColor;

use self::canvas::{Beside, Canvas, WIDTH, sized};
use self::color::{AXIS, BAND, EXPECTED, FAINT, GRID, INK, LINES, LINES_MOST, NEW_DATE, RED};
use self::layout::{BESIDE, Layout};
use self::legend::Legend;
use super::number::{counted, grouped};
use super::series::{Point, Series, extremes};
use super::time::{ticks, written, zone_name};

/// Up to so many points in a line are shown each.
const DOTS_MOST: usize = 80;

/// What is in a picture.
#[derive(Debug, Clone, Copy)]
pub struct Picture<'a> {
    /// One series with what was expected, or the first of several groups.
    pub series: &'a [Series],
    /// From when to when, in milliseconds since 1970; what is elsewhere isn't drawn.
    pub range_ms: (i64, i64),
    /// Whose clock the times are of.
    pub zone: &'a TimeZone,
}

impl Picture<'_> {
    /// Draws it.
    ///
    /// # Errors
    ///
    /// If there is no series, or the drawing fails.
    pub fn svg(&self) -> anyhow::Result<String> {
        let first = self.series.first();
        let first = first.ok_or_else(|| anyhow!("there is nothing to draw"))?;
        let drawn = &self.series[..self.series.len().min(LINES_MOST)];
        let title = match self.series {
            [one] => one.label(),
            _ => first.metric.clone(),
        };
        let legend = Legend::new(self.series);
        let layout = Layout::new(self.range_ms, numbers(drawn), legend.rows());
        let mut svg = String::new();
        let mut canvas = Canvas::new(&mut svg)?;
        let said = self.said();
        canvas.text(&title, 17.0, INK, (BESIDE, 12.0), Beside::RightBelow)?;
        canvas.text(&said, 12.0, FAINT, (BESIDE, 36.0), Beside::RightBelow)?;
        legend.draw(&mut canvas)?;
        self.axes(&mut canvas, &layout)?;
        for (series, color) in drawn.iter().zip(LINES) {
            if self.series.len() == 1 {
                expected(&mut canvas, &layout, series)?;
            }
            line(&mut canvas, &layout, &series.points, color)?;
        }
        for series in drawn {
            anomalies(&mut canvas, &layout, series)?;
        }
        if drawn.iter().all(|series| series.extremes().is_none()) {
            let middle = (WIDTH / 2.0, f64::midpoint(layout.top, layout.bottom));
            canvas.text("no values", 15.0, FAINT, middle, Beside::Below)?;
        }
        canvas.finish()?;
        Ok(sized(&svg, &format!("{title}: {said}")))
    }

    /// From when to when, and how much there is.
    fn said(&self) -> String {
        let (from_ms, to_ms) = self.range_ms;
        let (from, mut to) = (written(from_ms, self.zone), written(to_ms, self.zone));
        // The date once, where it stays the same.
        if let (Some((day, _)), Some((same, time))) = (from.split_once(' '), to.split_once(' '))
            && day == same
        {
            to = time.to_owned();
        }
        let count = |of: fn(&Series) -> u64| self.series.iter().map(of).sum::<u64>();
        let values = count(|series| series.count.values);
        let anomalies = count(|series| series.count.anomalies);
        let missing = count(|series| series.count.missing);
        let mut said = format!("{from} to {to}, {}", zone_name(self.zone));
        said += &format!(" \u{b7} {}", counted(values, "value"));
        if missing > 0 {
            said += &format!(", {} missing", grouped(&missing.to_string()));
        }
        let is_judged = |series: &Series| series.points.iter().any(|point| point.score.is_some());
        if anomalies == 1 {
            said += ", 1 anomaly";
        } else if anomalies > 1 || self.series.iter().any(is_judged) {
            said += &format!(", {} anomalies", grouped(&anomalies.to_string()));
        }
        said
    }

    fn axes(&self, canvas: &mut Canvas<'_>, layout: &Layout) -> anyhow::Result<()> {
        let (left, right, bottom) = (layout.left, layout.right, layout.bottom);
        for (number, label) in &layout.numbers.ticks {
            let y = layout.y(*number);
            canvas.line(&[(left, y), (right, y)], 1.0, GRID)?;
            canvas.text(label, 12.0, FAINT, (left - 8.0, y), Beside::Left)?;
        }
        let (from_ms, to_ms) = layout.range_ms;
        let ticks = ticks(from_ms, to_ms, self.zone, layout::TIMES_MOST);
        for (number, tick) in ticks.iter().enumerate() {
            let x = layout.x(tick.time_ms);
            // The first one has a date, whether it is a new one or not.
            let is_new_date = tick.date.is_some() && number > 0;
            let color = if is_new_date { NEW_DATE } else { GRID };
            canvas.line(&[(x, layout.top), (x, bottom)], 1.0, color)?;
            canvas.line(&[(x, bottom), (x, bottom + 5.0)], 1.0, AXIS)?;
            canvas.text(&tick.label, 12.0, FAINT, (x, bottom + 9.0), Beside::Below)?;
            if let Some(date) = &tick.date {
                canvas.text(date, 12.0, INK, (x, bottom + 25.0), Beside::Below)?;
            }
        }
        canvas.line(&[(left, bottom), (right, bottom)], 1.0, AXIS)
    }
}

/// The range that was expected, and its middle.
fn expected(canvas: &mut Canvas<'_>, layout: &Layout, series: &Series) -> anyhow::Result<()> {
    let bounds = |point: &Point| {
        let (lower, upper) = point.lower.zip(point.upper)?;
        let x = layout.x(point.time_ms);
        Some(((x, layout.y(lower)), (x, layout.y(upper))))
    };
    for run in runs(&series.points, bounds) {
        let (lower, mut upper): (Vec<_>, Vec<_>) = run.into_iter().unzip();
        upper.reverse();
        let edge = [lower, upper].concat();
        canvas.area(&edge, BAND)?;
    }
    let middle = |point: &Point| {
        let expected = point.expected?;
        Some((layout.x(point.time_ms), layout.y(expected)))
    };
    for run in runs(&series.points, middle) {
        canvas.line(&run, 1.0, EXPECTED)?;
    }
    Ok(())
}

fn line(
    canvas: &mut Canvas<'_>,
    layout: &Layout,
    points: &[Point],
    color: RGBColor,
) -> anyhow::Result<()> {
    let place = |point: &Point| Some((layout.x(point.time_ms), layout.y(point.value?)));
    let has_few = points.len() <= DOTS_MOST;
    let width = if has_few { 1.75 } else { 1.25 };
    for run in runs(points, place) {
        canvas.line(&run, width, color)?;
        // A point between gaps has no line.
        let dots = if has_few || run.len() == 1 {
            &run[..]
        } else {
            &[]
        };
        for dot in dots {
            canvas.dot(*dot, if has_few { 2.5 } else { 1.25 }, color.into())?;
        }
    }
    Ok(())
}

fn anomalies(canvas: &mut Canvas<'_>, layout: &Layout, series: &Series) -> anyhow::Result<()> {
    for point in series.points.iter().filter(|point| point.is_anomaly()) {
        if let Some(value) = point.value {
            let dot = (layout.x(point.time_ms), layout.y(value));
            canvas.dot(dot, 4.0, RED.into())?;
        }
    }
    Ok(())
}

/// What points give, as one list for each run of them without a gap.
fn runs<T>(points: &[Point], of: impl Fn(&Point) -> Option<T>) -> Vec<Vec<T>> {
    let mut runs = vec![Vec::new()];
    for point in points {
        match (of(point), runs.last_mut()) {
            (Some(found), Some(run)) => run.push(found),
            (None, Some(run)) if !run.is_empty() => runs.push(Vec::new()),
            _ => {}
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

/// The least and the greatest number that a picture of these series has.
fn numbers(series: &[Series]) -> (f64, f64) {
    let is_alone = series.len() == 1;
    let numbers = series.iter().flat_map(|series| &series.points);
    let numbers = numbers.flat_map(|point| {
        let beside = [point.expected, point.lower, point.upper];
        let beside = beside.into_iter().filter(move |_| is_alone);
        [point.value].into_iter().chain(beside).flatten()
    });
    extremes(numbers).unwrap_or((0.0, 1.0))
}
