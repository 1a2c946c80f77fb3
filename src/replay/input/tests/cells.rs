use std::io::Cursor;

use super::*;

fn rows(text: &str, delimiter: u8) -> Vec<(u64, Vec<String>, String)> {
    let mut cells = Cells::new(
        Lines::new(Box::new(Cursor::new(text.to_owned()))),
        delimiter,
    );
    let mut rows = Vec::new();
    let shown = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
    while cells.advance().expect("is read") {
        cells.step_back();
        assert!(cells.advance().expect("is read"));
        let row = cells.iter().map(shown).collect();
        rows.push((cells.line(), row, shown(cells.raw())));
    }
    rows
}

#[test]
fn rows_are_given_with_their_cells_their_lines_and_as_they_stand() {
    let text = "a,b\r\n\r\n1,\"x, \"\"y\"\"\"\r\n2,\"two\r\nlines\"\n\n3,5\" pipe\nlast,";
    let expected: [(u64, [&str; 2], &str); 5] = [
        (1, ["a", "b"], "a,b"),
        (3, ["1", "x, \"y\""], "1,\"x, \"\"y\"\"\""),
        (4, ["2", "two\r\nlines"], "2,\"two\r\nlines\""),
        (7, ["3", "5\" pipe"], "3,5\" pipe"),
        (8, ["last", ""], "last,"),
    ];
    let found = rows(text, b',');
    assert_eq!(found.len(), expected.len());
    for (found, (line, row, raw)) in found.iter().zip(expected) {
        assert_eq!(
            (found.0, &found.1[..], &found.2[..]),
            (line, &row.map(str::to_owned)[..], raw)
        );
    }
    assert_eq!(rows("a\tb\n", b'\t')[0].1, ["a", "b"]);
    assert_eq!(rows("", b',').len(), 0);
}

#[test]
fn a_row_may_be_longer_than_any_buffer() {
    let cell = "x".repeat(3 * CELL_BYTES);
    let row = vec![cell; 3 * CELLS];
    let found = rows(&format!("{}\n", row.join(",")), b',');
    assert_eq!(found[0].1, row);
}

#[test]
fn cells_keep_their_types() {
    for (cell, json) in [
        ("", "null"),
        ("null", "null"),
        ("true", "true"),
        ("False", "false"),
        ("0", "0"),
        ("-0.10e+7", "-0.10e+7"),
        (
            "123456789012345678901234567890.5",
            "123456789012345678901234567890.5",
        ),
        ("007", "\"007\""),
        ("+1", "\"+1\""),
        (".5", "\".5\""),
        ("1.", "\"1.\""),
        ("1e", "\"1e\""),
        ("-", "\"-\""),
        ("1 ", "\"1 \""),
        ("NaN", "\"NaN\""),
        ("a \"b\"\n\u{1}ä", "\"a \\\"b\\\"\\n\\u0001ä\""),
    ] {
        let mut found = Vec::new();
        to_json(cell.as_bytes(), &mut found).expect("is UTF-8");
        assert_eq!(String::from_utf8(found).expect("text"), json, "{cell}");
    }
    assert!(to_json(b"\xff", &mut Vec::new()).is_err());
}
