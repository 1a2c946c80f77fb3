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
    "file_mode",
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
    "file_mode",
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
    let length = typed.chars().count();
    let distance = |word: &'a str| {
        let meant = plain(word);
        let most = (meant.chars().count() / 3).max(1);
        let is_prefix = typed.len() >= PREFIX_MIN && meant.starts_with(&typed);
        // No text of another length is near, and a long one would take its time.
        if !is_prefix && length.abs_diff(meant.chars().count()) > most {
            return None;
        }
        let distance = strsim::damerau_levenshtein(&typed, &meant);
        let is_misspelt = distance <= most && distance < length;
        (is_prefix || is_misspelt).then_some((distance, word))
    };
    let near = known.into_iter().filter_map(distance);
    let nearest = near.min_by_key(|(distance, _)| *distance);
    nearest.map(|(_, word)| word)
}
