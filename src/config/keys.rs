//! The keys that a configuration can have, and the one that was meant.

/// At the top of the file.
pub(super) const TOP: &[&str] = &[
    "archive",
    "clusters",
    "defaults",
    "kafka",
    "limits",
    "shutdown_timeout",
    "state_dir",
];

/// In an `[[archive]]`.
pub(super) const ARCHIVE: &[&str] = &[
    "broker",
    "checkpoint",
    "compression",
    "compression_level",
    "corrupt",
    "existing",
    "file",
    "flush",
    "name",
    "newline",
    "start",
    "topic",
];

/// In `[defaults]`.
pub(super) const DEFAULTS: &[&str] = &[
    "checkpoint",
    "compression",
    "compression_level",
    "corrupt",
    "existing",
    "flush",
    "newline",
    "start",
];

/// In a `[clusters.NAME]`.
pub(super) const CLUSTER: &[&str] = &["broker", "commit_group", "connections", "kafka"];

/// In `[limits]`.
pub(super) const LIMITS: &[&str] = &["memory"];

/// Where a key belongs, for those who wrote it elsewhere.
pub(super) fn home(key: &str) -> Option<&'static str> {
    [
        (ARCHIVE, "in an `[[archive]]`"),
        (LIMITS, "in `[limits]`"),
        (CLUSTER, "in a `[clusters.NAME]` table"),
        (TOP, "at the top of the file, above the first `[table]`"),
    ]
    .into_iter()
    .find(|(keys, _)| keys.contains(&key))
    .map(|(_, home)| home)
}

/// The known word that `typed` was probably meant to be.
pub(super) fn nearest<'a>(
    typed: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    const PREFIX_MIN: usize = 4;
    let plain = |word: &str| word.to_lowercase().replace('-', "_");
    let typed = plain(typed);
    known
        .into_iter()
        .map(|word| (strsim::damerau_levenshtein(&typed, &plain(word)), word))
        .filter(|(distance, word)| {
            let prefix = typed.len() >= PREFIX_MIN && plain(word).starts_with(&typed);
            let misspelt = *distance <= (word.chars().count() / 3).max(1);
            prefix || (misspelt && *distance < typed.chars().count())
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}
