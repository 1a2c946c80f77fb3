//! What an answer is to: a digest of all that it follows from.

use archiver_format::read::Selection;
use sha2::{Digest, Sha256};

use crate::digest::hex;
use crate::engine::Settings;

/// A digest of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key(String);

/// What an answer follows from.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// By which command it was asked.
    pub command: &'a str,
    /// All that the question says but source and times: names, filters, a model's digest.
    pub definition: &'a str,
    /// Which records.
    pub selection: &'a Selection,
    /// How they are read; by how much memory makes no difference.
    pub settings: &'a Settings,
    /// A digest of what the archive holds.
    pub archive: &'a str,
}

impl Key {
    /// Of what follows from this.
    pub fn of(origin: &Origin<'_>) -> Self {
        let (selection, settings) = (origin.selection, origin.settings);
        let range = format!("{:?}", (selection.since_ms, selection.until_ms));
        let how = format!("{:?}", (settings.skips_damaged, &settings.declared));
        Self::of_parts(&[
            origin.command,
            origin.definition,
            &range,
            &how,
            origin.archive,
        ])
    }

    /// Of these parts, in this order. The program's version is one of them: another one may answer otherwise.
    pub(super) fn of_parts(parts: &[&str]) -> Self {
        let mut digest = Sha256::new();
        for part in [env!("CARGO_PKG_VERSION")].iter().chain(parts) {
            // The length says where a part ends, whatever stands in it.
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part.as_bytes());
        }
        Self(hex(&digest.finalize()))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_questions_have_one_key() {
        let keys = [&["ab", "c"][..], &["a", "bc"], &["abc"], &["ab", "c", ""]];
        for (number, key) in keys.iter().enumerate() {
            assert_eq!(Key::of_parts(key), Key::of_parts(key));
            for other in &keys[..number] {
                assert_ne!(
                    Key::of_parts(key),
                    Key::of_parts(other),
                    "{key:?}, {other:?}"
                );
            }
        }
    }
}
