//! From a definition to pictures of it: its points as series, and the files with what is drawn.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type};
use jiff::tz::TimeZone;

use super::asked::Asked;
use crate::definition::points::metrics;
use crate::definition::{Analysis, Window, Windows};
use crate::output::Part;
use crate::plot::collector::Collector;
use crate::plot::file_name::{FileNames, directory};
use crate::plot::png::Renderer;
use crate::plot::report::Report;
use crate::plot::series::{Point, Series, range};
use crate::plot::svg::Picture;

/// How a picture is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Png,
    Svg,
}

/// The series of a definition: one for each metric and group.
///
/// # Errors
///
/// If the engine can't answer, or there are too many groups.
pub(super) async fn series(asked: &Asked) -> anyhow::Result<Vec<Series>> {
    let of = &asked.analysis;
    let by = of.by.iter().map(|field| field.name.clone());
    let by = by.collect::<Vec<_>>();
    let mut collectors = titles(of)
        .iter()
        .map(|title| Collector::new(title, &by))
        .collect::<Vec<_>>();
    let is_judged = of.detection.is_some();
    asked
        .each_point(|batch| collect(batch, by.len(), is_judged, &mut collectors))
        .await?;
    let gap_ms = of.windows.as_ref().and_then(gap_ms);
    let series = collectors
        .into_iter()
        .flat_map(|collector| collector.finish(gap_ms));
    Ok(series.collect())
}

/// What metrics are called in pictures, where nobody sees of which value they are.
fn titles(of: &Analysis) -> Vec<String> {
    let metrics = metrics(of);
    match (&of.windows, &of.values[..]) {
        (Some(_), [value]) => {
            let titles = metrics
                .iter()
                .map(|metric| format!("{metric}_{}", value.name));
            titles.collect()
        }
        _ => metrics,
    }
}

/// Windows that are missing between others are a gap.
fn gap_ms(windows: &Windows) -> Option<i64> {
    let (_, every) = Window::size_and_every(&windows.window)?;
    Some(every.saturating_add(every / 2))
}

/// Adds rows of `t`, `m`, the groups, `v`, and where they are judged, `expected`, `lower`, `upper`, `score`.
fn collect(
    batch: &RecordBatch,
    groups: usize,
    is_judged: bool,
    collectors: &mut [Collector],
) -> anyhow::Result<()> {
    let column = |at: usize, kind: &DataType| cast(batch.column(at), kind);
    let times = column(0, &DataType::Int64)?;
    let times = times.as_primitive::<Int64Type>();
    let numbers = column(1, &DataType::Int64)?;
    let numbers = numbers.as_primitive::<Int64Type>();
    let by = (0..groups).map(|group| column(2 + group, &DataType::Utf8));
    let by = by.collect::<Result<Vec<_>, _>>()?;
    let by = by
        .iter()
        .map(|texts| texts.as_string::<i32>())
        .collect::<Vec<_>>();
    let measured = if is_judged { 5 } else { 1 };
    let measured = (0..measured).map(|number| column(2 + groups + number, &DataType::Float64));
    let measured = measured.collect::<Result<Vec<_>, _>>()?;
    let mut group = Vec::with_capacity(groups);
    for row in 0..batch.num_rows() {
        let number = |at: usize| {
            let column = measured.get(at)?.as_primitive::<Float64Type>();
            column.is_valid(row).then(|| column.value(row))
        };
        let point = Point {
            time_ms: times.value(row),
            value: number(0),
            expected: number(1),
            lower: number(2),
            upper: number(3),
            score: number(4),
        };
        group.clear();
        group.extend(
            by.iter()
                .map(|texts| texts.is_valid(row).then(|| texts.value(row))),
        );
        let collector = usize::try_from(numbers.value(row)).ok();
        let collector = collector.and_then(|number| collectors.get_mut(number));
        let collector = collector
            .ok_or_else(|| anyhow!("the engine answers with a metric that nobody asked for"))?;
        collector.add(&group, point)?;
    }
    Ok(())
}

/// Writes a picture of each series below a directory, and of all groups of a metric together; says where.
///
/// # Errors
///
/// If one can't be drawn or written.
pub(super) fn write_pictures(
    below: &Path,
    series: &[Series],
    zone: &TimeZone,
    kind: Kind,
) -> anyhow::Result<()> {
    let Some(range_ms) = range(series) else {
        return Ok(());
    };
    let below = below.join(directory(range_ms.0, range_ms.1, zone));
    let (mut names, mut renderer) = (FileNames::default(), Renderer::default());
    let mut write = |name: &str, series: &[Series]| {
        let picture = Picture {
            series,
            range_ms,
            zone,
        };
        let svg = picture.svg()?;
        let (extension, bytes) = match kind {
            Kind::Svg => ("svg", svg.into_bytes()),
            Kind::Png => ("png", renderer.png(&svg)?),
        };
        write_file(&below.join(format!("{name}.{extension}")), &bytes)
    };
    for of_metric in series.chunk_by(|one, other| one.metric == other.metric) {
        if let [first, _, ..] = of_metric {
            write(&names.of_all(&first.metric), of_metric)?;
        }
        for one in of_metric {
            write(&names.of(one), std::slice::from_ref(one))?;
        }
    }
    Ok(())
}

/// Writes a page with all series; says where.
///
/// # Errors
///
/// If it can't be written.
pub(super) fn write_report(
    path: &Path,
    title: &str,
    series: &[Series],
    zone: &TimeZone,
) -> anyhow::Result<()> {
    let report = Report {
        title,
        series,
        zone,
    };
    write_file(path, report.html()?.as_bytes())
}

/// Where the page of a directory of pictures is.
pub(super) fn report_below(below: &Path, series: &[Series], zone: &TimeZone) -> PathBuf {
    let (from_ms, to_ms) = range(series).unwrap_or_default();
    below
        .join(directory(from_ms, to_ms, zone))
        .join("report.html")
}

fn write_file(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mut part = Part::create(path)?;
    let written = part.file.write_all(bytes);
    written.with_context(|| format!("writing {}", path.display()))?;
    part.complete()?;
    // Nobody may listen; the file is there.
    let _ = writeln!(std::io::stdout(), "{}", path.display());
    Ok(())
}
