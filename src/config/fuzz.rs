//! What must hold of a configuration, whatever bytes it is made of.

use std::path::Path;
use std::str;

use toml::de::DeTable;

use super::load::load_text;
use super::substitute::substitute;
use super::{broker, name, properties, size};
use crate::moment::{parse_duration, show_duration};

/// The value of each librdkafka property that is planted.
const PROPERTY: &str = "hunter2";
/// The value of each variable of the environment.
const VARIABLE: &str = "swordfish";

/// A configuration with a secret planted in it is loaded or refused, and the secret is not told. The bytes before the
/// first NUL stand before the secret, the others after it. Of a text that isn't TOML nothing is told but places.
pub fn configuration(bytes: &[u8]) {
    let Some(typed) = text(bytes) else { return };
    let (before, after) = typed.split_once('\0').unwrap_or((typed, ""));
    let planted = format!("{before}\n[kafka]\n\"sasl.password\" = \"{PROPERTY}\"\n{after}");
    for text in [typed, &planted] {
        let env = |_: &str| Some(VARIABLE.into());
        match load_text("topics.toml", text, &env) {
            // A topic or a file may well come from the environment, and is told in the log.
            Ok(config) => assert_silent(&format!("{config:?}"), &[PROPERTY]),
            Err(error) => {
                assert_silent(&format!("{error}\n{error:?}"), &[PROPERTY, VARIABLE]);
                let without_mark = text.strip_prefix('\u{feff}').unwrap_or(text);
                if DeTable::parse(without_mark).is_err() {
                    assert_places_only(&error.to_string());
                }
            }
        }
    }
}

/// Every line of the report is archiver's and the parser's own: no line of the file is quoted.
fn assert_places_only(report: &str) {
    let is_place = |line: &str| {
        let place = line.strip_prefix("--> topics.toml:");
        place.is_some_and(|place| {
            place
                .bytes()
                .all(|byte| byte == b':' || byte.is_ascii_digit())
        })
    };
    for line in report
        .lines()
        .filter(|line| !line.is_empty() && !is_place(line))
    {
        let is_own =
            line.starts_with("error: not TOML: ") || line.contains(" in topics.toml; no file");
        assert!(is_own, "a file that isn't TOML is quoted in\n{report}");
    }
}

fn assert_silent(said: &str, secrets: &[&str]) {
    for secret in secrets {
        assert!(!said.contains(secret), "a secret is in\n{said}");
    }
}

/// A string with `${…}` in it has a value or faults, and those don't tell what was found.
pub fn substitution(bytes: &[u8]) {
    let Some(typed) = text(bytes) else { return };
    let env = |name: &str| (!name.starts_with('_')).then(|| VARIABLE.into());
    match substitute(typed, &env) {
        Ok(value) if !typed.contains("${") => assert_eq!(value, typed),
        Ok(_) => {}
        Err(faults) => {
            assert!(!faults.is_empty());
            assert_silent(&format!("{faults:?}"), &[VARIABLE]);
        }
    }
}

/// Durations, sizes, names and bootstrap lists are understood or refused.
pub fn words(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    if let Some(found) = parse_duration(text) {
        assert_eq!(parse_duration(&show_duration(found)), Some(found));
    }
    if let Some(found) = size::parse(text) {
        assert_eq!(size::parse(&found.to_string()), Some(found));
    }
    if name::is_valid(text) {
        let state = Path::new("/state").join(text);
        assert_eq!(state.parent(), Some(Path::new("/state")));
        assert_eq!(state.file_name(), Some(text.as_ref()));
    }
    if let Ok(found) = broker::parse(text) {
        let again = broker::parse(&found.list);
        assert_eq!(again.as_ref(), Ok(&found));
        assert!(!found.list.contains(char::is_whitespace), "{}", found.list);
    }
}

/// A property, chosen by the first byte, takes a value or doesn't.
pub fn property(bytes: &[u8]) {
    let Some((choice, value)) = bytes.split_first() else {
        return;
    };
    let Ok(value) = str::from_utf8(value) else {
        return;
    };
    let all: Vec<_> = properties::all().collect();
    properties::ask(all[usize::from(*choice) % all.len()].name, value);
}

/// The bytes as a text that has no secret in it by itself and leads to no file of the system.
fn text(bytes: &[u8]) -> Option<&str> {
    let text = str::from_utf8(bytes).ok()?;
    let barred = [
        PROPERTY,
        VARIABLE,
        "file:",
        "\\u0066",
        "\\U00000066",
        "\\x66",
    ];
    let is_fit = !barred.iter().any(|barred| text.contains(barred));
    is_fit.then_some(text)
}
