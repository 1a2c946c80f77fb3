//! A line of the last minutes.

use super::html::Html;

/// The height that a line is drawn in, and its width in points at least: a run that is young has a line on the right.
const HEIGHT: usize = 24;
const WIDTH: usize = 59;

/// Draws the values as a line, the highest at the top, the latest on the right; nothing of fewer than two.
pub(super) fn spark(html: &mut Html, values: &[u64], class: &str) {
    let Some(last) = values.len().checked_sub(1).filter(|last| *last > 0) else {
        return;
    };
    let most = values.iter().copied().max().unwrap_or_default().max(1);
    let width = last.max(WIDTH);
    let first = width - last;
    let mut line = String::new();
    for (at, value) in values.iter().enumerate() {
        let height = (*value as f64 / most as f64 * (HEIGHT - 2) as f64) as usize;
        let step = if at == 0 { 'M' } else { 'L' };
        line += &format!("{step}{} {}", first + at, HEIGHT - 1 - height);
    }
    html.raw("<svg class=\"")
        .raw(class)
        .raw("\" aria-hidden=\"true\" preserveAspectRatio=\"none\" viewBox=\"0 0 ")
        .raw(&format!("{width} {HEIGHT}\"><path d=\"{line}\"/>"))
        .raw("<path class=\"area\" d=\"")
        .raw(&line)
        .raw(&format!("L{width} {HEIGHT}L{first} {HEIGHT}Z\"/></svg>"));
}
