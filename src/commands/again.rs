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
        if is_no_secret(name) {
            return quoted(&word);
        }
        quoted(&format!("{flags}{name}=…"))
    });
    words
        .chain(["--resume".to_owned()])
        .collect::<Vec<_>>()
        .join(" ")
}

/// Properties of logins and TLS that are no secrets; of all others they may be.
const SHOWN: [&str; 6] = [
    "sasl.mechanism",
    "sasl.mechanisms",
    "ssl.ca.location",
    "ssl.certificate.location",
    "ssl.endpoint.identification.algorithm",
    "ssl.key.location",
];

/// Is the value of this property surely no secret?
fn is_no_secret(name: &str) -> bool {
    let of_login = ["sasl.", "ssl.", "plugin."];
    let words = ["password", "secret", "token", "credential"];
    let may_be = of_login.iter().any(|login| name.starts_with(login))
        || words.iter().any(|word| name.contains(word));
    // What is no property at all may be anything.
    SHOWN.contains(&name) || (name.contains('.') && !may_be)
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
    fn the_command_that_resumes_has_no_value_that_may_be_a_secret() {
        for (typed, again_typed) in [
            ("-X sasl.password=hidden", "-X sasl.password=…"),
            ("-Xa=hidden", "-Xa=…"),
            ("-X=a=hidden", "-X=a=…"),
            ("-qX a=hidden", "-qX a=…"),
            ("-qqXa=hidden", "-qqXa=…"),
            ("-X hidden", "-X =…"),
            ("-X ssl.key.pem=hidden", "-X ssl.key.pem=…"),
            (
                "-X sasl.oauthbearer.config=hidden",
                "-X sasl.oauthbearer.config=…",
            ),
            ("-X linger.ms=5", "-X linger.ms=5"),
            ("-Xsasl.mechanism=PLAIN", "-Xsasl.mechanism=PLAIN"),
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
