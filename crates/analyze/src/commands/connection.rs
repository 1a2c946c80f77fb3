//! Flags that say which database, and how rows go into it.

use std::path::PathBuf;

use archiver::cli::usage;

use crate::database::{Database, Password, Place};
use crate::load::How;

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
        let shown = url.split(':').next().unwrap_or(url);
        let place = place.map_err(|e| usage(&format!("--{flag} {shown}: {e}")))?;
        let password = Password::find(self.password_file.as_deref())?;
        Database::open(&place, password.as_ref()).await
    }
}

/// How rows go into a table.
#[derive(Debug, clap::Args)]
pub struct Writing {
    /// Make the table if it isn't there, and show how
    #[arg(long, requires = "table")]
    create: bool,
    /// So many rows in one transaction
    #[arg(long, value_name = "ROWS", default_value = "1000", requires = "table", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    batch: u32,
    #[command(flatten)]
    secret: Secret,
}

impl Writing {
    /// Opens the database that was typed behind `--to`.
    ///
    /// # Errors
    ///
    /// If it is none, or can't be opened.
    pub async fn open(&self, url: &str) -> anyhow::Result<Database> {
        self.secret.open("to", url).await
    }

    /// How they are written.
    pub fn how(&self) -> How {
        How {
            batch_rows: self.batch as usize,
            creates: self.create,
        }
    }
}
