//! Bytes of records where a terminal reads them: nothing of them is taken for what it is to do.
//!
//! A control character (C0, DEL, C1), a byte that is no UTF-8, and what turns the direction of writing around are
//! escaped. A backslash stays as it is, so this is to be looked at, not to be read back.

use std::io::Write;

/// What becomes of newlines and tabs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Breaks {
    /// They are escaped as well.
    Escaped,
    /// They do no harm, and stay.
    Kept,
}

/// Appends bytes, escaped: `\n`, `\x1b`, `\u{9b}`.
pub(super) fn append(bytes: &[u8], breaks: Breaks, to: &mut Vec<u8>) {
    if bytes.iter().all(|byte| matches!(byte, 0x20..=0x7e)) {
        return to.extend_from_slice(bytes);
    }
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\n' | '\t' if breaks == Breaks::Kept => to.push(character as u8),
                '\n' => to.extend_from_slice(b"\\n"),
                '\t' => to.extend_from_slice(b"\\t"),
                '\r' => to.extend_from_slice(b"\\r"),
                _ => plain(character, to, |character, to| match u32::from(character) {
                    code @ 0..0x80 => hexadecimal(code as u8, to),
                    code => formatted(to, format_args!("\\u{{{code:x}}}")),
                }),
            }
        }
        for byte in chunk.invalid() {
            hexadecimal(*byte, to);
        }
    }
}

/// Appends a text in JSON, escaped so that it stays the same document: `\u009b`. In one that is valid, what is escaped
/// stands in strings.
pub(super) fn append_json(text: &str, to: &mut Vec<u8>) {
    if text.bytes().all(|byte| matches!(byte, 0x20..=0x7e | b'\n')) {
        return to.extend_from_slice(text.as_bytes());
    }
    for character in text.chars() {
        match character {
            // Between values.
            '\n' | '\t' => to.push(character as u8),
            '\r' => {}
            _ => plain(character, to, |character, to| {
                formatted(to, format_args!("\\u{:04x}", u32::from(character)));
            }),
        }
    }
}

/// Appends a character, by `escape` if it must not be read as it is.
fn plain(character: char, to: &mut Vec<u8>, escape: impl FnOnce(char, &mut Vec<u8>)) {
    match character.is_control() || turns_around(character) {
        true => escape(character, to),
        false => to.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}

/// Does it change the direction of what is written around it?
const fn turns_around(character: char) -> bool {
    matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn hexadecimal(byte: u8, to: &mut Vec<u8>) {
    formatted(to, format_args!("\\x{byte:02x}"));
}

/// Appends what is formatted.
pub(super) fn formatted(to: &mut Vec<u8>, arguments: std::fmt::Arguments<'_>) {
    // Memory takes all that is written.
    let _ = to.write_fmt(arguments);
}

/// Is nothing of it read as anything but text?
#[cfg(test)]
pub(super) fn is_safe(shown: &[u8], breaks: Breaks) -> bool {
    let is_kept = |c: char| matches!(c, '\n' | '\t') && breaks == Breaks::Kept;
    let shown = std::str::from_utf8(shown);
    shown.is_ok_and(|text| {
        text.chars()
            .all(|c| is_kept(c) || !c.is_control() && !turns_around(c))
    })
}

/// Bytes of all kinds, many of them of those that do harm. Each seed has its own.
#[cfg(test)]
pub(super) fn any_bytes(seed: u64) -> Vec<u8> {
    const PIECES: [&[u8]; 12] = [
        b"\x1b[2J\x1b]0;title\x07",
        b"\xc2\x9b31m",
        b"\x9b31m",
        b"\x7f\x08\x08",
        b"\r\n\t\0",
        "ä€😀".as_bytes(),
        "\u{202e}\u{2066}\u{200f}".as_bytes(),
        b"\xf0\x9f\x98",
        b"\"\\{}[],:",
        b"plain text",
        b"{\"a\":\"\xc2\x85\x7f\"}",
        b"\xed\xa0\x80\xff\xfe",
    ];
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut bytes = Vec::new();
    for _ in 0..next() % 12 {
        match next() % 3 {
            0 => bytes.extend(next().to_le_bytes()),
            _ => bytes.extend_from_slice(PIECES[(next() % 12) as usize]),
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(bytes: &[u8], breaks: Breaks) -> String {
        let mut to = Vec::new();
        append(bytes, breaks, &mut to);
        String::from_utf8(to).expect("UTF-8")
    }

    #[test]
    fn what_a_terminal_would_act_on_is_escaped_and_text_is_not() {
        for (bytes, escaped) in [
            (&b"a\x1b[31mb"[..], "a\\x1b[31mb"),
            (b"a\nb\tc\rd", "a\\nb\\tc\\rd"),
            ("ä€😀 \\".as_bytes(), "ä€😀 \\"),
            ("\u{9b}2J\u{7f}".as_bytes(), "\\u{9b}2J\\x7f"),
            ("a\u{202e}b".as_bytes(), "a\\u{202e}b"),
            (b"a\xffb\xc3", "a\\xffb\\xc3"),
            (b"\0", "\\x00"),
        ] {
            assert_eq!(shown(bytes, Breaks::Escaped), escaped);
        }
        assert_eq!(shown(b"a\nb\tc\rd", Breaks::Kept), "a\nb\tc\\rd");
    }

    #[test]
    fn whatever_the_bytes_nothing_of_them_reaches_a_terminal_but_text() {
        for seed in 0..20_000 {
            let bytes = any_bytes(seed);
            for breaks in [Breaks::Escaped, Breaks::Kept] {
                let shown = shown(&bytes, breaks);
                assert!(is_safe(shown.as_bytes(), breaks), "{bytes:?}: {shown:?}");
            }
        }
    }

    #[test]
    fn a_document_in_json_stays_the_same_one() {
        let text = "{\"a\":\"\u{9b}\u{7f}ä\u{202e}\",\r\n\t\"b\":1}";
        let mut to = Vec::new();
        append_json(text, &mut to);
        assert!(is_safe(&to, Breaks::Kept), "{to:?}");
        let read = |text: &[u8]| serde_json::from_slice::<serde_json::Value>(text).expect("JSON");
        assert_eq!(read(&to), read(text.as_bytes()));
    }
}
