//! A password, which is shown nowhere.

use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context, bail};

/// The environment variable with the password of the database.
pub const VARIABLE: &str = "ARCHIVER_DATABASE_PASSWORD";

/// A password.
#[derive(Clone)]
pub struct Password(String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(a password)")
    }
}

impl Password {
    /// From the first line of this file, or else from the environment, if it is there.
    ///
    /// # Errors
    ///
    /// If the file can't be read, or its first line is empty.
    pub fn find(file: Option<&Path>) -> anyhow::Result<Option<Self>> {
        let Some(path) = file else {
            return Ok(std::env::var(VARIABLE).ok().map(Self));
        };
        let text = fs::read_to_string(path);
        let text = text.with_context(|| format!("reading the password in {}", path.display()))?;
        let password = first_line(&text);
        if password.is_empty() {
            bail!(
                "the first line of the password file {} is empty; write the password into it",
                path.display()
            );
        }
        Ok(Some(Self(password.to_owned())))
    }

    /// The password itself.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

/// Without its line break.
fn first_line(text: &str) -> &str {
    let line = text.split('\n').next().unwrap_or_default();
    line.strip_suffix('\r').unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_line_of_a_file_is_the_password() {
        for text in [
            "a b\n",
            "a b",
            "a b\r\n",
            "a b\nof the metrics' database\n",
            "a b\r\n\r\n",
            "a b\r",
        ] {
            let directory = tempfile::tempdir().expect("a directory");
            let path = directory.path().join("password");
            fs::write(&path, text).expect("is written");
            let password = Password::find(Some(&path)).expect("is read");
            assert_eq!(password.expect("a password").expose(), "a b", "{text:?}");
            fs::write(&path, "\na b\n").expect("is written");
            Password::find(Some(&path)).expect_err("is empty");
        }
    }
}
