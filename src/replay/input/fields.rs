//! Fields of a JSON object, found without reading the rest of it.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// What is looked for: the names of a time and a key. A name may be one within an object within the object (`meta.ts`),
/// unless the object has one of that name itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'p> {
    pub time: &'p str,
    pub key: Option<&'p str>,
}

/// What was found.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Found<'a> {
    pub time: Option<&'a RawValue>,
    pub key: Option<&'a RawValue>,
}

impl Wanted<'_> {
    /// Looks through a line, which must be one JSON object and nothing else.
    pub fn find<'a>(&self, line: &'a [u8]) -> Result<Found<'a>, serde_json::Error> {
        let mut json = serde_json::Deserializer::from_slice(line);
        let found = Object(self).deserialize(&mut json)?;
        json.end()?;
        let within = |path: Option<&str>, found: Slot<'a>| match (found, path) {
            (Slot::Itself(value), _) => Some(value),
            (Slot::Above(above), Some(path)) => within(above, path),
            (Slot::Above(_), None) | (Slot::None, _) => None,
        };
        Ok(Found {
            time: within(Some(self.time), found.0),
            key: within(self.key, found.1),
        })
    }
}

/// The field of this path below the object that its first part names.
fn within<'a>(above: &'a RawValue, path: &str) -> Option<&'a RawValue> {
    let (_, rest) = path.split_once('.')?;
    let wanted = Wanted {
        time: rest,
        key: None,
    };
    wanted.find(above.get().as_bytes()).ok()?.time
}

/// A value that a JSON object has under a name.
#[derive(Clone, Copy)]
enum Slot<'a> {
    None,
    /// That of the first part of a path.
    Above(&'a RawValue),
    Itself(&'a RawValue),
}

/// Which of both is wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Match {
    None,
    Above,
    Itself,
}

struct Object<'w, 'p>(&'w Wanted<'p>);

impl<'de> DeserializeSeed<'de> for Object<'_, '_> {
    type Value = (Slot<'de>, Slot<'de>);

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_, '_> {
    type Value = (Slot<'de>, Slot<'de>);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut time, mut key) = (Slot::None, Slot::None);
        while let Some(matches) = map.next_key_seed(Name(self.0))? {
            if matches == (Match::None, Match::None) {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let value = map.next_value::<&RawValue>()?;
            for (slot, is_it) in [(&mut time, matches.0), (&mut key, matches.1)] {
                match (is_it, &slot) {
                    (Match::None, _) | (Match::Above, Slot::Itself(_)) => {}
                    (Match::Above, _) => *slot = Slot::Above(value),
                    (Match::Itself, _) => *slot = Slot::Itself(value),
                }
            }
        }
        Ok((time, key))
    }
}

/// Whether a name is one of those that are wanted.
struct Name<'w, 'p>(&'w Wanted<'p>);

impl<'de> DeserializeSeed<'de> for Name<'_, '_> {
    type Value = (Match, Match);

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_, '_> {
    type Value = (Match, Match);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        let matches = |path: &str| match path.strip_prefix(name) {
            Some("") => Match::Itself,
            Some(rest) if rest.starts_with('.') => Match::Above,
            _ => Match::None,
        };
        let key = self.0.key.map_or(Match::None, matches);
        Ok((matches(self.0.time), key))
    }
}

/// The text of a string, and anything else as it stands.
pub(super) fn text(value: &RawValue) -> Cow<'_, str> {
    let json = value.get();
    if !json.starts_with('"') {
        return json.into();
    }
    match serde_json::from_str::<&str>(json) {
        Ok(text) => text.into(),
        Err(_) => serde_json::from_str::<String>(json).map_or(json.into(), Cow::from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(line: &str, time: &str, key: Option<&str>) -> (Option<String>, Option<String>) {
        let wanted = Wanted { time, key };
        let found = wanted.find(line.as_bytes()).expect("an object");
        let shown = |value: Option<&RawValue>| value.map(|value| text(value).into_owned());
        (shown(found.time), shown(found.key))
    }

    #[test]
    fn fields_are_found_by_their_paths() {
        let line = r#"{"a":{"ts":1.50,"id":"x\ny","b":{"c":[1]}},"ts":"2","a.q":3,"k":null}"#;
        for (path, value) in [
            ("ts", Some("2")),
            ("a.ts", Some("1.50")),
            ("a.id", Some("x\ny")),
            ("a.b.c", Some("[1]")),
            ("a.q", Some("3")),
            ("k", Some("null")),
            ("k.x", None),
            ("ts.x", None),
            ("a.none", None),
            ("none", None),
            ("t", None),
        ] {
            let value = value.map(str::to_owned);
            assert_eq!(find(line, path, None), (value.clone(), None), "{path}");
            assert_eq!(find(line, "x", Some(path)), (None, value), "{path}");
        }
        let both = (Some("1.50".into()), Some("x\ny".into()));
        assert_eq!(find(line, "a.ts", Some("a.id")), both);
    }

    #[test]
    fn a_line_is_one_object() {
        let wanted = Wanted {
            time: "a",
            key: None,
        };
        for line in [
            "",
            "1",
            "[]",
            "{",
            r#"{"a":1}{"a":1}"#,
            r#"{"a":1,}"#,
            r#"{"b":[}"#,
        ] {
            assert!(wanted.find(line.as_bytes()).is_err(), "{line}");
        }
    }
}
