//! From a definition to the files with pictures of it.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context;
use archiver::cli::usage;
use jiff::tz::TimeZone;

use super::progress::watched;
use crate::ask::asked::Asked;
use crate::ask::series::{self, Drawn};
use crate::output::Part;
use crate::plot::file_name::{FileNames, directory};
use crate::plot::png::Renderer;
use crate::plot::report::Report;
use crate::plot::series::{Series, range};
use crate::plot::svg::Picture;

/// How a picture is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Png,
    Svg,
}

impl Kind {
    /// What the names of such files end with.
    pub(super) fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Svg => "svg",
        }
    }

    fn bytes(self, svg: &str, renderer: &mut Renderer) -> anyhow::Result<Vec<u8>> {
        match self {
            Self::Png => renderer.png(svg),
            Self::Svg => Ok(svg.as_bytes().to_vec()),
        }
    }
}

/// The series of a definition, while a bar says how far it is.
///
/// # Errors
///
/// If the engine can't answer, or there are too many groups.
pub(super) async fn series(asked: &Asked) -> anyhow::Result<Vec<Series>> {
    let drawn = Drawn::default();
    watched(&asked.engine.progress, series::series(asked, &drawn)).await
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
        let path = below.join(format!("{name}.{}", kind.extension()));
        draw(&path, &picture, kind, &mut renderer)
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

/// Writes one picture of all groups; says where.
///
/// # Errors
///
/// If there are several metrics, or it can't be drawn or written.
pub(super) fn write_picture(
    path: &Path,
    series: &[Series],
    zone: &TimeZone,
    kind: Kind,
) -> anyhow::Result<()> {
    let Some(range_ms) = range(series) else {
        return Ok(());
    };
    let metrics = series.chunk_by(|one, other| one.metric == other.metric);
    if metrics.count() > 1 {
        let shown = path.display();
        let why =
            format!("-o {shown} is one picture, and there are several metrics; name a directory");
        return Err(usage(&why).into());
    }
    let picture = Picture {
        series,
        range_ms,
        zone,
    };
    draw(path, &picture, kind, &mut Renderer::default())
}

fn draw(
    path: &Path,
    picture: &Picture<'_>,
    kind: Kind,
    renderer: &mut Renderer,
) -> anyhow::Result<()> {
    write_file(path, &kind.bytes(&picture.svg()?, renderer)?)
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
