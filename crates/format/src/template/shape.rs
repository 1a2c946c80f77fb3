//! The shape of a template's paths: by it a path is told that a template can't have given.

use super::times::UNKNOWN;
use super::{Piece, Template};

/// A part of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Char(char),
    Digits,
    Letters,
    Sign,
}

impl Template {
    /// Has this path the shape of those that the template gives? Numbers may be any, times need not be in a calendar.
    pub fn can_give(&self, path: &str) -> bool {
        let mut rest = path;
        self.pieces
            .iter()
            .all(|piece| take(piece, &mut rest).is_some())
            && rest.is_empty()
    }
}

/// Takes what a piece may have given off the front of a path.
fn take(piece: &Piece, rest: &mut &str) -> Option<()> {
    match piece {
        Piece::Text(text) => *rest = rest.strip_prefix(text.as_str())?,
        Piece::Sequence(_) => take_all(rest, |char| char.is_ascii_digit())?,
        Piece::Partition => match rest.strip_prefix("all") {
            Some(after) => *rest = after,
            None => take_all(rest, |char| char.is_ascii_digit())?,
        },
        Piece::Opened(format) | Piece::Time(format) => {
            if let Some(after) = rest.strip_prefix(UNKNOWN) {
                *rest = after;
                return Some(());
            }
            for part in parts(format.as_str()) {
                match part {
                    Part::Char(char) => *rest = rest.strip_prefix(char)?,
                    Part::Digits => take_all(rest, |char| char.is_ascii_digit())?,
                    Part::Letters => take_all(rest, char::is_alphabetic)?,
                    Part::Sign => *rest = rest.strip_prefix(['+', '-'])?,
                }
            }
        }
        Piece::Topic | Piece::Name => return None,
    }
    Some(())
}

/// Takes all of such characters, at least one.
fn take_all(rest: &mut &str, is_one: impl Fn(char) -> bool) -> Option<()> {
    let end = rest.find(|char| !is_one(char)).unwrap_or(rest.len());
    *rest = &rest[end..];
    (end > 0).then_some(())
}

/// What the conversions of a format give. Digits that follow each other are one part.
pub(super) fn parts(format: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut chars = format.chars().peekable();
    while let Some(char) = chars.next() {
        if char != '%' {
            parts.push(Part::Char(char));
            continue;
        }
        chars.next_if(|next| *next == '-');
        let between = |char| [Part::Digits, Part::Char(char), Part::Digits];
        match chars.next() {
            Some('%') => parts.push(Part::Char('%')),
            Some('F') => {
                parts.extend(between('-'));
                parts.extend([Part::Char('-'), Part::Digits]);
            }
            Some('R') => parts.extend(between(':')),
            Some('T') => {
                parts.extend(between(':'));
                parts.extend([Part::Char(':'), Part::Digits]);
            }
            Some('B' | 'b' | 'h' | 'A' | 'a' | 'p' | 'P') => parts.push(Part::Letters),
            Some('z') => parts.extend([Part::Sign, Part::Digits]),
            _ => parts.push(Part::Digits),
        }
    }
    parts.dedup_by(|next, before| *next == Part::Digits && *before == Part::Digits);
    parts
}
