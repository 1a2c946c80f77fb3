use serde_json::Value;

use super::fields::Fields;
use super::scalar::{Kind, boolean, integer, kind, number, text};

/// A small generator of documents, right and wrong ones; the same for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len() as u64) as usize]
    }

    fn document(&mut self, depth: u32) -> String {
        let blank = self.pick(&["", "", "", " ", "\t\n"]);
        let value = match self.below(if depth > 3 { 6 } else { 9 }) {
            0 => self
                .pick(&["null", "true", "false", "nul", "True"])
                .to_owned(),
            1 | 2 => self
                .pick(&[
                    "0",
                    "-0",
                    "1",
                    "-17",
                    "9223372036854775807",
                    "9223372036854775808",
                    "1.5",
                    "1e3",
                    "-2.5E-3",
                    "1e400",
                    "01",
                    "1.",
                    ".5",
                    "+1",
                    "1e",
                    "--1",
                    "0x1",
                ])
                .to_owned(),
            3..6 => self
                .pick(&[
                    r#""""#,
                    r#""a""#,
                    r#""ä\u00e4\n""#,
                    r#""\ud83d\ude00""#,
                    r#""\ud83d""#,
                    r#""\ude00""#,
                    r#""\x""#,
                    "\"a\tb\"",
                    r#""quote \" and \\""#,
                    r#""open"#,
                    r#""{\"a\":1}""#,
                ])
                .to_owned(),
            6 => {
                let items = (0..self.below(3)).map(|_| self.document(depth + 1));
                let items = items.collect::<Vec<_>>().join(",");
                format!("[{items}{}", self.pick(&["]", "]", "]", ",]", ""]))
            }
            _ => {
                let members = (0..self.below(5)).map(|_| {
                    let name = self.pick(&[
                        r#""a""#,
                        r#""b""#,
                        r#""\u0061""#,
                        r#""c.d""#,
                        r#""c""#,
                        r#""d""#,
                        "a",
                    ]);
                    let colon = self.pick(&[":", ":", " : ", ""]);
                    format!("{name}{colon}{}", self.document(depth + 1))
                });
                let members = members.collect::<Vec<_>>().join(",");
                format!("{{{members}{}", self.pick(&["}", "}", "}", "} ", "}x"]))
            }
        };
        format!("{blank}{value}{blank}")
    }
}

fn paths() -> Vec<Vec<String>> {
    let path = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    vec![
        path(&["a"]),
        path(&["b"]),
        path(&["a", "b"]),
        path(&["c", "d"]),
        path(&["c.d"]),
        path(&["c", "d", "a"]),
    ]
}

#[test]
fn fields_are_found_as_serde_json_finds_them() {
    let paths = paths();
    let fields = Fields::new(paths.iter().map(Vec::as_slice));
    let mut random = Random(0x5eed);
    let (mut right, mut wrong, mut seen) = (0, 0, 0);
    for _ in 0..200_000 {
        let document = random.document(0);
        let mut found = vec![None; paths.len()];
        let is_found = fields.find(&document, &mut found).is_ok();
        let Ok(expected) = serde_json::from_str::<Value>(&document) else {
            // What is no number or text for it, as it is too large or half a character, is JSON all the same.
            let odd = ["1e400", r#""\ud83d""#, r#""\ude00""#];
            let is_odd = odd.iter().any(|odd| document.contains(odd));
            assert!(!is_found || is_odd, "{document}");
            wrong += 1;
            continue;
        };
        assert!(is_found, "{document}");
        right += 1;
        for (path, raw) in paths.iter().zip(&found) {
            let at = path
                .iter()
                .try_fold(&expected, |value, name| value.as_object()?.get(name));
            let raw = raw
                .clone()
                .map(|raw| serde_json::from_str::<Value>(&document[raw]).expect("a document"));
            assert_eq!(raw.as_ref(), at, "{path:?} in {document}");
            seen += usize::from(at.is_some());
        }
    }
    assert!(
        right > 20_000 && wrong > 20_000 && seen > 2_000,
        "{right} {wrong} {seen}"
    );
}

#[test]
fn documents_are_as_deep_as_serde_json_takes_them() {
    let fields = Fields::default();
    for depth in [126, 127, 128, 200] {
        let document = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let expected = serde_json::from_str::<Value>(&document).is_ok();
        assert_eq!(fields.find(&document, &mut []).is_ok(), expected, "{depth}");
    }
}

#[test]
fn what_stands_in_a_field_is_read_as_what_its_column_holds() {
    for (raw, is) in [
        ("null", Kind::Null),
        ("true", Kind::Boolean),
        ("-17", Kind::Integer),
        ("9223372036854775808", Kind::Number),
        ("1.0", Kind::Number),
        (r#""x""#, Kind::Text),
        ("[1]", Kind::Nested),
        ("{}", Kind::Nested),
    ] {
        assert_eq!(kind(raw), is, "{raw}");
    }
    assert_eq!(
        (integer("-17"), integer("1.0"), integer(r#""1""#)),
        (Some(-17), None, None)
    );
    assert_eq!(
        (number("1e3"), number("true"), number(r#""1""#)),
        (Some(1000.0), None, None)
    );
    assert_eq!((boolean("true"), boolean("1")), (Some(true), None));
    assert_eq!(text(r#""\ud83d\ude00 \"a\"""#).as_deref(), Some("😀 \"a\""));
    for (raw, expected) in [
        (r#""a\ud83d""#, "a\u{fffd}"),
        (r#""\ude00\ud83d\ude00\\ud83d""#, "\u{fffd}\u{1f600}\\ud83d"),
        (r#""\ud83d\ud83d\ude00\n""#, "\u{fffd}\u{1f600}\n"),
        (r#""\ud83d\u0061""#, "\u{fffd}a"),
    ] {
        assert_eq!(text(raw).as_deref(), Some(expected), "{raw}");
    }
    assert_eq!(text("[1, 2]").as_deref(), Some("[1, 2]"));
    assert_eq!(text("null"), None);
}
