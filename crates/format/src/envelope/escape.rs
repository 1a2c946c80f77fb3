//! Bytes of text as a JSON string.

/// So many bytes are escaped at once.
const BLOCK: usize = 256;
/// What an escape can make of a byte: `\u001f`.
const LONGEST: usize = 6;

/// What follows a backslash in the place of a byte: a letter, or `u` and four digits. 0 if it stays as it is.
const ESCAPES: [u8; 256] = {
    let mut escapes = [0; 256];
    let mut control = 0;
    while control < 0x20 {
        escapes[control] = b'u';
        control += 1;
    }
    escapes[b'\n' as usize] = b'n';
    escapes[b'\r' as usize] = b'r';
    escapes[b'\t' as usize] = b't';
    escapes[0x08] = b'b';
    escapes[0x0c] = b'f';
    escapes[b'"' as usize] = b'"';
    escapes[b'\\' as usize] = b'\\';
    escapes
};

/// Escapes text, without a call or a branch for each byte.
#[derive(Debug)]
pub(super) struct Escaper {
    /// What a block has become; room for words of which only the first bytes count.
    block: Box<[u8; BLOCK * LONGEST + 8]>,
}

impl Default for Escaper {
    fn default() -> Self {
        Self {
            block: Box::new([0; BLOCK * LONGEST + 8]),
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
            if has_escape(u64::from_le_bytes(*word)) {
                for &byte in word {
                    at = self.byte(byte, at);
                }
            } else {
                self.block[at..at + 8].copy_from_slice(word);
                at += 8;
            }
        }
        for &byte in rest {
            at = self.byte(byte, at);
        }
        at
    }

    /// Puts a byte, and what stands before it, where the block has room.
    #[inline]
    fn byte(&mut self, byte: u8, at: usize) -> usize {
        let escape = ESCAPES[usize::from(byte)];
        if escape == b'u' {
            return self.control(byte, at);
        }
        self.block[at] = b'\\';
        let at = at + usize::from(escape != 0);
        self.block[at] = if escape == 0 { byte } else { escape };
        at + 1
    }

    #[cold]
    fn control(&mut self, byte: u8, at: usize) -> usize {
        let digit = |digit: u8| b"0123456789abcdef"[usize::from(digit)];
        let escaped = [b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte & 15)];
        self.block[at..at + LONGEST].copy_from_slice(&escaped);
        at + LONGEST
    }
}

/// How many bytes text is as a string, without its quotes.
pub(super) fn length(text: &[u8]) -> usize {
    let length = |&byte: &u8| match ESCAPES[usize::from(byte)] {
        0 => 1,
        b'u' => LONGEST,
        _ => 2,
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
