//! The word that was meant.

/// The known word that `typed` was probably meant to be.
pub fn nearest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
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
