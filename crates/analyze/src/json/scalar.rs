//! What stands in a field, read as what its column holds.

use std::borrow::Cow;

/// What kind of value it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `null`, which says nothing of a column.
    Null,
    /// `true` or `false`.
    Boolean,
    /// A whole number of 64 bits.
    Integer,
    /// Any other number.
    Number,
    /// Text.
    Text,
    /// An object or an array.
    Nested,
}

/// What a value is, by how it stands in the document.
pub fn kind(raw: &str) -> Kind {
    match raw.as_bytes().first() {
        None | Some(b'n') => Kind::Null,
        Some(b't' | b'f') => Kind::Boolean,
        Some(b'"') => Kind::Text,
        Some(b'{' | b'[') => Kind::Nested,
        Some(_) if integer(raw).is_some() => Kind::Integer,
        Some(_) => Kind::Number,
    }
}

/// A whole number of 64 bits, without a point or an exponent.
pub fn integer(raw: &str) -> Option<i64> {
    raw.parse().ok()
}

/// A number. One that is too large is infinite.
pub fn number(raw: &str) -> Option<f64> {
    let is_number = raw.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    raw.parse().ok().filter(|_| is_number)
}

/// `true` or `false`.
pub fn boolean(raw: &str) -> Option<bool> {
    match raw {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// The text of a string, or whatever else it is as it stands there; nothing of `null`.
pub fn text(raw: &str) -> Option<Cow<'_, str>> {
    match raw.as_bytes().first()? {
        b'n' => None,
        b'"' => unquoted(raw.get(1..raw.len() - 1)?),
        _ => Some(raw.into()),
    }
}

/// A string without its escapes.
pub fn unquoted(inside: &str) -> Option<Cow<'_, str>> {
    match inside.contains('\\') {
        false => Some(inside.into()),
        true => serde_json::from_str::<String>(&format!("\"{inside}\""))
            .ok()
            .map(Cow::Owned),
    }
}
