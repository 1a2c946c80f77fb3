//! Goes through a document, byte by byte where it must, and from quote to quote where it can.

use memchr::memchr2;

/// How deep objects and arrays may be nested: as deep as serde_json takes them.
const DEPTH_MOST: u32 = 127;

/// It is no JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotJson;

/// A document, and how far it was gone through.
#[derive(Debug, Clone, Copy)]
pub struct Scanner<'a> {
    document: &'a str,
    at: usize,
    depth: u32,
}

impl<'a> Scanner<'a> {
    /// At the beginning of a document.
    pub fn new(document: &'a str) -> Self {
        Self {
            document,
            at: 0,
            depth: 0,
        }
    }

    /// How far it was gone through, in bytes.
    pub fn at(&self) -> usize {
        self.at
    }

    /// The next byte that is no space, which stays where it is.
    #[inline]
    pub fn peek(&mut self) -> Result<u8, NotJson> {
        loop {
            match self.document.as_bytes().get(self.at) {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                Some(byte) => return Ok(*byte),
                None => return Err(NotJson),
            }
        }
    }

    /// Is there nothing left but spaces?
    pub fn is_at_end(&mut self) -> bool {
        self.peek().is_err()
    }

    /// Calls `each` with the name of each member of the object that comes next, without its quotes and with its escapes.
    /// It must take the member's value, with one of these functions. Returns the object as it stands.
    pub fn object(
        &mut self,
        mut each: impl FnMut(&'a str, &mut Self) -> Result<(), NotJson>,
    ) -> Result<&'a str, NotJson> {
        let start = self.open(b'{')?;
        if self.peek()? == b'}' {
            return Ok(self.close(start));
        }
        loop {
            self.peek()?;
            let name = self.string()?;
            self.token(b':')?;
            each(name, self)?;
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => return Ok(self.close(start)),
                _ => return Err(NotJson),
            }
        }
    }

    /// Passes over the value that comes next, and returns it as it stands.
    pub fn value(&mut self) -> Result<&'a str, NotJson> {
        let first = self.peek()?;
        let start = self.at;
        match first {
            b'"' => drop(self.string()?),
            b'{' => return self.object(|_, scanner| scanner.value().map(drop)),
            b'[' => self.array()?,
            b't' => self.word("true")?,
            b'f' => self.word("false")?,
            b'n' => self.word("null")?,
            _ => self.number()?,
        }
        Ok(&self.document[start..self.at])
    }

    fn array(&mut self) -> Result<(), NotJson> {
        let start = self.open(b'[')?;
        if self.peek()? == b']' {
            self.close(start);
            return Ok(());
        }
        loop {
            self.value()?;
            match self.peek()? {
                b',' => self.at += 1,
                b']' => {
                    self.close(start);
                    return Ok(());
                }
                _ => return Err(NotJson),
            }
        }
    }

    /// Takes an opening bracket, and says where it stands.
    fn open(&mut self, bracket: u8) -> Result<usize, NotJson> {
        self.token(bracket)?;
        self.depth += 1;
        match self.depth > DEPTH_MOST {
            true => Err(NotJson),
            false => Ok(self.at - 1),
        }
    }

    /// Takes the closing bracket that comes next.
    fn close(&mut self, start: usize) -> &'a str {
        self.at += 1;
        self.depth -= 1;
        &self.document[start..self.at]
    }

    #[inline]
    fn token(&mut self, token: u8) -> Result<(), NotJson> {
        match self.peek()? == token {
            true => {
                self.at += 1;
                Ok(())
            }
            false => Err(NotJson),
        }
    }

    fn rest(&self) -> &'a [u8] {
        &self.document.as_bytes()[self.at..]
    }

    fn word(&mut self, word: &str) -> Result<(), NotJson> {
        match self.rest().starts_with(word.as_bytes()) {
            true => {
                self.at += word.len();
                Ok(())
            }
            false => Err(NotJson),
        }
    }

    /// The string that comes next, without its quotes.
    #[inline]
    fn string(&mut self) -> Result<&'a str, NotJson> {
        let [b'"', text @ ..] = self.rest() else {
            return Err(NotJson);
        };
        let start = self.at + 1;
        let mut at = 0;
        loop {
            let end = at + memchr2(b'"', b'\\', &text[at..]).ok_or(NotJson)?;
            if text[at..end].iter().any(|byte| *byte < 0x20) {
                return Err(NotJson);
            }
            if text[end] == b'"' {
                self.at = start + end + 1;
                return Ok(&self.document[start..start + end]);
            }
            at = end + escape(&text[end + 1..])?;
        }
    }

    fn number(&mut self) -> Result<(), NotJson> {
        let mut rest = self.rest();
        if let [b'-', after @ ..] = rest {
            rest = after;
        }
        rest = match rest {
            [b'0', after @ ..] => after,
            other => digits(other)?,
        };
        if let [b'.', after @ ..] = rest {
            rest = digits(after)?;
        }
        if let [b'e' | b'E', after @ ..] = rest {
            let after = match after {
                [b'+' | b'-', after @ ..] => after,
                after => after,
            };
            rest = digits(after)?;
        }
        self.at = self.document.len() - rest.len();
        Ok(())
    }
}

/// Behind the digits that come next, of which there must be one.
fn digits(text: &[u8]) -> Result<&[u8], NotJson> {
    let count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    match count {
        0 => Err(NotJson),
        count => Ok(&text[count..]),
    }
}

/// How many bytes an escape has, with its backslash. Half of a surrogate pair is JSON, too (RFC 8259, section 8.2).
fn escape(behind: &[u8]) -> Result<usize, NotJson> {
    match behind.first().ok_or(NotJson)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(2),
        b'u' => match behind.get(1..5) {
            Some(digits) if digits.iter().all(u8::is_ascii_hexdigit) => Ok(6),
            _ => Err(NotJson),
        },
        _ => Err(NotJson),
    }
}
