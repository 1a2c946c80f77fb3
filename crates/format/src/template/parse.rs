//! From a text to the pieces of a template.

use super::Piece;
use super::error::TemplateError;
use super::times::{Fault, Format};

/// As many as a number of segments can have.
const DIGITS_MAX: usize = 20;

/// What is known while a text is read.
struct Reader {
    pieces: Vec<Piece>,
    /// The last placeholder, if nothing but digits was typed since, and whether it varies within an archive.
    beside: Option<bool>,
    /// The first placeholder that needs a number.
    needs_sequence: Option<(&'static str, usize)>,
}

/// The pieces of a template, checked.
pub(super) fn pieces(text: &str) -> Result<Vec<Piece>, TemplateError> {
    if text.contains('\0') {
        return Err(TemplateError::Zero);
    }
    let mut reader = Reader {
        pieces: Vec::new(),
        beside: None,
        needs_sequence: None,
    };
    let mut chars = (1..).zip(text.chars()).peekable();
    while let Some((column, char)) = chars.next() {
        let is_twice = chars.peek().is_some_and(|(_, next)| *next == char);
        match char {
            '{' | '}' if is_twice => {
                chars.next();
                reader.char(char);
            }
            '{' => {
                let mut inner = String::new();
                loop {
                    match chars.next() {
                        Some((_, '}')) => break,
                        None | Some((_, '{')) => return Err(TemplateError::Open { column }),
                        Some((_, char)) => inner.push(char),
                    }
                }
                reader.placeholder(&inner, column)?;
            }
            '}' => return Err(TemplateError::Close { column }),
            char => reader.char(char),
        }
    }
    let has_sequence = |piece: &Piece| matches!(piece, Piece::Sequence(_));
    match reader.needs_sequence {
        Some((name, column)) if !reader.pieces.iter().any(has_sequence) => {
            Err(TemplateError::NoSequence { name, column })
        }
        _ => Ok(reader.pieces),
    }
}

impl Reader {
    fn char(&mut self, char: char) {
        self.beside = self.beside.filter(|_| char.is_ascii_digit());
        match self.pieces.last_mut() {
            Some(Piece::Text(text)) => text.push(char),
            _ => self.pieces.push(Piece::Text(char.into())),
        }
    }

    /// What stands between two braces.
    fn placeholder(&mut self, inner: &str, column: usize) -> Result<(), TemplateError> {
        let (name, argument) = match inner.split_once(':') {
            Some((name, argument)) => (name, Some(argument)),
            None => (inner, None),
        };
        let bare = |name, piece| match argument {
            None => Ok(piece),
            Some(_) => Err(TemplateError::Argument { name, column }),
        };
        let piece = match name {
            "topic" => bare("topic", Piece::Topic)?,
            "name" => bare("name", Piece::Name)?,
            "partition" => bare("partition", Piece::Partition)?,
            "seq" => {
                let width = digits(argument).ok_or(TemplateError::Width { column })?;
                Piece::Sequence(width)
            }
            "opened" => Piece::Opened(self.format("opened", argument, column)?),
            "time" => Piece::Time(self.format("time", argument, column)?),
            _ => {
                let name = name.to_owned();
                return Err(TemplateError::Unknown { name, column });
            }
        };
        let varies = !matches!(piece, Piece::Topic | Piece::Name);
        if self.beside.is_some_and(|before| varies || before) {
            return Err(TemplateError::Adjacent { column });
        }
        self.beside = Some(varies);
        self.pieces.push(piece);
        Ok(())
    }

    fn format(
        &mut self,
        name: &'static str,
        argument: Option<&str>,
        column: usize,
    ) -> Result<Format, TemplateError> {
        self.needs_sequence.get_or_insert((name, column));
        Format::parse(argument.unwrap_or_default()).map_err(|fault| match fault {
            Fault::Constant => TemplateError::Format { name, column },
            Fault::Reserved => TemplateError::Reserved { column },
            Fault::Conversion(conversion, at) => TemplateError::Conversion {
                conversion,
                // Behind the brace, the name and the colon.
                column: column + 2 + name.len() + at,
            },
        })
    }
}

/// How many digits a number has at least, from what stands behind the colon.
fn digits(argument: Option<&str>) -> Option<usize> {
    let Some(argument) = argument else {
        return Some(1);
    };
    let digits = argument.strip_prefix('0')?;
    let is_number = !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit());
    let digits: usize = digits.parse().ok()?;
    (is_number && (1..=DIGITS_MAX).contains(&digits)).then_some(digits)
}

/// A template's text with `{seq:06}` where most people would want it: before the endings of the last name.
pub fn with_sequence(text: &str) -> String {
    let mut depth = 0;
    // Where the last name, or what stands in it behind its last placeholder, begins.
    let mut start = 0;
    for (at, char) in text.char_indices() {
        match char {
            '{' => depth += 1,
            '}' => {
                depth -= 1;
                start = at + 1;
            }
            '/' if depth == 0 => start = at + 1,
            _ => {}
        }
    }
    let is_whole = start == 0 || text[..start].ends_with('/');
    let rest = &text[start..];
    // A dot at the beginning of a name hides a file.
    let dot = rest.find('.').filter(|at| !is_whole || *at > 0);
    let (before, after) = text.split_at(start + dot.unwrap_or(rest.len()));
    let dash = if before.is_empty() || before.ends_with('/') {
        ""
    } else {
        "-"
    };
    format!("{before}{dash}{{seq:06}}{after}")
}
