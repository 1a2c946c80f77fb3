//! Whether a value can stand in a line as the JSON that it is.

/// How deep objects and arrays may be nested in a value that stands as JSON. Some readers give up at 128, with what is
/// around it.
pub const DEPTH_MAX: u32 = 100;

/// Is this one JSON document (RFC 8259) that is neither a string nor `null`, and that every reader of the line takes, and
/// gives back with each of its bytes? See [the module above](super).
pub(super) fn stands_alone(text: &[u8]) -> bool {
    let may_begin = matches!(
        text.first(),
        Some(b'{' | b'[' | b't' | b'f' | b'-' | b'0'..=b'9')
    );
    let ends_itself = !matches!(text.last(), Some(b' ' | b'\t'));
    // The grammar is about bytes; within strings it takes any above 127.
    may_begin
        && ends_itself
        && Scanner { rest: text }.document().is_some()
        && std::str::from_utf8(text).is_ok()
}

/// Goes through a document. `None` is the end: it isn't one.
struct Scanner<'a> {
    rest: &'a [u8],
}

impl Scanner<'_> {
    fn document(&mut self) -> Option<()> {
        // For each open level, the innermost last, whether it is an object.
        let (mut objects, mut depth) = (0_u128, 0);
        loop {
            let token = self.token()?;
            let opens = matches!(token, b'{' | b'[');
            if opens {
                depth += 1;
                if depth > DEPTH_MAX {
                    return None;
                }
                objects = objects << 1 | u128::from(token == b'{');
                let is_empty = self.is_next(if token == b'{' { b'}' } else { b']' });
                if !is_empty {
                    if token == b'{' {
                        self.name()?;
                    }
                    continue;
                }
                (objects, depth) = (objects >> 1, depth - 1);
            } else {
                self.scalar(token)?;
            }
            // A value has ended, and with it perhaps those around it.
            loop {
                if depth == 0 {
                    return self.rest.is_empty().then_some(());
                }
                match (self.token()?, objects & 1 == 1) {
                    (b',', is_object) => {
                        if is_object {
                            self.name()?;
                        }
                        break;
                    }
                    (b'}', true) | (b']', false) => (objects, depth) = (objects >> 1, depth - 1),
                    _ => return None,
                }
            }
        }
    }

    /// The next byte.
    #[inline]
    fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(byte)
    }

    /// The next byte that is no space. A line break is none: the document must stay on its line.
    #[inline]
    fn token(&mut self) -> Option<u8> {
        loop {
            match self.byte()? {
                b' ' | b'\t' => {}
                byte => return Some(byte),
            }
        }
    }

    /// Takes this token, if it comes next.
    fn is_next(&mut self, token: u8) -> bool {
        let blanks = self.rest.iter();
        let blanks = blanks.take_while(|byte| matches!(byte, b' ' | b'\t'));
        let after = &self.rest[blanks.count()..];
        match after.split_first() {
            Some((&next, rest)) if next == token => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// A name in an object, with its colon.
    fn name(&mut self) -> Option<()> {
        (self.token()? == b'"').then_some(())?;
        self.string()?;
        (self.token()? == b':').then_some(())
    }

    fn scalar(&mut self, first: u8) -> Option<()> {
        match first {
            b'"' => self.string(),
            b't' => self.word(b"rue"),
            b'f' => self.word(b"alse"),
            b'n' => self.word(b"ull"),
            first => self.number(first),
        }
    }

    fn word(&mut self, rest: &[u8]) -> Option<()> {
        self.rest = self.rest.strip_prefix(rest)?;
        Some(())
    }

    /// What follows the opening quote.
    fn string(&mut self) -> Option<()> {
        loop {
            match self.byte()? {
                b'"' => return Some(()),
                b'\\' => self.escape()?,
                0..0x20 => return None,
                _ => {}
            }
        }
    }

    /// What follows a backslash. Each half of a surrogate pair needs the other one.
    fn escape(&mut self) -> Option<()> {
        match self.byte()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(()),
            b'u' => match self.code()? {
                0xd800..0xdc00 => {
                    self.word(b"\\u")?;
                    matches!(self.code()?, 0xdc00..0xe000).then_some(())
                }
                0xdc00..0xe000 => None,
                _ => Some(()),
            },
            _ => None,
        }
    }

    /// Four hexadecimal digits.
    fn code(&mut self) -> Option<u32> {
        let (digits, rest) = self.rest.split_first_chunk::<4>()?;
        self.rest = rest;
        digits.iter().try_fold(0, |code, &digit| {
            Some(code << 4 | char::from(digit).to_digit(16)?)
        })
    }

    fn number(&mut self, first: u8) -> Option<()> {
        let first = if first == b'-' { self.byte()? } else { first };
        match first {
            b'0' => {}
            b'1'..=b'9' => drop(self.digits()),
            _ => return None,
        }
        if let [b'.', rest @ ..] = self.rest {
            self.rest = rest;
            self.digits()?;
        }
        if let [b'e' | b'E', rest @ ..] = self.rest {
            self.rest = match rest {
                [b'+' | b'-', rest @ ..] => rest,
                rest => rest,
            };
            self.digits()?;
        }
        Some(())
    }

    /// Decimal digits, at least one.
    fn digits(&mut self) -> Option<()> {
        let digits = self.rest.iter().take_while(|byte| byte.is_ascii_digit());
        let count = digits.count();
        self.rest = &self.rest[count..];
        (count > 0).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_document_on_one_line_stands_alone() {
        for text in [
            "{}",
            "[]",
            "[ ]",
            "0",
            "-0.10e+7",
            "1E9",
            "123456789012345678901234567890",
            "true",
            "false",
            r#"{"a":1,"a":[null,{"b":"\u00e4\ud83d\ude00\\\"/"}] ,	"":""}"#,
            "[[],[[]],{},\"ä\u{2028}\u{7f}\"]",
        ] {
            assert!(stands_alone(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn anything_else_does_not() {
        for text in [
            "",
            " ",
            "null",
            "\"a\"",
            " {}",
            "{} ",
            "{}\t",
            "{}{}",
            "{\n}",
            "{\r}",
            "[1,]",
            "[,1]",
            "{\"a\"}",
            "{\"a\":}",
            "{a:1}",
            "{\"a\":1,}",
            "[1 2]",
            "[1}",
            "{\"a\":1]",
            "[",
            "]",
            "{",
            "01",
            "-",
            "1.",
            ".5",
            "1e",
            "+1",
            "tru",
            "truE",
            "nul",
            "NaN",
            "-Infinity",
            "[\"\n\"]",
            "[\"\u{1}\"]",
            "[\"]",
            r#"["\x"]"#,
            r#"["\u12"]"#,
            r#"["\ud800"]"#,
            r#"["\ude00"]"#,
            r#"["\ud800\u0041"]"#,
            "1 2",
            "true false",
            "['a']",
            "// a\n1",
        ] {
            assert!(!stands_alone(text.as_bytes()), "{text}");
        }
        assert!(!stands_alone(b"[\"\xff\"]"));
    }

    #[test]
    fn the_depth_has_a_limit() {
        let nested = |depth| ["[".repeat(depth), "]".repeat(depth)].concat();
        let most = DEPTH_MAX as usize;
        assert!(stands_alone(nested(most).as_bytes()));
        assert!(!stands_alone(nested(most + 1).as_bytes()));
    }
}
