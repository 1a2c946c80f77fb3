//! An SVG picture as PNG.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use anyhow::Context;
use fontdb::{Database, FaceInfo, ID, Stretch, Style, Weight};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{FontResolver, Options, Tree};

/// Latin, Greek and Cyrillic letters, digits and what stands between them: a machine may have no fonts.
const FONT: &[u8] = include_bytes!("../../vendor/dejavu/DejaVuSans-subset.ttf");
const FAMILY: &str = "DejaVu Sans";
/// Stands for a letter that no font has.
const UNKNOWN: &str = "\u{fffd}";
/// For screens of today.
const ZOOM: f32 = 2.0;

/// A palette of PNG has so many colors.
const PALETTE_MOST: usize = 256;

/// Red, green, blue.
type Color = [u8; 3];

/// Draws SVG pictures.
pub struct Renderer {
    fonts: Arc<Database>,
    /// Whether the fonts of the machine are among them.
    has_loaded: Arc<AtomicBool>,
}

impl Default for Renderer {
    fn default() -> Self {
        let mut fonts = Database::new();
        fonts.load_font_data(FONT.to_vec());
        // Without this, text would be left out.
        fonts.set_sans_serif_family(FAMILY);
        Self {
            fonts: Arc::new(fonts),
            has_loaded: Arc::default(),
        }
    }
}

impl Renderer {
    /// The picture as PNG, twice as large. Letters that no font has are �.
    ///
    /// # Errors
    ///
    /// If it can't be drawn.
    pub fn png(&mut self, svg: &str) -> anyhow::Result<Vec<u8>> {
        let (tree, unknown) = self.tree(svg)?;
        let tree = match unknown.is_empty() {
            true => tree,
            false => self.tree(&svg.replace(&unknown[..], UNKNOWN))?.0,
        };
        let size = tree.size().to_int_size();
        let size = size.scale_by(ZOOM);
        let size = size.context("drawing a picture: it has no size")?;
        let pixels = Pixmap::new(size.width(), size.height());
        let mut pixels = pixels.context("drawing a picture: it is too large")?;
        let zoom = Transform::from_scale(ZOOM, ZOOM);
        resvg::render(&tree, zoom, &mut pixels.as_mut());
        encoded(&pixels).context("writing a picture as PNG")
    }

    /// The picture as shapes, and the letters that no font has. Fonts of the machine are loaded for the first one that
    /// the font lacks that is built in.
    fn tree(&mut self, svg: &str) -> anyhow::Result<(Tree, Vec<char>)> {
        let unknown = Arc::new(Mutex::new(Vec::new()));
        let (seen, has_loaded) = (Arc::clone(&unknown), self.has_loaded.clone());
        let usual = FontResolver::default_fallback_selector();
        let fallback = move |letter: char, tried: &[ID], fonts: &mut Arc<Database>| {
            if !has_loaded.swap(true, Ordering::Relaxed) {
                load_fonts_of_machine(Arc::make_mut(fonts));
            }
            let found = usual(letter, tried, fonts);
            if let (None, Ok(mut unknown)) = (found, seen.lock()) {
                unknown.push(letter);
            }
            found
        };
        let options = Options {
            font_family: FAMILY.to_owned(),
            fontdb: Arc::clone(&self.fonts),
            font_resolver: FontResolver {
                select_font: FontResolver::default_font_selector(),
                select_fallback: Box::new(fallback),
            },
            ..Options::default()
        };
        let tree = Tree::from_str(svg, &options).context("drawing a picture")?;
        self.fonts = Arc::clone(tree.fontdb());
        let unknown = unknown.lock().map(|unknown| unknown.clone());
        Ok((tree, unknown.unwrap_or_default()))
    }
}

/// With a byte for each pixel, which is half as large as with its color: a picture has few colors.
fn encoded(pixels: &Pixmap) -> Result<Vec<u8>, png::EncodingError> {
    let colors = pixels.pixels().iter();
    let colors = colors.map(|pixel| [pixel.red(), pixel.green(), pixel.blue()]);
    let colors = colors.collect::<Vec<_>>();
    let (palette, numbers) = palette(&colors);
    let numbers = colors.iter().map(|color| numbers.get(color).copied());
    let numbers = numbers.map(Option::unwrap_or_default);
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, pixels.width(), pixels.height());
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_palette(palette.concat());
    encoder.set_compression(png::Compression::High);
    encoder.set_filter(png::Filter::NoFilter);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&numbers.collect::<Vec<_>>())?;
    writer.finish()?;
    Ok(bytes)
}

/// The colors that a picture has most of, and for each color the number of that which comes closest to it.
fn palette(colors: &[Color]) -> (Vec<Color>, HashMap<Color, u8>) {
    let mut counts = HashMap::<Color, u32>::new();
    for color in colors {
        *counts.entry(*color).or_default() += 1;
    }
    let mut all = counts.into_iter().collect::<Vec<_>>();
    all.sort_by_key(|(color, count)| (Reverse(*count), *color));
    let all = all.into_iter().map(|(color, _)| color);
    let all = all.collect::<Vec<_>>();
    let palette = all[..all.len().min(PALETTE_MOST)].to_vec();
    let distance = |one: &Color, other: &Color| {
        let parts = one.iter().zip(other);
        parts
            .map(|(one, other)| u32::from(one.abs_diff(*other)).pow(2))
            .sum::<u32>()
    };
    let numbers = all.iter().filter_map(|color| {
        let known = (0_u8..=u8::MAX).zip(&palette);
        let closest = known.min_by_key(|(_, known)| distance(color, known));
        closest.map(|(number, _)| (*color, number))
    });
    let numbers = numbers.collect();
    (palette, numbers)
}

/// Only upright ones of usual weight: a letter that is missing shall look like the others.
fn load_fonts_of_machine(fonts: &mut Database) {
    fonts.load_system_fonts();
    // These set another one.
    fonts.set_sans_serif_family(FAMILY);
    let is_usual = |face: &FaceInfo| {
        (face.style, face.weight, face.stretch) == (Style::Normal, Weight::NORMAL, Stretch::Normal)
    };
    let others = fonts.faces().filter(|face| !is_usual(face));
    let others = others.map(|face| face.id).collect::<Vec<_>>();
    for id in others {
        fonts.remove_face(id);
    }
}
