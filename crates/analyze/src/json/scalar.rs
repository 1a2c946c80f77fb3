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

/// A string without its escapes. Half of a surrogate pair, which is no character, becomes U+FFFD.
pub fn unquoted(inside: &str) -> Option<Cow<'_, str>> {
    let parse = |inside: &str| serde_json::from_str::<String>(&format!("\"{inside}\"")).ok();
    match inside.contains('\\') {
        false => Some(inside.into()),
        true => parse(inside)
            .or_else(|| parse(&without_halves(inside)))
            .map(Cow::Owned),
    }
}

/// The same string, with U+FFFD in place of each half of a surrogate pair that stands alone.
fn without_halves(inside: &str) -> String {
    let mut whole = String::with_capacity(inside.len());
    let mut rest = inside;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        whole.push_str(before);
        let length = match (surrogate(escape), escape.get(6..).and_then(surrogate)) {
            (Some(Half::High), Some(Half::Low)) => 12,
            (Some(_), _) => {
                whole.push('\u{fffd}');
                rest = &escape[6..];
                continue;
            }
            // Whatever else it is, it isn't longer than its first two characters as far as halves go.
            (None, _) => 1 + escape[1..].chars().next().map_or(0, char::len_utf8),
        };
        let (kept, behind) = escape.split_at(length);
        whole.push_str(kept);
        rest = behind;
    }
    whole + rest
}

/// Half of a surrogate pair.
enum Half {
    High,
    Low,
}

/// The half that begins here, as an escape.
fn surrogate(escape: &str) -> Option<Half> {
    let code = u32::from_str_radix(escape.strip_prefix("\\u")?.get(..4)?, 16).ok()?;
    match code {
        0xd800..0xdc00 => Some(Half::High),
        0xdc00..0xe000 => Some(Half::Low),
        _ => None,
    }
}
