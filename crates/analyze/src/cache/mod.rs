//! Answers of before, so that who asks again has them at once: in a database (SQLite) of the user's own.
//!
//! What an answer is to is its [`key`]: all that it follows from, what archives held included, so that no answer hides what
//! has come since. Answers are bounded in size and age; those that nobody has used for longest go first. [`recorder`] makes an
//! answer of rows that pass by.

pub mod key;
pub mod recorder;

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Connection, Row, SqliteConnection};

use self::key::Key;

/// The file. A version that keeps something else has a file of another name.
const FILE: &str = "answers-1.sqlite";
/// An answer that is larger isn't kept.
pub const ANSWER_BYTES_MOST: usize = 16 << 20;
/// All of them together have no more.
const BYTES_MOST: i64 = 256 << 20;
/// An answer that is older is made anew: 30 days.
const AGE_MS_MOST: i64 = 30 * 24 * 60 * 60 * 1_000;
/// When an answer was used last is known so exactly; who asks often writes seldom.
const USED_MS: i64 = 60 * 1_000;
/// So long somebody else may hold the database: an answer can be made without it.
const PATIENCE: Duration = Duration::from_millis(250);

const TABLE: &str = "CREATE TABLE IF NOT EXISTS answers (\
    key TEXT PRIMARY KEY, answer BLOB NOT NULL, notes TEXT NOT NULL, bytes INTEGER NOT NULL, \
    made_ms INTEGER NOT NULL, used_ms INTEGER NOT NULL)";

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its rows, as a Parquet file.
    pub rows: Vec<u8>,
    /// What was said beside it.
    pub notes: Vec<String>,
}

/// The answers.
pub struct Cache {
    path: PathBuf,
    database: SqliteConnection,
    bytes_most: i64,
}

/// Where this user's caches are: `$XDG_CACHE_HOME`, or `.cache` at home. Nothing for who has no home.
pub fn directory() -> Option<PathBuf> {
    let of = |variable: &str| std::env::var_os(variable).map(PathBuf::from);
    let absolute = |path: &PathBuf| path.is_absolute();
    let caches = of("XDG_CACHE_HOME").filter(absolute);
    let caches = caches.or_else(|| Some(of("HOME").filter(absolute)?.join(".cache")));
    Some(caches?.join("archiver-analyze"))
}

impl Cache {
    /// Opens it in this directory, which is made if it isn't there.
    ///
    /// # Errors
    ///
    /// If it can't be opened: another one holds it, or it is damaged.
    pub async fn open(directory: &Path) -> anyhow::Result<Self> {
        let path = directory.join(FILE);
        let opening = || format!("opening the cache {}", path.display());
        // What was asked is nobody else's business.
        let made = DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory);
        made.with_context(opening)?;
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(PATIENCE);
        let database = SqliteConnection::connect_with(&options).await;
        let mut database = database.with_context(opening)?;
        let made = sqlx::query(TABLE).execute(&mut database).await;
        made.with_context(opening)?;
        Ok(Self {
            path,
            database,
            bytes_most: BYTES_MOST,
        })
    }

    /// The answer to this, if there is one that isn't too old by now.
    ///
    /// # Errors
    ///
    /// If it can't be read.
    pub async fn find(&mut self, key: &Key, now_ms: i64) -> anyhow::Result<Option<Answer>> {
        let found = self.found(key, now_ms).await;
        found.with_context(|| format!("reading the cache {}", self.path.display()))
    }

    async fn found(&mut self, key: &Key, now_ms: i64) -> anyhow::Result<Option<Answer>> {
        let asked =
            sqlx::query("SELECT answer, notes, used_ms FROM answers WHERE key = ? AND made_ms > ?")
                .bind(key.as_str())
                .bind(now_ms.saturating_sub(AGE_MS_MOST));
        let Some(row) = asked.fetch_optional(&mut self.database).await? else {
            return Ok(None);
        };
        let notes = row.try_get::<String, _>("notes")?;
        let answer = Answer {
            rows: row.try_get("answer")?,
            notes: serde_json::from_str(&notes)?,
        };
        let used_ms = row.try_get::<i64, _>("used_ms")?;
        if now_ms.saturating_sub(used_ms) > USED_MS {
            let used = sqlx::query("UPDATE answers SET used_ms = ? WHERE key = ?")
                .bind(now_ms)
                .bind(key.as_str());
            // The answer is there, whoever holds the database.
            let _ = used.execute(&mut self.database).await;
        }
        Ok(Some(answer))
    }

    /// Keeps an answer in place of the one that was there; others go, if there is no more room.
    ///
    /// # Errors
    ///
    /// If it can't be written.
    pub async fn keep(&mut self, key: &Key, answer: &Answer, now_ms: i64) -> anyhow::Result<()> {
        let kept = self.kept(key, answer, now_ms).await;
        kept.with_context(|| format!("writing the cache {}", self.path.display()))
    }

    async fn kept(&mut self, key: &Key, answer: &Answer, now_ms: i64) -> anyhow::Result<()> {
        let notes = serde_json::to_string(&answer.notes)?;
        let bytes = i64::try_from(answer.rows.len() + notes.len())?;
        let mut change = self.database.begin().await?;
        sqlx::query("DELETE FROM answers WHERE key = ? OR made_ms <= ?")
            .bind(key.as_str())
            .bind(now_ms.saturating_sub(AGE_MS_MOST))
            .execute(&mut *change)
            .await?;
        sqlx::query(
            "DELETE FROM answers WHERE key IN (SELECT key FROM (\
             SELECT key, sum(bytes) OVER (ORDER BY used_ms DESC, key) AS all_bytes FROM answers) \
             WHERE all_bytes > ?)",
        )
        .bind(self.bytes_most - bytes)
        .execute(&mut *change)
        .await?;
        sqlx::query("INSERT INTO answers (key, answer, notes, bytes, made_ms, used_ms) VALUES (?, ?, ?, ?, ?, ?)")
            .bind(key.as_str())
            .bind(&answer.rows)
            .bind(notes)
            .bind(bytes)
            .bind(now_ms)
            .bind(now_ms)
            .execute(&mut *change)
            .await?;
        change.commit().await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
