//! A file that says what is done each day.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use archiver::moment::Zone;
use jiff::civil::Date;
use serde::{Deserialize, Deserializer, de};

use crate::toml_file;

/// What is done each day.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Daily {
    /// Whose calendar the days are of; the machine's, if nothing is said.
    #[serde(default, deserialize_with = "zone")]
    pub timezone: Zone,
    /// What is loaded.
    #[serde(default)]
    pub load: Vec<Load>,
}

/// Records that go into a table each day.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Load {
    /// What it is called: letters, digits, `_` and `-`.
    pub name: String,
    /// The archive.
    pub source: String,
    /// Only records of which this holds, in SQL.
    pub filter: Option<String>,
    /// The fields that go into the table; all of them, if none is named.
    #[serde(default)]
    pub columns: Vec<String>,
    /// The database, as a URL without a password.
    pub to: String,
    /// The file with its password, instead of the environment.
    pub password_file: Option<PathBuf>,
    /// The table.
    pub table: String,
    /// The table is made if it isn't there.
    #[serde(default)]
    pub create: bool,
    /// The first day; the one before the first run, if none is said.
    pub first: Option<Date>,
}

fn zone<'de, D: Deserializer<'de>>(from: D) -> Result<Zone, D::Error> {
    let name = String::deserialize(from)?;
    name.parse()
        .map_err(|e| de::Error::custom(format!("{name} is {e}")))
}

/// Reads it.
///
/// # Errors
///
/// If it can't be read, or says something that isn't known: with the line, and what is wrong there.
pub fn read(path: &Path) -> anyhow::Result<Daily> {
    let reading = || {
        format!(
            "reading {}, which says what is done each day",
            path.display()
        )
    };
    let text = fs::read_to_string(path).with_context(reading)?;
    parse(&text).with_context(reading)
}

fn parse(text: &str) -> anyhow::Result<Daily> {
    let daily = toml_file::parse::<Daily>(text)?;
    if daily.load.is_empty() {
        bail!("there is no [[load]] in it");
    }
    for (number, load) in daily.load.iter().enumerate() {
        let is_known = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
        if load.name.is_empty() || !load.name.chars().all(is_known) {
            bail!(
                "{:?} is no name; letters, digits, _ and - may be in one",
                load.name
            );
        }
        if daily.load[..number]
            .iter()
            .any(|other| other.name == load.name)
        {
            bail!("two loads are called {}", load.name);
        }
    }
    Ok(daily)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"timezone = "Europe/Berlin"

[[load]]
name = "services"
source = "services"
filter = "response_time < 1.2"
columns = ["response_time"]
to = "mysql://metrics@db/metrics"
password_file = "/etc/archiver/db.password"
table = "normal_samples"
create = true
first = "2026-11-01"
"#;

    #[test]
    fn each_key_is_read() {
        let daily = parse(WHOLE).expect("is read");
        assert_eq!(daily.timezone.name(), "Europe/Berlin");
        let [load] = &daily.load[..] else {
            panic!("{daily:?}")
        };
        assert_eq!(load.first, Some(jiff::civil::date(2026, 11, 1)));
        assert!(load.create);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (from, to, said) in [
            ("source", "sources", "line 5: unknown field `sources`"),
            (
                "Europe/Berlin",
                "Europe/Berln",
                "line 1: Europe/Berln is no time zone that is known here; did you mean Europe/Berlin?",
            ),
            (
                "\"services\"\nsource",
                "\"a b\"\nsource",
                "\"a b\" is no name",
            ),
            ("2026-11-01", "2026-11-31", "line 12: "),
            (WHOLE, "", "there is no [[load]] in it"),
        ] {
            let error = format!("{:#}", parse(&WHOLE.replacen(from, to, 1)).expect_err(from));
            assert!(error.starts_with(said), "{error}");
        }
    }
}
