//! The lines of a file, with their numbers.

use std::io;

use memchr::memchr;

use super::open::Plain;

/// No record of Kafka is larger, in bytes.
const LINE_BYTES_MAX: usize = 1 << 30;

/// Reads lines, one after the other.
pub(super) struct Lines {
    bytes: Plain,
    line: Vec<u8>,
    number: u64,
    /// Is the line given once more?
    again: bool,
}

impl Lines {
    /// The lines of a file from its beginning. A byte order mark before the first is left out.
    pub fn new(bytes: Plain) -> Self {
        Self {
            bytes,
            line: Vec::new(),
            number: 0,
            again: false,
        }
    }

    /// Goes on to the next line; false behind the last one.
    ///
    /// # Errors
    ///
    /// If it can't be read.
    pub fn advance(&mut self) -> io::Result<bool> {
        if std::mem::take(&mut self.again) {
            return Ok(true);
        }
        self.line.clear();
        loop {
            let number = self.number;
            let bytes = self
                .bytes
                .fill_buf()
                .map_err(|error| cut_off(error, number))?;
            let end = memchr(b'\n', bytes);
            let length = end.map_or(bytes.len(), |end| end + 1);
            self.line.extend_from_slice(&bytes[..length]);
            self.bytes.consume(length);
            if end.is_some() || (length == 0 && !self.line.is_empty()) {
                break;
            }
            if length == 0 {
                return Ok(false);
            }
            if self.line.len() > LINE_BYTES_MAX {
                let number = self.number + 1;
                return Err(io::Error::other(format!("line {number} has no end")));
            }
        }
        if self.number == 0 && self.line.starts_with(b"\xef\xbb\xbf") {
            self.line.drain(..3);
        }
        self.number += 1;
        Ok(true)
    }

    /// The same without lines that are empty.
    ///
    /// # Errors
    ///
    /// If one can't be read.
    pub fn advance_to_text(&mut self) -> io::Result<bool> {
        while self.advance()? {
            if !self.line().trim_ascii().is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Gives the line that was gone on to once more, when it is gone on the next time.
    pub fn step_back(&mut self) {
        self.again = true;
    }

    /// The line, without what ends it.
    pub fn line(&self) -> &[u8] {
        let line = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
        line.strip_suffix(b"\r").unwrap_or(line)
    }

    /// The line as it stands in the file, with its newline if it has one.
    pub fn whole(&self) -> &[u8] {
        &self.line
    }

    /// Its number, from 1 on.
    pub fn number(&self) -> u64 {
        self.number
    }
}

/// What is said of an error behind so many lines: of compressed data that has no end it is only said that it has none.
fn cut_off(error: io::Error, lines: u64) -> io::Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => io::Error::new(
            io::ErrorKind::UnexpectedEof,
            format!(
                "behind line {lines} its compressed data ends in the middle: the file was cut off, or is still written"
            ),
        ),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Cursor};

    use super::*;

    #[test]
    fn lines_are_given_without_what_ends_them() {
        let text = b"\xef\xbb\xbfa\r\n\nlonger than the buffer\nlast".to_vec();
        let bytes = BufReader::with_capacity(4, Cursor::new(text));
        let mut lines = Lines::new(Box::new(bytes));
        for (number, line) in (1..).zip(["a", "", "longer than the buffer", "last"]) {
            assert!(lines.advance().expect("is read"));
            assert_eq!((lines.line(), lines.number()), (line.as_bytes(), number));
            lines.step_back();
            assert!(lines.advance().expect("is read"));
            assert_eq!((lines.line(), lines.number()), (line.as_bytes(), number));
        }
        assert!(!lines.advance().expect("is read"));
    }
}
