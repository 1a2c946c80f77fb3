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
    /// From this file, or else from the environment, if it is there. A line break at the end of a file is not part of it.
    ///
    /// # Errors
    ///
    /// If the file can't be read, or is empty.
    pub fn find(file: Option<&Path>) -> anyhow::Result<Option<Self>> {
        let Some(path) = file else {
            return Ok(std::env::var(VARIABLE).ok().map(Self));
        };
        let text = fs::read_to_string(path);
        let text = text.with_context(|| format!("reading the password in {}", path.display()))?;
        let password = text.strip_suffix('\n').unwrap_or(&text);
        let password = password.strip_suffix('\r').unwrap_or(password);
        if password.is_empty() {
            bail!(
                "the password file {} is empty; write the password into it",
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
