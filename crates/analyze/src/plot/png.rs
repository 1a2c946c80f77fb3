//! An SVG picture as PNG.

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
        pixels.encode_png().context("writing a picture as PNG")
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
