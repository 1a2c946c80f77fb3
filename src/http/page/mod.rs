//! The pages: one document each, without any resource of its own. Each is whole without its script, which only sorts,
//! filters, and asks for the same page again to put what has changed in its place.
//!
//! `page.css` and `page.js` are in each of them; [`POLICY`] names them by their digests, so that nothing else runs.

mod html;
mod of_archive;
mod overview;
mod spark;

use html::Html;

pub(super) use of_archive::archive;
pub(super) use overview::overview;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// What the pages may load and run: their own style and script.
pub(super) const POLICY: &str = include_str!("policy.txt");

const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' \
                    height='16' rx='3' fill='%23285e61'/%3E%3Cpath d='M3 4h10M3 8h10M3 12h6' stroke='white' \
                    stroke-width='2'/%3E%3C/svg%3E";

/// A document with this title and this within its body.
fn document(title: &str, body: impl FnOnce(&mut Html)) -> String {
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

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::{env, fs};

    use sha2::{Digest, Sha256};

    use super::*;

    fn base64(bytes: &[u8]) -> String {
        const DIGITS: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut text = String::new();
        for three in bytes.chunks(3) {
            let bits = three
                .iter()
                .fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
            let bits = bits << (8 * (3 - three.len()));
            for at in 0..4 {
                text.push(match at <= three.len() {
                    true => char::from(DIGITS[(bits >> (18 - 6 * at)) as usize & 63]),
                    false => '=',
                });
            }
        }
        text
    }

    #[test]
    fn the_policy_names_the_style_and_the_script() {
        let digest = |text: &str| base64(&Sha256::digest(text));
        let expected = format!(
            "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; connect-src 'self'; img-src data:; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            digest(STYLE),
            digest(SCRIPT),
        );
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http/page/policy.txt");
        if env::var_os("WRITE_REFERENCE").is_some() {
            fs::write(&path, &expected).expect("the policy");
        }
        let written = fs::read_to_string(&path).expect("the policy");
        let how = "WRITE_REFERENCE=1 cargo test --lib http writes it";
        assert_eq!(written, expected, "src/http/page/policy.txt; {how}");
        for text in [STYLE, SCRIPT] {
            assert!(!text.contains("</"), "it would end there");
        }
    }
}
