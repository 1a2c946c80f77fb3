//! A line of the last minutes.

use super::html::Html;

/// The height that a line is drawn in; its width is the number of its points.
const HEIGHT: u64 = 24;

/// Draws the values as a line, the highest at the top; nothing of fewer than two.
pub(super) fn spark(html: &mut Html, values: &[u64], class: &str) {
    let (Some(last), Some(most)) = (values.len().checked_sub(1), values.iter().max()) else {
        return;
    };
    if last == 0 {
        return;
    }
    html.raw("<svg class=\"")
        .raw(class)
        .raw("\" aria-hidden=\"true\" preserveAspectRatio=\"none\" viewBox=\"0 0 ")
        .number(last)
        .raw(" ")
        .number(HEIGHT)
        .raw("\"><path d=\"");
    let mut line = String::new();
    for (x, value) in values.iter().enumerate() {
        let height = u128::from(*value) * u128::from(HEIGHT - 2) / u128::from((*most).max(1));
        let y = u128::from(HEIGHT - 1) - height;
        line += &format!("{}{x} {y}", if x == 0 { "M" } else { "L" });
    }
    html.raw(&line)
        .raw("\"/><path class=\"area\" d=\"")
        .raw(&line)
        .raw(&format!("L{last} {HEIGHT}L0 {HEIGHT}Z"))
        .raw("\"/></svg>");
}
