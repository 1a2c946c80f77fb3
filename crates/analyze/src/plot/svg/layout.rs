//! Where what is in a picture.

use super::canvas::{HEIGHT, WIDTH};
use crate::plot::number::NumberAxis;

/// So many times stand below the axis.
pub const TIMES_MOST: i64 = 11;
const NUMBERS_MOST: u32 = 6;
/// A range of no length is shown with so much before and behind it.
const AROUND_MS: i64 = 30_000;
/// Above the lines, without a legend.
const ABOVE: f64 = 62.0;
const BELOW: f64 = 48.0;
/// To the left and to the right of everything.
pub const BESIDE: f64 = 24.0;
/// How high a row of the legend is.
pub const ROW: f64 = 20.0;
/// How wide a digit is, as the axis writes it.
const DIGIT: f64 = 7.6;

/// Where the lines are, in pixels from the left and from above, and what the axes show.
pub struct Layout {
    /// Where they begin.
    pub left: f64,
    /// Where they end.
    pub right: f64,
    /// Where the greatest number is.
    pub top: f64,
    /// Where the least number is.
    pub bottom: f64,
    /// From when to when, in milliseconds since 1970.
    pub range_ms: (i64, i64),
    /// The axis of the values.
    pub numbers: NumberAxis,
}

impl Layout {
    /// For numbers from the least to the greatest, below so many rows of a legend.
    pub fn new(range_ms: (i64, i64), (least, greatest): (f64, f64), legend_rows: usize) -> Self {
        let numbers = NumberAxis::new(least, greatest, NUMBERS_MOST);
        let longest = numbers.ticks.iter().map(|(_, label)| label.chars().count());
        let longest = longest.max().and_then(|most| u32::try_from(most).ok());
        let (from_ms, to_ms) = range_ms;
        let range_ms = match from_ms < to_ms {
            true => range_ms,
            false => (from_ms - AROUND_MS, from_ms + AROUND_MS),
        };
        let rows = u32::try_from(legend_rows).unwrap_or(0);
        Self {
            left: BESIDE + 10.0 + DIGIT * f64::from(longest.unwrap_or(0)),
            right: WIDTH - BESIDE - 6.0,
            top: ABOVE + ROW * f64::from(rows),
            bottom: HEIGHT - BELOW,
            range_ms,
            numbers,
        }
    }

    /// Where a time is.
    #[expect(
        clippy::cast_precision_loss,
        reason = "less than a pixel of it is lost"
    )]
    pub fn x(&self, time_ms: i64) -> f64 {
        let (from_ms, to_ms) = self.range_ms;
        let part = (time_ms - from_ms) as f64 / (to_ms - from_ms) as f64;
        self.left + part.clamp(0.0, 1.0) * (self.right - self.left)
    }

    /// Where a number is.
    pub fn y(&self, number: f64) -> f64 {
        self.bottom - self.numbers.part(number) * (self.bottom - self.top)
    }
}
