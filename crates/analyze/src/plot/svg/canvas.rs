//! What is drawn on: a picture of this size, in pixels and parts of them.

use anyhow::anyhow;
use plotters::backend::{DrawingBackend, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, IntoFont, RGBAColor, RGBColor, TextStyle};

/// Pixels.
pub const WIDTH: f64 = 1_000.0;
/// Pixels.
pub const HEIGHT: f64 = 420.0;
/// The library draws in whole numbers: so many of them are a pixel.
const PARTS: f64 = 8.0;
/// The library divides the size of letters by so much.
const LETTER: f64 = 1.24;

/// Where a text is, seen from its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beside {
    /// To the left, in the middle of its height.
    Left,
    /// To the right, in the middle of its height.
    Right,
    /// To the right and below.
    RightBelow,
    /// Below, in the middle of its width.
    Below,
}

/// A place in pixels: from the left, and from above.
pub type Place = (f64, f64);

/// Draws into a text of SVG.
pub struct Canvas<'t> {
    backend: SVGBackend<'t>,
}

impl<'t> Canvas<'t> {
    /// One that is white.
    pub fn new(svg: &'t mut String) -> anyhow::Result<Self> {
        let size = (unsigned(WIDTH), unsigned(HEIGHT));
        let mut backend = SVGBackend::with_string(svg, size);
        let corner = (whole(WIDTH), whole(HEIGHT));
        let white = RGBColor(255, 255, 255).filled();
        drawn(backend.draw_rect((0, 0), corner, &white, true))?;
        Ok(Self { backend })
    }

    /// A line through places.
    pub fn line(
        &mut self,
        places: &[Place],
        width: f64,
        color: impl Into<RGBAColor>,
    ) -> anyhow::Result<()> {
        let style = color.into().stroke_width(unsigned(width));
        drawn(self.backend.draw_path(places.iter().map(parts), &style))
    }

    /// An area with these corners.
    pub fn area(&mut self, corners: &[Place], color: RGBAColor) -> anyhow::Result<()> {
        let style = color.filled();
        drawn(self.backend.fill_polygon(corners.iter().map(parts), &style))
    }

    /// A filled circle.
    pub fn dot(&mut self, middle: Place, radius: f64, color: RGBAColor) -> anyhow::Result<()> {
        let style = color.filled();
        let circle = self
            .backend
            .draw_circle(parts(&middle), unsigned(radius), &style, true);
        drawn(circle)
    }

    /// A text so large, beside a place.
    pub fn text(
        &mut self,
        text: &str,
        size: f64,
        color: RGBColor,
        place: Place,
        beside: Beside,
    ) -> anyhow::Result<()> {
        let anchor = match beside {
            Beside::Left => Pos::new(HPos::Right, VPos::Center),
            Beside::Right => Pos::new(HPos::Left, VPos::Center),
            Beside::RightBelow => Pos::new(HPos::Left, VPos::Top),
            Beside::Below => Pos::new(HPos::Center, VPos::Top),
        };
        let font = ("sans-serif", size * PARTS * LETTER).into_font();
        let style = TextStyle::from(font).color(&color).pos(anchor);
        let text = allowed(text);
        drawn(self.backend.draw_text(&text, &style, parts(&place)))
    }

    /// Ends the text.
    pub fn finish(mut self) -> anyhow::Result<()> {
        drawn(self.backend.present())
    }
}

/// The picture as it is shown: so many pixels large, and with words for those who don't see it.
pub fn sized(svg: &str, said: &str) -> String {
    let (parts_wide, parts_high) = (unsigned(WIDTH), unsigned(HEIGHT));
    let said = allowed(said);
    let said = said.replace('&', "&amp;").replace('<', "&lt;");
    let inside = svg.split_once('>').map_or(svg, |(_, inside)| inside);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
         viewBox=\"0 0 {parts_wide} {parts_high}\" role=\"img\" stroke-linejoin=\"round\" stroke-linecap=\"round\">\n\
         <title>{said}</title>{inside}"
    )
}

/// A text in one line, without what XML can't hold.
fn allowed(text: &str) -> String {
    let is_none =
        |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{fffe}' | '\u{ffff}');
    text.replace(is_none, "\u{fffd}")
}

fn parts(place: &Place) -> (i32, i32) {
    (whole(place.0), whole(place.1))
}

/// Pixels in parts. What would be outside of any picture is at its edge.
#[expect(clippy::cast_possible_truncation, reason = "it fits")]
fn whole(pixels: f64) -> i32 {
    (pixels * PARTS).round().clamp(-1e6, 1e6) as i32
}

fn unsigned(pixels: f64) -> u32 {
    whole(pixels).unsigned_abs()
}

fn drawn<E: std::error::Error + Send + Sync>(
    result: Result<(), plotters_backend::DrawingErrorKind<E>>,
) -> anyhow::Result<()> {
    result.map_err(|error| anyhow!("drawing a picture: {error}"))
}
