//! The policy names what is in the pages by its digest.

use std::path::Path;
use std::{env, fs};

use sha2::{Digest, Sha256};

use super::super::document::{SCRIPT, STYLE};

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
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
