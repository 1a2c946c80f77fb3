//! The rows of a table: cells between delimiters, some of them quoted (RFC 4180), and each row as it stands in the file.

use std::io;

use super::lines::Lines;

/// What a row may take at first; it grows.
const CELLS: usize = 64;
const CELL_BYTES: usize = 4 << 10;
/// No row is larger, unless it is one line: a quote was forgotten.
const ROW_BYTES_MAX: usize = 16 << 20;

/// Reads rows.
pub(super) struct Cells {
    lines: Lines,
    /// How many bytes of the line were read.
    read: usize,
    delimiter: u8,
    parser: csv_core::Reader,
    /// The cells of the row, one behind the other, and where each ends.
    cells: Vec<u8>,
    ends: Vec<usize>,
    count: usize,
    raw: Vec<u8>,
    /// Is the row given once more?
    again: bool,
}

impl Cells {
    /// The rows of these lines. No row may have been read of them.
    pub fn new(lines: Lines, delimiter: u8) -> Self {
        Self {
            lines,
            read: usize::MAX,
            delimiter,
            parser: csv_core::ReaderBuilder::new().delimiter(delimiter).build(),
            cells: vec![0; CELL_BYTES],
            ends: vec![0; CELLS],
            count: 0,
            raw: Vec::new(),
            again: false,
        }
    }

    /// Goes on to the next row that isn't empty; false behind the last one.
    ///
    /// # Errors
    ///
    /// If it can't be read, or has a quote that is never closed, which would take all that follows into one cell.
    pub fn advance(&mut self) -> io::Result<bool> {
        if std::mem::take(&mut self.again) {
            return Ok(true);
        }
        self.raw.clear();
        let (mut filled, mut at_end) = (0, false);
        self.count = 0;
        loop {
            if self.read >= self.lines.whole().len() && !at_end {
                at_end = !self.lines.advance()?;
                self.read = 0;
            }
            let line = match at_end {
                true => &[],
                false => &self.lines.whole()[self.read..],
            };
            let (cells, ends) = (&mut self.cells[filled..], &mut self.ends[self.count..]);
            let (result, read, written, ended) = self.parser.read_record(line, cells, ends);
            self.raw.extend_from_slice(&line[..read]);
            self.read += read;
            filled += written;
            self.count += ended;
            match result {
                csv_core::ReadRecordResult::InputEmpty => {}
                csv_core::ReadRecordResult::OutputFull => {
                    self.cells.resize(2 * self.cells.len(), 0);
                }
                csv_core::ReadRecordResult::OutputEndsFull => {
                    self.ends.resize(2 * self.ends.len(), 0);
                }
                csv_core::ReadRecordResult::Record if at_end => {
                    return self.open_quote().map_or(Ok(true), Err);
                }
                csv_core::ReadRecordResult::Record => return Ok(true),
                csv_core::ReadRecordResult::End => return Ok(false),
            }
            if self.raw.len() > ROW_BYTES_MAX
                && let Some(error) = self.open_quote()
            {
                return Err(error);
            }
        }
    }

    /// What is wrong if a quote of the row is open up to here.
    #[cold]
    fn open_quote(&self) -> Option<io::Error> {
        let at = quotes(&self.raw, self.delimiter).open?;
        let last = self.lines.number();
        let behind = self.raw[at..].strip_suffix(b"\n");
        let line = last - breaks(behind.unwrap_or(&self.raw[at..]));
        Some(io::Error::other(format!(
            "line {line}: a quote is opened that is not closed in what follows, up to line {last}; close it, or double a \
             quote that stands for itself"
        )))
    }

    /// Gives the row that was gone on to once more, when it is gone on the next time.
    pub fn step_back(&mut self) {
        self.again = true;
    }

    /// How many cells the row has.
    pub fn len(&self) -> usize {
        self.count
    }

    /// A cell of the row, without its quotes; empty if there are not so many.
    pub fn get(&self, number: usize) -> &[u8] {
        let Some(&end) = self.ends[..self.count].get(number) else {
            return &[];
        };
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.cells[start..end]
    }

