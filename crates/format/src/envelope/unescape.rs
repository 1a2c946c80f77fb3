//! Bytes of text back from a JSON string.

use std::borrow::Cow;

/// So many bytes are looked at at once.
const WORD: usize = 8;
/// 1 in each byte of a word.
const ONES: u64 = 0x0101_0101_0101_0101;
/// The highest bit of each byte of a word.
const HIGHS: u64 = ONES << 7;

/// The text of a string whose opening quote was read, borrowed where nothing in it is escaped, and what comes behind its
/// closing quote. `None` if it has no end, or is written as it is never written here.
#[inline]
pub(super) fn string(rest: &[u8]) -> Option<(Cow<'_, [u8]>, &[u8])> {
    let plain = plain_length(rest);
    match rest.get(plain)? {
        b'"' => Some((Cow::Borrowed(&rest[..plain]), &rest[plain + 1..])),
        b'\\' => unescaped(rest, plain),
        _ => None,
    }
}

/// How many bytes there are before one that is no plain text.
fn plain_length(text: &[u8]) -> usize {
    let (words, rest) = text.as_chunks::<WORD>();
    for (number, word) in words.iter().enumerate() {
        let plain = plain_length_of(*word);
        if plain < WORD {
            return number * WORD + plain;
        }
    }
    let plain = rest.iter().take_while(|byte| is_plain(**byte));
    words.len() * WORD + plain.count()
}

fn is_plain(byte: u8) -> bool {
    byte >= 0x20 && byte != b'"' && byte != b'\\'
}

/// How many bytes of a word come before one that is no plain text. A borrow may mark a byte wrongly, but only one behind
/// another that is marked rightly.
#[inline]
fn plain_length_of(word: [u8; WORD]) -> usize {
    let word = u64::from_le_bytes(word);
    let below = |word: u64, most: u64| word.wrapping_sub(ONES * most) & !word & HIGHS;
    let is = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    let marked = below(word, 0x20) | is(b'"') | is(b'\\');
    (marked.trailing_zeros() / 8) as usize
}

/// The same of a string whose first bytes are plain, with an escape behind them.
fn unescaped(rest: &[u8], plain: usize) -> Option<(Cow<'_, [u8]>, &[u8])> {
    // No escape is shorter than what it stands for. Whole words are copied, of which less may count.
    let mut text = vec![0; rest.len() + WORD];
    text[..plain].copy_from_slice(&rest[..plain]);
    let (mut from, mut to) = (plain, plain);
    loop {
        if let Some(word) = rest[from..].first_chunk::<WORD>() {
            text[to..to + WORD].copy_from_slice(word);
            let plain = plain_length_of(*word);
            (from, to) = (from + plain, to + plain);
            if plain == WORD {
                continue;
            }
        }
        match *rest.get(from)? {
            b'"' => {
                text.truncate(to);
                // A short string may stand before a long one.
                if text.capacity() > 2 * to {
                    text.shrink_to_fit();
                }
                return Some((text.into(), &rest[from + 1..]));
            }
            b'\\' => {
                let (byte, length) = escape(&rest[from..])?;
                text[to] = byte;
                (from, to) = (from + length, to + 1);
            }
            // The last few, which are no whole word.
            byte if is_plain(byte) => {
                text[to] = byte;
                (from, to) = (from + 1, to + 1);
            }
            _ => return None,
        }
    }
}

/// What an escape stands for, and how long it is. Others than these, which are written here, may stand for more than a
/// byte.
#[inline]
fn escape(from: &[u8]) -> Option<(u8, usize)> {
    Some(match from.get(1)? {
        byte @ (b'"' | b'\\' | b'/') => (*byte, 2),
        b'n' => (b'\n', 2),
        b'r' => (b'\r', 2),
        b't' => (b'\t', 2),
        b'b' => (0x08, 2),
        b'f' => (0x0c, 2),
        b'u' => match from.get(2..6)? {
            [b'0', b'0', high @ (b'0' | b'1'), low] => {
                let low = char::from(*low).to_digit(16)?;
                ((high - b'0') << 4 | u8::try_from(low).ok()?, 6)
            }
            _ => return None,
        },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Byte by byte.
    fn slowly(rest: &[u8]) -> Option<(Vec<u8>, &[u8])> {
        let (mut text, mut at) = (Vec::new(), 0);
        loop {
            match *rest.get(at)? {
                b'"' => return Some((text, &rest[at + 1..])),
                b'\\' => {
                    let (byte, length) = escape(&rest[at..])?;
                    text.push(byte);
                    at += length;
                }
                byte if byte < 0x20 => return None,
                byte => {
                    text.push(byte);
                    at += 1;
                }
            }
        }
    }

    #[test]
    fn a_string_is_the_same_wherever_its_words_begin_and_end() {
        let odd = [
            "\"", "\\\"", "\\\\", "\\n", "\\u0001", "\\u0041", "\\", "\u{1}", "\u{1f}", " ", "!",
            "#", "[", "]", "ä", "\u{7f}", "\u{80}", "\u{ff}", "😀", "\\\"\\\"", "\u{0}\"",
        ];
        for before in 0..=17 {
            for between in 0..=9 {
                for (first, second) in odd
                    .iter()
                    .flat_map(|first| odd.map(|second| (first, second)))
                {
                    let (before, between) = ("x".repeat(before), "y".repeat(between));
                    let text = format!("{before}{first}{between}{second}z\",1");
                    let (quickly, slowly) = (string(text.as_bytes()), slowly(text.as_bytes()));
                    let quickly = quickly.map(|(text, behind)| (text.into_owned(), behind));
                    assert_eq!(quickly, slowly, "{text}");
                }
            }
        }
    }

    #[test]
    fn a_string_without_an_end_is_none() {
        for text in [
            "",
            "a",
            "\\",
            "\\\"",
            "\\u00",
            "0123456\\",
            "01234567",
            "012345678\\n",
        ] {
            assert_eq!(string(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn what_is_not_escaped_is_borrowed() {
        let (text, behind) = string(b"plain text\" more").expect("a string");
        assert_eq!(
            (text, behind),
            (Cow::Borrowed(&b"plain text"[..]), &b" more"[..])
        );
    }
}
