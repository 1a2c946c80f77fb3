//! What each page has: its head, its style and its script.

use super::html::Html;

pub(super) const STYLE: &str = include_str!("page.css");
pub(super) const SCRIPT: &str = include_str!("page.js");

const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' \
                    height='16' rx='3' fill='%23285e61'/%3E%3Cpath d='M3 4h10M3 8h10M3 12h6' stroke='white' \
                    stroke-width='2'/%3E%3C/svg%3E";

/// A document with this title and this within its body.
pub(super) fn document(title: &str, body: impl FnOnce(&mut Html)) -> String {
    let mut html = Html::default();
    html.raw("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
        .raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
        .raw("<meta name=\"color-scheme\" content=\"light dark\">\n")
        .element("title", title)
        .raw("\n<link rel=\"icon\" href=\"")
        .raw(ICON)
        .raw("\">\n<style>")
        .raw(STYLE)
        .raw("</style>\n</head>\n<body>\n");
    body(&mut html);
    html.raw("<script>")
        .raw(SCRIPT)
        .raw("</script>\n</body>\n</html>\n");
    html.finish()
}
