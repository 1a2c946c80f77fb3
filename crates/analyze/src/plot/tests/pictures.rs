//! Pictures as text and as pixels.

use resvg::tiny_skia::{Pixmap, PremultipliedColorU8};

use super::{MINUTE_MS, at, berlin, groups, judged, series};
use crate::plot::png::Renderer;
use crate::plot::series::{Point, Series, range};
use crate::plot::svg::Picture;

const RED: &str = "fill=\"#D62728\"";
const BLUE_LINE: &str = "<polyline fill=\"none\" opacity=\"1\" stroke=\"#1F6FB2\"";

fn svg(series: &[Series]) -> String {
    let zone = berlin();
    let range_ms = range(series).unwrap_or_default();
    let picture = Picture {
        series,
        range_ms,
        zone: &zone,
    };
    picture.svg().expect("is drawn")
}

fn pixels(svg: &str) -> Pixmap {
    let png = Renderer::default().png(svg).expect("is drawn");
    Pixmap::decode_png(&png).expect("is a PNG")
}

fn count(pixels: &Pixmap, is_meant: impl Fn(&PremultipliedColorU8) -> bool) -> usize {
    pixels
        .pixels()
        .iter()
        .filter(|pixel| is_meant(pixel))
        .count()
}

fn is_red(pixel: &PremultipliedColorU8) -> bool {
    (pixel.red(), pixel.green(), pixel.blue()) == (0xd6, 0x27, 0x28)
}

/// An hour of values around 50, with two outside of the range that was expected, and a gap.
fn hour() -> Series {
    series((0..60).map(|n| {
        let value = match n {
            20 | 40 => 90.0,
            n => 50.0 + (n % 7) as f64,
        };
        let point = judged(at(n * MINUTE_MS, value), 53.0);
        match n {
            30..=33 => Point {
                value: None,
                score: None,
                ..point
            },
            _ => point,
        }
    }))
}

#[test]
fn a_picture_has_axes_a_range_and_a_red_point_for_each_anomaly() {
    let svg = svg(&[hour()]);
    for text in [
        "data",
        "2026-10-25 00:00:00 to 00:59:00, Europe/Berlin \u{b7} 56 values, 4 missing, 2 anomalies",
        "expected range",
        "anomaly",
        "2026-10-25",
        "00:10",
        "00:50",
        "60",
        "80",
    ] {
        assert!(
            svg.contains(&format!(">\n{text}\n</text>")),
            "{text}: {svg}"
        );
    }
    let circles = svg.lines().filter(|line| line.starts_with("<circle"));
    let red = circles.filter(|line| line.contains(RED)).count();
    // One of them is the legend's.
    assert_eq!(red, 3, "{svg}");
    assert_eq!(svg.matches("<polygon").count(), 2, "{svg}");
    // Before and behind the gap, and in the legend.
    assert_eq!(svg.matches(BLUE_LINE).count(), 3, "{svg}");
}

#[test]
fn pixels_show_text_lines_and_red_points() {
    let all = pixels(&svg(&[hour()]));
    assert_eq!((all.width(), all.height()), (2_000, 840));
    assert!(all.pixels().iter().all(|pixel| pixel.alpha() == 255));
    // Three circles of a radius of 8 pixels have some 600.
    let red = count(&all, is_red);
    assert!((400..800).contains(&red), "{red}");
    let blue = count(&all, |pixel| (pixel.red(), pixel.blue()) == (0x1f, 0xb2));
    assert!(blue > 1_000, "{blue}");
    // Letters of the title, which nothing else is as dark as.
    let dark = count(&all, |pixel| pixel.red() < 0x40 && pixel.blue() < 0x50);
    assert!(dark > 500, "{dark}");
}

#[test]
fn a_series_that_is_as_expected_has_no_red_point() {
    let calm = series((0..60).map(|n| judged(at(n * MINUTE_MS, 50.0), 50.0)));
    let svg = svg(&[calm]);
    assert!(
        !svg.contains(RED) && svg.contains("60 values, 0 anomalies"),
        "{svg}"
    );
    assert_eq!(count(&pixels(&svg), is_red), 0);
}

#[test]
fn groups_have_a_line_and_a_name_in_the_legend_each() {
    let names = ["a", "b", "<c> & \"d\""].map(Some);
    let svg = svg(&groups(&names));
    for text in [
        "host = a",
        "host = b",
        "host = &lt;c&gt; &amp; &quot;d&quot;",
    ] {
        assert!(svg.contains(&format!(">\n{text}\n</text>")), "{svg}");
    }
    for color in ["#1F6FB2", "#E68A00", "#2C8C4A"] {
        let line = format!("<polyline fill=\"none\" opacity=\"1\" stroke=\"{color}\"");
        assert_eq!(svg.matches(&line).count(), 2, "{color}: {svg}");
    }
    let many = (0..30).map(|n| n.to_string()).collect::<Vec<_>>();
    let many = many.iter().map(|name| Some(&name[..])).collect::<Vec<_>>();
    let svg = self::svg(&groups(&many));
    assert!(svg.contains(">\n22 more not shown here\n</text>"), "{svg}");
}

#[test]
fn odd_series_are_drawn_too() {
    let constant = series((0..100).map(|n| at(n * MINUTE_MS, 42.0)));
    let drawn = svg(&[constant]);
    assert!(drawn.contains(">\n42\n</text>"), "{drawn}");
    assert_eq!(drawn.matches(BLUE_LINE).count(), 1, "{drawn}");

    let drawn = svg(&[series([at(0, 1_234.5)])]);
    assert!(drawn.contains("1 value\n"), "{drawn}");
    let dots = drawn.matches("fill=\"#1F6FB2\"").count();
    assert_eq!(dots, 1, "{drawn}");

    let nothing = [f64::NAN, f64::INFINITY].map(|value| at(0, value));
    for odd in [series([]), series(nothing)] {
        let drawn = svg(&[odd]);
        assert!(drawn.contains(">\nno values\n</text>"), "{drawn}");
        assert!(pixels(&drawn).width() > 0);
    }

    let extreme = [f64::MAX, f64::MIN, 0.0, 5e-324];
    let extreme = (0..).zip(extreme).map(|(n, value)| at(n, value));
    assert!(pixels(&svg(&[series(extreme)])).width() > 0);
}

#[test]
fn letters_that_no_font_has_leave_a_mark_and_the_others_as_they_are() {
    // Of private use: no font has them.
    let odd = svg(&groups(&[Some("a\u{10fff0}\u{0}\n<b>")]));
    let plain = svg(&groups(&[Some("a")]));
    let dark = |svg: &str| {
        let pixels = pixels(svg);
        count(&pixels, |pixel| pixel.red() < 0x40 && pixel.blue() < 0x50)
    };
    assert!(
        dark(&odd) > dark(&plain) + 200,
        "{} {}",
        dark(&odd),
        dark(&plain)
    );
}
