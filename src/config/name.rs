//! Names of topics and archives.

/// Kafka's rule for a topic's name, and archiver's for its own names, which become directories.
pub(super) fn is_valid(name: &str) -> bool {
    const BYTES_MAX: usize = 249;
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=BYTES_MAX).contains(&name.len())
        && name != "."
        && name != ".."
        && name.bytes().all(is_legal)
}

/// The rule in words.
pub(super) const RULE: &str = "1 to 249 of the characters A-Z a-z 0-9 . _ -, and not `.` or `..`";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_kafka_allows() {
        for name in ["a", "metrics", "A.b_c-9", "...", ".a", &"x".repeat(249)] {
            assert!(is_valid(name), "{name}");
        }
        for name in [
            "",
            ".",
            "..",
            "a b",
            "a/b",
            "ä",
            "a\n",
            "a:b",
            &"x".repeat(250),
        ] {
            assert!(!is_valid(name), "{name:?}");
        }
    }
}
