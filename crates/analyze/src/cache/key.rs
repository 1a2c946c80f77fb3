//! What an answer is to: a digest of all that it follows from.

use sha2::{Digest, Sha256};

use crate::digest::hex;

/// A digest of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// Of these parts, in this order. The program's version is one of them: another one may answer otherwise.
    pub fn of(parts: &[&str]) -> Self {
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
            assert_eq!(Key::of(key), Key::of(key));
            for other in &keys[..number] {
                assert_ne!(Key::of(key), Key::of(other), "{key:?}, {other:?}");
            }
        }
    }
}
