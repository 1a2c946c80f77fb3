//! Flags that say which database.

use std::path::PathBuf;

use archiver::cli::usage;

use crate::database::{Database, Password, Place};

/// The file with a database's password.
#[derive(Debug, clap::Args)]
pub struct Secret {
    /// The file with the database's password, instead of ARCHIVER_DATABASE_PASSWORD
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

impl Secret {
    /// Opens the database that was typed behind a flag.
    ///
    /// # Errors
    ///
    /// If it is none, or can't be opened.
    pub async fn open(&self, flag: &str, url: &str) -> anyhow::Result<Database> {
        let place = url.parse::<Place>();
        // The URL may have a password in it.
        let shown = url.split_once("://").map_or(url, |(scheme, _)| scheme);
        let place = place.map_err(|e| usage(&format!("--{flag} {shown}: {e}")))?;
        let password = Password::find(self.password_file.as_deref())?;
        Database::open(&place, password.as_ref()).await
    }
}
