//! Bytes of text as a JSON string.

/// So many bytes are escaped at once.
const BLOCK: usize = 256;
/// What an escape can make of a byte: `\u001f`.
const LONGEST: usize = 6;
/// What a word of eight bytes can become without such an escape, and a byte behind it that doesn't count.
const WINDOW: usize = 17;

/// Of each byte, the two bytes that it becomes, the lower one first, and above them how many of these count; or [`LONG`].
/// One number, so that it is one look.
const ESCAPED: [u32; 256] = {
    let mut escaped = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let short = match byte as u8 {
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x08 => b'b',
            0x0c => b'f',
            byte @ (b'"' | b'\\') => byte,
            _ => 0,
        };
        escaped[byte] = match short {
            0 if byte < 0x20 => LONG,
            0 => 1 << 16 | byte as u32,
            short => 2 << 16 | (short as u32) << 8 | b'\\' as u32,
        };
        byte += 1;
    }
    escaped
};
/// It needs the longest escape.
const LONG: u32 = 1 << 31;

/// Escapes text, without a call or a branch for each byte.
#[derive(Debug)]
pub(super) struct Escaper {
    /// What a block has become, and room for a window behind it.
    block: Box<[u8; BLOCK * LONGEST + WINDOW]>,
}

impl Default for Escaper {
    fn default() -> Self {
        Self {
            block: Box::new([0; BLOCK * LONGEST + WINDOW]),
        }
    }
}

impl Escaper {
    /// Appends text, which must be UTF-8, as a string with its quotes.
    pub fn string(&mut self, text: &[u8], lines: &mut Vec<u8>) {
        lines.push(b'"');
        for block in text.chunks(BLOCK) {
            let length = self.escape(block);
            lines.extend_from_slice(&self.block[..length]);
        }
        lines.push(b'"');
    }

    /// Escapes a block, and says how many bytes it has become.
    #[inline]
    fn escape(&mut self, block: &[u8]) -> usize {
        let (words, rest) = block.as_chunks::<8>();
        let mut at = 0;
        for word in words {
            at += match self.block[at..].first_chunk_mut::<WINDOW>() {
                Some(window) if !has_escape(u64::from_le_bytes(*word)) => {
                    window[..8].copy_from_slice(word);
                    Some(8)
                }
                Some(window) => short(word, window),
                None => None,
            }
            .unwrap_or_else(|| self.long(word, at));
        }
        at + self.long(rest, at)
    }

    /// Puts bytes, of which any may need a long escape, at a place of the block, and says how many they have become.
    fn long(&mut self, bytes: &[u8], at: usize) -> usize {
        let digit = |digit: u8| b"0123456789abcdef"[usize::from(digit)];
        let mut to = at;
        for &byte in bytes {
            let escaped = ESCAPED[usize::from(byte)];
            if escaped == LONG {
                let code = [b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte & 15)];
                self.block[to..to + LONGEST].copy_from_slice(&code);
                to += LONGEST;
            } else {
                let [first, second, length, _] = escaped.to_le_bytes();
                self.block[to..to + 2].copy_from_slice(&[first, second]);
                to += usize::from(length);
            }
        }
        to - at
    }
}

/// Puts eight bytes into a window, and says how many they have become; `None` if one needs a long escape.
#[inline]
fn short(word: &[u8; 8], window: &mut [u8; WINDOW]) -> Option<usize> {
    let (mut at, mut all) = (0, 0);
    for &byte in word {
        let escaped = ESCAPED[usize::from(byte)];
        // Never more than 14 before the last byte; the compiler knows it by this.
        let place = at & 15;
        window[place] = escaped as u8;
        window[place + 1] = (escaped >> 8) as u8;
        at += (escaped >> 16) as usize;
        all |= escaped;
    }
    (all < LONG).then_some(at)
}

/// How many bytes text is as a string, without its quotes.
pub(super) fn length(text: &[u8]) -> usize {
    let length = |&byte: &u8| match ESCAPED[usize::from(byte)] {
        LONG => LONGEST,
        escaped => (escaped >> 16) as usize,
    };
    text.iter().map(length).sum()
}

/// Is any of eight bytes a control character, a quote or a backslash?
#[inline]
const fn has_escape(word: u64) -> bool {
    const ONES: u64 = u64::MAX / 255;
    // The highest bit of a byte is set if it is zero; others than the lowest such byte may be wrong.
    const fn zeros(word: u64) -> u64 {
        word.wrapping_sub(ONES) & !word
    }
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    let quote = zeros(word ^ (ONES * b'"' as u64));
    let backslash = zeros(word ^ (ONES * b'\\' as u64));
    (control | quote | backslash) & (ONES << 7) != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_is_escaped_wherever_it_stands() {
        let mut escaper = Escaper::default();
        for byte in 0..=127_u8 {
            for before in 0..20 {
                let mut text = vec![b'a'; before];
                text.push(byte);
                text.extend([b'z'; 9]);
                let text = String::from_utf8(text).expect("ASCII");
                let mut escaped = Vec::new();
                escaper.string(text.as_bytes(), &mut escaped);
                let expected = serde_json::to_string(&text).expect("a string");
                assert_eq!(String::from_utf8(escaped).expect("ASCII"), expected);
                assert_eq!(length(text.as_bytes()) + 2, expected.len());
            }
        }
    }

    #[test]
    fn text_of_any_length_is_escaped_as_a_whole() {
        let mut escaper = Escaper::default();
        for unit in ["\u{1}", "\"", "ä€😀\u{7f}", "a"] {
            for times in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK] {
                let text = unit.repeat(times);
                let mut escaped = b"before".to_vec();
                escaper.string(text.as_bytes(), &mut escaped);
                let expected = serde_json::to_string(&text).expect("a string");
                assert_eq!(escaped.strip_prefix(b"before"), Some(expected.as_bytes()));
            }
        }
    }
}
