//! Regular expressions for keys and values, which are bytes.

use std::str::FromStr;

use regex_automata::meta::Regex;
use regex_automata::util::syntax;

/// Repetitions within each other make large machines.
const MACHINE_BYTES_MAX: usize = 1 << 20;

/// Finds a regular expression anywhere in bytes. Characters are those of UTF-8; what is none is matched by none.
#[derive(Debug, Clone)]
pub(super) struct Pattern(Regex);

impl Pattern {
    /// Is it in there?
    pub fn is_in(&self, bytes: &[u8]) -> bool {
        self.0.is_match(bytes)
    }
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let config = Regex::config()
            .utf8_empty(false)
            .nfa_size_limit(Some(MACHINE_BYTES_MAX));
        let made = Regex::builder()
            .syntax(syntax::Config::new().utf8(false))
            .configure(config)
            .build(text);
        made.map(Self).map_err(|e| match e.syntax_error() {
            // It shows the place in lines of its own; the last one says what is wrong there.
            Some(e) => {
                let said = e.to_string();
                let last = said.lines().last().unwrap_or_default();
                last.trim_start_matches("error: ").to_owned()
            }
            None => e.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_found_anywhere_in_any_bytes() {
        for (pattern, bytes, is_in) in [
            ("error", &b"{\"level\":\"error\"}"[..], true),
            ("^error", b"{\"level\":\"error\"}", false),
            ("(?i)ERR.r", b"\xff\xfe an Error", true),
            ("(?i)Ä\\b", "ein ä".as_bytes(), true),
            ("\\d{3}$", b"a123", true),
            ("a.b", b"a\xffb", false),
            ("(?s-u:a.b)", b"a\xffb", true),
            ("", b"", true),
        ] {
            let pattern = pattern.parse::<Pattern>().expect("a pattern");
            assert_eq!(pattern.is_in(bytes), is_in, "{pattern:?} {bytes:?}");
        }
    }

    #[test]
    fn a_mistake_is_said_on_one_line() {
        let said = |text: &str| text.parse::<Pattern>().expect_err("none");
        assert_eq!(said("a(b"), "unclosed group");
        assert!(!said("((a{1000}){1000}){1000}").contains('\n'));
    }
}
