//! Which database: the URL that was typed.

use std::fmt;
use std::str::FromStr;

use sqlx::mysql::MySqlConnectOptions;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};

use super::password::VARIABLE;

/// A database, without a password.
#[derive(Debug, Clone)]
pub struct Place {
    /// As it was typed, without a password.
    text: String,
    pub(super) of: Of,
}

/// How each is reached.
#[derive(Debug, Clone)]
pub(super) enum Of {
    MySql(Box<MySqlConnectOptions>),
    Postgres(Box<PgConnectOptions>),
    Sqlite(Box<SqliteConnectOptions>),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Place {
    type Err = String;

    /// `mysql://user@host/database`, `postgres://user@host/database`, or `sqlite:FILE`.
    fn from_str(text: &str) -> Result<Self, String> {
        if has_password(text) {
            return Err(format!(
                "a password on the command line is seen by everybody on this machine; leave it out, and put it into {VARIABLE} or a file (--password-file)"
            ));
        }
        let scheme = text.split_once(':').map(|(scheme, _)| scheme);
        let of = match scheme {
            // What stands elsewhere than between :// and the host would be shown.
            Some("mysql" | "mariadb" | "postgres" | "postgresql") if !is_plain(text) => {
                return Err(
                    "not the URL of a database; write mysql://user@host/database or postgres://user@host/database, with %40 for an @ and %2F for a / in a name".to_owned(),
                );
            }
            Some("mysql" | "mariadb") => {
                let url = text.replacen("mariadb:", "mysql:", 1);
                url.parse().map(|of| Of::MySql(Box::new(of)))
            }
            Some("postgres" | "postgresql") => text.parse().map(|of| Of::Postgres(Box::new(of))),
            Some("sqlite") if !is_file(text) => {
                return Err("which file? in memory, nothing is kept; write sqlite:FILE".to_owned());
            }
            Some("sqlite") => sqlite(text).map(|of| Of::Sqlite(Box::new(of))),
            _ => {
                return Err(
                    "not a database; write mysql://user@host/database, postgres://user@host/database or sqlite:FILE"
                        .to_owned(),
                );
            }
        };
        let of = of.map_err(|e| format!("not the URL of a database: {e}"))?;
        if let Of::MySql(options) = &of
            && options.get_database().is_none()
        {
            return Err("which database? write mysql://user@host/DATABASE".to_owned());
        }
        let text = text.to_owned();
        Ok(Self { text, of })
    }
}

/// Does a URL of SQLite's name a file?
fn is_file(text: &str) -> bool {
    let rest = text.split_once(':').map_or("", |(_, rest)| rest);
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    !path.is_empty() && path != ":memory:" && !query.split('&').any(|pair| pair == "mode=memory")
}

/// Readers don't wait for the writer, and it doesn't for them.
fn sqlite(text: &str) -> sqlx::Result<SqliteConnectOptions> {
    let options = text.parse::<SqliteConnectOptions>()?;
    Ok(options
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal))
}

/// Is there a host behind `://`, and an `@` only before it?
fn is_plain(text: &str) -> bool {
    let Some((_, rest)) = text.split_once("://") else {
        return false;
    };
    let path = rest.split_once('/').map_or("", |(_, path)| path);
    !path.split('?').next().unwrap_or(path).contains('@')
}

/// Does the part before the host have a password?
fn has_password(text: &str) -> bool {
    let Some((_, rest)) = text.split_once("://") else {
        return false;
    };
    let authority = rest.split(['/', '?']).next().unwrap_or(rest);
    let is_parameter =
        |pair: &str| pair.starts_with("password=") || pair.starts_with("sslpassword=");
    let query = rest.split_once('?').map_or("", |(_, query)| query);
    let user = authority.rsplit_once('@').map_or("", |(user, _)| user);
    user.contains(':') || query.split('&').any(is_parameter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_on_the_command_line_is_refused_without_being_shown() {
        for url in [
            "mysql://me:hunter2@host/metrics",
            "postgres://me:hunter2@host/metrics",
            "postgres://host/metrics?user=me&password=hunter2",
        ] {
            let why = url.parse::<Place>().expect_err("is refused");
            assert!(why.contains("--password-file"), "{why}");
            assert!(!why.contains("hunter2"), "{why}");
        }
        for url in [
            "mysql:me:hunter2@host/metrics",
            "postgres://me:12/hunter2@host/metrics",
            "me:hunter2@host/metrics",
        ] {
            let why = url.parse::<Place>().expect_err("is refused");
            assert!(!why.contains("hunter2"), "{why}");
        }
    }

    #[test]
    fn databases_are_known_by_their_urls() {
        for url in [
            "mysql://me@127.0.0.1:3307/metrics",
            "mariadb://me@[::1]/metrics?ssl-mode=REQUIRED",
            "postgres:///metrics?host=/run/postgresql",
            "postgresql://me@host/metrics?sslmode=verify-full",
            "sqlite:samples.db",
            "sqlite:///var/lib/samples.db",
        ] {
            let place = url.parse::<Place>().expect(url);
            assert_eq!(place.to_string(), url);
        }
        for url in [
            "metrics",
            "oracle://host/x",
            "mysql://host",
            "mysql://host:x/y",
            "sqlite:",
            "sqlite://",
            "sqlite::memory:",
            "sqlite://:memory:",
            "sqlite:samples.db?mode=memory",
        ] {
            url.parse::<Place>().expect_err(url);
        }
    }
}
