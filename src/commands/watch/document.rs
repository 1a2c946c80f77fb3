//! JSON as people read it: on one line where it fits, else indented; in colour.
//!
//! Only spaces are changed: numbers keep their digits, names their order, strings their escapes.

use serde::de::IgnoredAny;
use unicode_width::UnicodeWidthStr;

use super::safe;
use crate::terminal::{Style, Styles};

/// How far each level is moved in.
const INDENT: usize = 2;

/// The text of an object or an array, if these bytes are one.
pub(super) fn text(bytes: &[u8]) -> Option<&str> {
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    matches!(first, Some(b'{' | b'[')).then_some(())?;
    serde_json::from_slice::<IgnoredAny>(bytes).ok()?;
    std::str::from_utf8(bytes).ok()
}

/// Appends an object or an array, which is valid JSON, so that it fits into a width if it can.
pub(super) fn append(text: &str, width: usize, styles: Styles, to: &mut Vec<u8>) {
    // One that is longer can't fit: no character of its line is less than a byte, but for the spaces.
    let is_short = text.len() <= width * 4;
    if is_short {
        let mut line = Vec::new();
        Writer::new(false, Styles::none(), &mut line).document(text);
        if String::from_utf8_lossy(&line).width() <= width {
            return Writer::new(false, styles, to).document(text);
        }
    }
    Writer::new(true, styles, to).document(text);
}

struct Writer<'a> {
    /// One value a line?
    is_indented: bool,
    styles: Styles,
    depth: usize,
    to: &'a mut Vec<u8>,
}

impl<'a> Writer<'a> {
    fn new(is_indented: bool, styles: Styles, to: &'a mut Vec<u8>) -> Self {
        Self {
            is_indented,
            styles,
            depth: 0,
            to,
        }
    }

    fn document(&mut self, text: &str) {
        let mut rest = text.trim_ascii_start();
        while let Some(&first) = rest.as_bytes().first() {
            let end = end_of(rest);
            let (token, behind) = rest.split_at(end);
            let behind = behind.trim_ascii_start();
            match first {
                b'{' | b'[' => {
                    self.to.push(first);
                    match behind.as_bytes().first() {
                        // An empty one.
                        Some(b'}' | b']') => self.depth += 1,
                        _ => {
                            self.depth += 1;
                            self.line();
                        }
                    }
                }
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if !matches!(self.to.last(), Some(b'{' | b'[')) {
                        self.line();
                    }
                    self.to.push(first);
                }
                b',' => {
                    self.to.push(b',');
                    match self.is_indented {
                        true => self.line(),
                        false => self.to.push(b' '),
                    }
                }
                b':' => self.to.extend_from_slice(b": "),
                b'"' if behind.starts_with(':') => self.paint(Style::Name, token),
                b'"' => self.paint(Style::Text, token),
                b'n' => self.paint(Style::Dim, token),
                _ => self.paint(Style::Plain, token),
            }
            rest = behind;
        }
    }

    /// Begins a line, where there is one for each value.
    fn line(&mut self) {
        if self.is_indented {
            self.to.push(b'\n');
            self.to.resize(self.to.len() + self.depth * INDENT, b' ');
        }
    }

    fn paint(&mut self, style: Style, token: &str) {
        let mut safe = Vec::with_capacity(token.len());
        safe::append_json(token, &mut safe);
        let painted = self.styles.paint(style, &String::from_utf8_lossy(&safe));
        self.to.extend_from_slice(painted.as_bytes());
    }
}

/// Where the first token ends, of at least one byte.
fn end_of(text: &str) -> usize {
    let bytes = text.as_bytes();
    match bytes[0] {
        b'"' => {
            let mut at = 1;
            while at < bytes.len() && bytes[at] != b'"' {
                at += if bytes[at] == b'\\' { 2 } else { 1 };
            }
            (at + 1).min(bytes.len())
        }
        b'{' | b'}' | b'[' | b']' | b',' | b':' => 1,
        _ => {
            let is_end =
                |byte: &u8| matches!(byte, b',' | b'}' | b']') || byte.is_ascii_whitespace();
            bytes.iter().position(is_end).unwrap_or(bytes.len()).max(1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, width: usize) -> String {
        let mut to = Vec::new();
        append(text, width, Styles::none(), &mut to);
        String::from_utf8(to).expect("UTF-8")
    }

    #[test]
    fn what_fits_is_on_one_line_and_the_rest_is_indented() {
        let text = r#"{"a":[1,2.50,-1e9999],"b":{},"c" : "x\"y,{","d":[ ],"e":null}"#;
        assert_eq!(
            shown(text, 80),
            r#"{"a": [1, 2.50, -1e9999], "b": {}, "c": "x\"y,{", "d": [], "e": null}"#
        );
        let indented = "{\n  \"a\": [\n    1,\n    2.50,\n    -1e9999\n  ],\n  \"b\": {},\n  \"c\": \"x\\\"y,{\",\n  \"d\": [],\n  \"e\": null\n}";
        assert_eq!(shown(text, 60), indented);
        assert_eq!(shown(" [[]]\n", 80), "[[]]");
    }

    #[test]
    fn only_objects_and_arrays_are_taken_for_json() {
        for json in ["{}", " [1]\n", r#"{"a":{"b":"c"}}"#] {
            assert!(text(json.as_bytes()).is_some(), "{json}");
        }
        for other in ["", "1", "null", "\"a\"", "{", "{} {}", "{a:1}", "[1]]"] {
            assert!(text(other.as_bytes()).is_none(), "{other}");
        }
        assert!(text(b"{\"a\":\"\xff\"}").is_none());
    }

    #[test]
    fn nothing_in_a_document_reaches_a_terminal_but_text() {
        let text = "{\"\u{9b}31m\":\"\u{7f}\u{202e}\\u001b[2J\"}";
        for width in [80, 1] {
            let shown = shown(text, width);
            assert!(
                safe::is_safe(shown.as_bytes(), safe::Breaks::Kept),
                "{shown:?}"
            );
        }
    }
}
