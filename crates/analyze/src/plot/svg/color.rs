//! The colors of a picture.

use plotters::style::{RGBAColor, RGBColor};

/// So many groups have a line in one picture: no eye tells more colors apart.
pub const LINES_MOST: usize = 8;

/// Of titles and names.
pub const INK: RGBColor = RGBColor(0x22, 0x2b, 0x36);
/// Of what stands beside the axes.
pub const FAINT: RGBColor = RGBColor(0x6b, 0x75, 0x80);
/// Of lines across a picture.
pub const GRID: RGBColor = RGBColor(0xe4, 0xe8, 0xec);
/// Of one where a new day or year begins.
pub const NEW_DATE: RGBColor = RGBColor(0xbc, 0xc5, 0xce);
/// Of the axes.
pub const AXIS: RGBColor = RGBColor(0x9a, 0xa4, 0xae);
/// Of anomalies, and of nothing else.
pub const RED: RGBColor = RGBColor(0xd6, 0x27, 0x28);
/// Of what is expected.
pub const EXPECTED: RGBColor = RGBColor(0x8f, 0xa9, 0xc4);
/// Of its range.
pub const BAND: RGBAColor = RGBAColor(0x1f, 0x6f, 0xb2, 0.16);
/// Of values, a color for each group.
pub const LINES: [RGBColor; LINES_MOST] = [
    RGBColor(0x1f, 0x6f, 0xb2),
    RGBColor(0xe6, 0x8a, 0x00),
    RGBColor(0x2c, 0x8c, 0x4a),
    RGBColor(0x8a, 0x5a, 0xb8),
    RGBColor(0x00, 0x9a, 0xa6),
    RGBColor(0x8c, 0x56, 0x4b),
    RGBColor(0xc2, 0x5b, 0xa6),
    RGBColor(0x55, 0x60, 0x6b),
];
