//! Files in TOML, and the line in which something is wrong.

use anyhow::anyhow;
use serde::de::DeserializeOwned;

/// What a text says.
///
/// # Errors
///
/// If it isn't what is meant: the line, and what is wrong there.
pub fn parse<T: DeserializeOwned>(text: &str) -> anyhow::Result<T> {
    toml::from_str(text).map_err(|error| {
        let said = error.message().replace('\n', "; ");
        match error.span() {
            Some(span) => {
                let line = text[..span.start].matches('\n').count() + 1;
                anyhow!("line {line}: {said}")
            }
            None => anyhow!(said),
        }
    })
}
