//! The command that was typed, as it is typed again to go on.

/// The command that resumes the one of these words, without what may be a secret.
pub(super) fn again(words: impl Iterator<Item = String>) -> String {
    let mut is_property = false;
    let words = words.filter(|word| word != "--resume" && word != "--overwrite");
    let words = words.map(|word| {
        let is_value = std::mem::replace(&mut is_property, false);
        let Some(typed) = (match (is_value, property(&word)) {
            (true, _) => Some(word.as_str()),
            (false, Some("")) => {
                is_property = true;
                None
            }
            (false, typed) => typed,
        }) else {
            return quoted(&word);
        };
        let flags = &word[..word.len() - typed.len()];
        let name = typed.split_once('=').map_or("", |(name, _)| name);
        quoted(&format!("{flags}{name}=…"))
    });
    words
        .chain(["--resume".to_owned()])
        .collect::<Vec<_>>()
        .join(" ")
}

/// What follows -X in a word, which may have flags without values before it.
fn property(word: &str) -> Option<&str> {
    let flags = word.strip_prefix('-')?.trim_start_matches(['q', 'v']);
    let typed = flags.strip_prefix('X')?;
    Some(typed.strip_prefix('=').unwrap_or(typed))
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,=@%+…".contains(c);
    match word.chars().all(is_plain) && !word.is_empty() {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_that_resumes_has_no_value_of_a_property() {
        for (typed, again_typed) in [
            ("-X sasl.password=hidden", "-X sasl.password=…"),
            ("-Xa=hidden", "-Xa=…"),
            ("-X=a=hidden", "-X=a=…"),
            ("-qX a=hidden", "-qX a=…"),
            ("-qqXa=hidden", "-qqXa=…"),
            ("-X hidden", "-X =…"),
        ] {
            let typed = format!("archiver capture --overwrite {typed} -o {{topic}} --all");
            let words = typed.split(' ').map(str::to_owned);
            assert_eq!(
                again(words),
                format!("archiver capture {again_typed} -o '{{topic}}' --all --resume")
            );
        }
    }
}
