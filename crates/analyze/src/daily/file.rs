//! A file that says what is done each day.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use archiver::cli::UsageError;
use archiver::moment::Zone;
use jiff::civil::Date;
use serde::{Deserialize, Deserializer, de};

use crate::database::Place;
use crate::definition::condition::condition;
use crate::load::check_name;
use crate::table::declared::Declared;
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
    pub load: Vec<Task>,
    /// What is judged.
    #[serde(default)]
    pub predict: Vec<Task>,
}

/// Records that go into a table each day, or what a model says of them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// What it is called: letters, digits, `_` and `-`.
    pub name: String,
    /// The archive.
    pub source: String,
    /// The file with the model that judges: of what is judged alone.
    pub model: Option<PathBuf>,
    /// Only records of which this holds, in SQL.
    pub filter: Option<String>,
    /// The fields that go into the table; all of them, if none is named. Of what is loaded alone.
    #[serde(default)]
    pub columns: Vec<String>,
    /// What fields hold, if the values don't show it: `FIELD=KIND`, as behind `--field`.
    #[serde(default)]
    pub field: Vec<Declared>,
    /// The database, as a URL without a password.
    #[serde(deserialize_with = "place")]
    pub to: Place,
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

impl Daily {
    /// All of it, in the order in which it is done: what is loaded, and then what is judged.
    pub fn tasks(&self) -> impl Iterator<Item = &Task> {
        self.load.iter().chain(&self.predict)
    }
}

impl Task {
    /// What it is called in messages.
    pub fn title(&self) -> String {
        let does = if self.model.is_some() {
            "predict"
        } else {
            "load"
        };
        format!("{does} {}", self.name)
    }
}

fn zone<'de, D: Deserializer<'de>>(from: D) -> Result<Zone, D::Error> {
    let name = String::deserialize(from)?;
    name.parse()
        .map_err(|e| de::Error::custom(format!("{name} is {e}")))
}

fn place<'de, D: Deserializer<'de>>(from: D) -> Result<Place, D::Error> {
    let url = String::deserialize(from)?;
    url.parse().map_err(de::Error::custom)
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

/// Is it a condition?
fn check(filter: &str) -> Result<(), UsageError> {
    condition(filter).map(drop)
}

fn parse(text: &str) -> anyhow::Result<Daily> {
    let daily = toml_file::parse::<Daily>(text)?;
    if daily.tasks().next().is_none() {
        bail!("there is neither [[load]] nor [[predict]] in it");
    }
    let mut names = HashSet::new();
    for task in daily.tasks() {
        let name = &task.name;
        let is_known = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
        if name.is_empty() || !name.chars().all(is_known) {
            bail!("{name:?} is no name; letters, digits, _ and - may be in one");
        }
        if !names.insert(name) {
            bail!("two of them are called {name}");
        }
        let checked = check_name(&task.table);
        let checked = checked.and_then(|()| task.filter.as_deref().map_or(Ok(()), check));
        checked.with_context(|| task.title())?;
    }
    if let Some(task) = daily.load.iter().find(|task| task.model.is_some()) {
        let name = &task.name;
        bail!("load {name}: a model judges, which [[predict]] does; leave out model");
    }
    for task in &daily.predict {
        let name = &task.name;
        if task.model.is_none() {
            bail!("predict {name}: model is missing, the file of the model that judges");
        }
        if !task.columns.is_empty() {
            bail!("predict {name}: columns are those of verdicts; leave out columns");
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
field = ["response_time=number"]
to = "mysql://metrics@db/metrics"
password_file = "/etc/archiver/db.password"
table = "normal_samples"
create = true
first = "2026-11-01"

[[predict]]
name = "verdicts"
source = "services"
model = "services.json"
to = "sqlite:verdicts.db"
table = "verdicts"
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
        assert_eq!(
            load.field,
            ["response_time=number".parse().expect("a kind")]
        );
        assert_eq!(load.to.to_string(), "mysql://metrics@db/metrics");
        let titles = daily.tasks().map(Task::title).collect::<Vec<_>>();
        assert_eq!(titles, ["load services", "predict verdicts"]);
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
            ("2026-11-01", "2026-11-31", "line 13: "),
            (
                "=number",
                "=float",
                "line 8: \"response_time=float\": \"float\" is none of",
            ),
            (
                "mysql://metrics@db/metrics",
                "oracle://db",
                "line 9: not a database; write mysql://",
            ),
            (WHOLE, "", "there is neither [[load]] nor [[predict]] in it"),
            (
                "\"verdicts\"",
                "\"services\"",
                "two of them are called services",
            ),
            (
                "\"normal_samples\"",
                "\"o'brien\"",
                "load services: o'brien is no table",
            ),
            (
                "response_time < 1.2",
                "response_time <",
                "load services: reading the filter response_time <: ",
            ),
            (
                "[[predict]]",
                "[[load]]",
                "load verdicts: a model judges, which [[predict]] does",
            ),
            (
                "model = \"services.json\"",
                "",
                "predict verdicts: model is missing",
            ),
            (
                "model = \"services.json\"",
                "model = \"services.json\"\ncolumns = [\"a\"]",
                "predict verdicts: columns are those of verdicts",
            ),
        ] {
            let error = format!("{:#}", parse(&WHOLE.replacen(from, to, 1)).expect_err(from));
            assert!(error.starts_with(said), "{error}");
        }
    }
}
