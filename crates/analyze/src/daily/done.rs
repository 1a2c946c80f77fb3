//! Up to which day each load has come: in a table of the database that it loads into.

use anyhow::Context;
use datafusion::arrow::array::{Int64Array, StringArray};
use jiff::civil::Date;

use crate::database::{Cells, Column, Database, Kind, Rows, Table};

/// The table's name.
pub const NAME: &str = "archiver_daily";

fn table() -> Table {
    Table {
        name: NAME.to_owned(),
        columns: vec![
            Column::new("name", Kind::Text),
            Column::new("last_day", Kind::Integer),
        ],
        id: &["name"],
        kept: None,
    }
}

/// The last day that was done, of the load of this name; its letters are letters, digits, `_` and `-`.
///
/// # Errors
///
/// If the database can't be asked, or has no such table and refuses to make it.
pub async fn last(database: &mut Database, name: &str) -> anyhow::Result<Option<Date>> {
    if database.made(&table()).await? {
        return Ok(None);
    }
    let table = database.dialect().quoted(NAME);
    let query = format!("SELECT last_day, last_day FROM {table} WHERE name = '{name}'");
    let found = database.numbers(&query).await?;
    let Some((day, _)) = found.first() else {
        return Ok(None);
    };
    let day = date(*day).with_context(|| format!("reading {NAME}: {day} is no day"))?;
    Ok(Some(day))
}

/// Takes note of a day.
///
/// # Errors
///
/// If the database refuses it.
pub async fn note(database: &mut Database, name: &str, day: Date) -> anyhow::Result<()> {
    let rows = Rows {
        columns: vec![
            Cells::Text(StringArray::from(vec![name])),
            Cells::Integer(Int64Array::from(vec![number(day)])),
        ],
        count: 1,
    };
    database.upsert(&table(), &rows).await
}

/// A day as people read it in the table: 20261130.
fn number(day: Date) -> i64 {
    let [year, month, day] = [
        i64::from(day.year()),
        i64::from(day.month()),
        i64::from(day.day()),
    ];
    (year * 100 + month) * 100 + day
}

fn date(number: i64) -> Option<Date> {
    let (year, month, day) = (number / 10_000, number / 100 % 100, number % 100);
    Date::new(
        year.try_into().ok()?,
        month.try_into().ok()?,
        day.try_into().ok()?,
    )
    .ok()
}