    /// The cells of the row.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.count).map(|number| self.get(number))
    }

    /// The row as it stands in the file, without what ends it.
    pub fn raw(&self) -> &[u8] {
        let is_break = |byte: &u8| matches!(byte, b'\r' | b'\n');
        let start = self.raw.iter().take_while(|byte| is_break(byte)).count();
        let rest = &self.raw[start..];
        let end = rest.iter().rev().take_while(|byte| is_break(byte)).count();
        &rest[..rest.len() - end]
    }

    /// The number of the line that it begins in, from 1 on.
    pub fn line(&self) -> u64 {
        self.lines.number() - breaks(self.raw())
    }

    /// The number of the line that it ends in.
    pub fn last_line(&self) -> u64 {
        self.lines.number()
    }

    /// Does it go over several lines, with text behind a quote that ends a cell? Then most likely the quote that opened it
    /// was forgotten to be closed, and the one of another row has done so.
    pub fn is_run_together(&self) -> bool {
        breaks(self.raw()) > 0 && quotes(&self.raw, self.delimiter).has_text_behind
    }
}

/// How many lines end in this.
fn breaks(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}

/// The quotes of a row that are not as they should be.
#[derive(Default)]
struct Quotes {
    /// Where the one stands that is open at the end.
    open: Option<usize>,
    /// Text stands behind one that has ended its cell.
    has_text_behind: bool,
}

fn quotes(row: &[u8], delimiter: u8) -> Quotes {
    /// Where in a cell.
    enum At {
        Start,
        Within,
        Quoted(usize),
        /// Behind a quote that has ended the cell, or is the first of two.
        Quote(usize),
    }
    let (mut at, mut quotes) = (At::Start, Quotes::default());
    for (place, byte) in row.iter().enumerate() {
        at = match (at, *byte) {
            (At::Start, b'"') => At::Quoted(place),
            (At::Quoted(start), b'"') => At::Quote(start),
            (At::Quoted(start), _) | (At::Quote(start), b'"') => At::Quoted(start),
            (_, b'\r' | b'\n') => At::Start,
            (_, byte) if byte == delimiter => At::Start,
            (At::Quote(_), _) => {
                quotes.has_text_behind = true;
                At::Within
            }
            _ => At::Within,
        };
    }
    if let At::Quoted(place) = at {
        quotes.open = Some(place);
    }
    quotes
}

/// Appends a cell as JSON: nothing is null, what is a number, true or false in JSON is that, with all of its digits, and
/// anything else is text.
///
/// # Errors
///
/// If it isn't UTF-8.
pub(super) fn to_json(cell: &[u8], json: &mut Vec<u8>) -> Result<(), std::str::Utf8Error> {
    match cell {
        b"" | b"null" => json.extend_from_slice(b"null"),
        b"true" | b"True" | b"TRUE" => json.extend_from_slice(b"true"),
        b"false" | b"False" | b"FALSE" => json.extend_from_slice(b"false"),
        number if is_number(number) => json.extend_from_slice(number),
        text => to_json_text(text, json)?,
    }
    Ok(())
}

/// Appends a cell as a string.
///
/// # Errors
///
/// If it isn't UTF-8.
pub(super) fn to_json_text(cell: &[u8], json: &mut Vec<u8>) -> Result<(), std::str::Utf8Error> {
    let text = serde_json::Value::from(std::str::from_utf8(cell)?);
    json.extend_from_slice(text.to_string().as_bytes());
    Ok(())
}

/// Is it a number as JSON has them?
fn is_number(cell: &[u8]) -> bool {
    let digits = |text: &mut &[u8]| {
        let count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
        *text = &text[count..];
        count
    };
    let mut rest = cell.strip_prefix(b"-").unwrap_or(cell);
    let is_zero_first = rest.first() == Some(&b'0');
    let whole = digits(&mut rest);
    if whole == 0 || (is_zero_first && whole > 1) {
        return false;
    }
    if let Some(fraction) = rest.strip_prefix(b".") {
        rest = fraction;
        if digits(&mut rest) == 0 {
            return false;
        }
    }
    if let [b'e' | b'E', power @ ..] = rest {
        rest = match power {
            [b'+' | b'-', power @ ..] => power,
            power => power,
        };
        if digits(&mut rest) == 0 {
            return false;
        }
    }
    rest.is_empty()
}

#[cfg(test)]
#[path = "tests/cells.rs"]
mod tests;
