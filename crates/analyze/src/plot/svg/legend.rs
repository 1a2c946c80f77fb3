//! What each colour stands for.

use plotters::style::RGBColor;

use super::canvas::{Beside, Canvas, WIDTH};
use super::color::{BAND, EXPECTED, FAINT, INK, LINES, RED};
use super::layout::{BESIDE, ROW};
use crate::plot::series::Series;

const LETTERS_MOST: usize = 48;
/// How wide a letter is, about, as the legend writes it.
const LETTER: f64 = 6.9;
const SAMPLE: f64 = 22.0;
const BETWEEN: f64 = 22.0;
const FIRST_ROW: f64 = 64.0;

/// How something is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Sample {
    Line(RGBColor),
    Area,
    Dot,
    /// Something that isn't drawn.
    None,
}

/// What stands in the legend: samples with their names, and where each is.
pub struct Legend {
    entries: Vec<(Sample, String, f64, usize)>,
}

impl Legend {
    /// Of these series.
    pub fn new(series: &[Series]) -> Self {
        let mut legend = Self {
            entries: Vec::new(),
        };
        let points = || series.iter().flat_map(|series| &series.points);
        match series {
            [one] => {
                let has_band = points().any(|point| point.lower.and(point.upper).is_some());
                let has_expected = points().any(|point| point.expected.is_some());
                if has_band || has_expected || one.count.anomalies > 0 {
                    legend.add(Sample::Line(LINES[0]), &one.metric);
                }
                if has_expected {
                    legend.add(Sample::Line(EXPECTED), "expected");
                }
                if has_band {
                    legend.add(Sample::Area, "expected range");
                }
            }
            _ => {
                for (series, color) in series.iter().zip(LINES) {
                    legend.add(Sample::Line(color), &series.group.to_string());
                }
            }
        }
        if points().any(|point| point.is_anomaly()) {
            legend.add(Sample::Dot, "anomaly");
        }
        if let Some(more) = series.len().checked_sub(LINES.len() + 1) {
            legend.add(Sample::None, &format!("{} more not shown here", more + 1));
        }
        legend
    }

    fn add(&mut self, sample: Sample, name: &str) {
        let name = match name.chars().count() > LETTERS_MOST {
            true => {
                let begin = name.chars().take(LETTERS_MOST - 1);
                begin.collect::<String>() + "\u{2026}"
            }
            false => name.to_owned(),
        };
        let (mut x, mut row) = match self.entries.last() {
            Some((_, before, x, row)) => (x + width(before), *row),
            None => (BESIDE, 0),
        };
        if x > BESIDE && x + width(&name) - BETWEEN > WIDTH - 20.0 {
            (x, row) = (BESIDE, row + 1);
        }
        self.entries.push((sample, name, x, row));
    }

    /// How many rows it has.
    pub fn rows(&self) -> usize {
        self.entries.last().map_or(0, |(_, _, _, row)| row + 1)
    }

    /// Draws it.
    pub fn draw(&self, canvas: &mut Canvas<'_>) -> anyhow::Result<()> {
        for (sample, name, x, row) in &self.entries {
            let row = u32::try_from(*row).unwrap_or(0);
            let y = FIRST_ROW + ROW * f64::from(row);
            let end = x + SAMPLE - 6.0;
            match sample {
                Sample::Line(color) => canvas.line(&[(*x, y), (end, y)], 2.5, *color)?,
                Sample::Area => {
                    let corners = [(*x, y - 5.0), (end, y - 5.0), (end, y + 5.0), (*x, y + 5.0)];
                    canvas.area(&corners, BAND)?;
                }
                Sample::Dot => canvas.dot((f64::midpoint(*x, end), y), 4.0, RED.into())?,
                Sample::None => {}
            }
            let color = if *sample == Sample::None { FAINT } else { INK };
            let start = match sample {
                Sample::None => *x,
                _ => x + SAMPLE,
            };
            canvas.text(name, 12.0, color, (start, y), Beside::Right)?;
        }
        Ok(())
    }
}

/// How wide a sample and its name are, with what is behind them.
fn width(name: &str) -> f64 {
    // Letters of other scripts are wide.
    let letters = name
        .chars()
        .map(|c| if c < '\u{1100}' { LETTER } else { 2.0 * LETTER });
    SAMPLE + letters.sum::<f64>() + BETWEEN
}
