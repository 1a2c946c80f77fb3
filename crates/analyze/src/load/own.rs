//! The program's own tables in a database, beside those that rows go into: how far loads have come, and which days are done.
//!
//! What they say is true of a table until it is emptied, or dropped and made anew: then all of it is forgotten, whoever fills
//! the table first.

use anyhow::bail;

use crate::database::{Column, Database, Kind, Table};

/// How far each load has come.
pub const LOAD: &str = "archiver_load";
/// Which days are done of each task.
pub const DAILY: &str = "archiver_daily";

/// How far each load has come in each partition.
pub fn of_loads() -> Table {
    Table {
        name: LOAD.to_owned(),
        columns: vec![
            Column::new("job", Kind::Text),
            Column::new("partition", Kind::Integer),
            Column::new("next_offset", Kind::Integer),
            Column::new("table_name", Kind::Text),
        ],
        id: &["job", "partition"],
        kept: None,
    }
}

/// From which day on to which day each task is done: numbers like 20261130, and 0 if it begins again.
pub fn of_days() -> Table {
    Table {
        name: DAILY.to_owned(),
        columns: vec![
            Column::new("task", Kind::Text),
            Column::new("source", Kind::Text),
            Column::new("table_name", Kind::Text),
            Column::new("first_day", Kind::Integer),
            Column::new("last_day", Kind::Integer),
        ],
        id: &["task", "source", "table_name"],
        kept: None,
    }
}

/// What a table is called in them: some databases don't tell capitals from small letters.
pub fn called(table: &str) -> String {
    table.to_lowercase()
}

/// Is this one of them?
pub fn is_own(table: &str) -> bool {
    let name = called(table);
    let name = name.rsplit('.').next().unwrap_or_default();
    [LOAD, DAILY].contains(&name)
}

/// Makes one of them unless it is there. Was it made?
///
/// # Errors
///
/// If the database can't be asked or refuses, or what is there is another table.
pub async fn made(database: &mut Database, table: &Table) -> anyhow::Result<bool> {
    check(database, table).await?;
    database.made(table).await
}

/// Forgets how far loads into a table, and days of it, have come.
///
/// # Errors
///
/// If the database can't be asked, or refuses.
pub async fn forget(database: &mut Database, table: &str) -> anyhow::Result<()> {
    let name = called(table);
    let name = name.rsplit('.').next().unwrap_or_default();
    // With a schema or without, it may be the same table. Whatever is forgotten is only done once more.
    let of_table = format!("WHERE table_name = '{name}' OR table_name LIKE '%.{name}'");
    if check(database, &of_loads()).await? {
        let delete = format!("DELETE FROM {LOAD} {of_table}");
        database.run(&delete).await?;
    }
    if check(database, &of_days()).await? {
        // The first day stays known: there it begins again.
        let none = format!("UPDATE {DAILY} SET last_day = 0 {of_table}");
        database.run(&none).await?;
    }
    Ok(())
}

/// Is it there, and as it is meant to be?
async fn check(database: &mut Database, table: &Table) -> anyhow::Result<bool> {
    let there = database.columns(&table.name).await?;
    let has = |name: &str| there.iter().any(|(column, _)| column == name);
    let missing = table.columns.iter().find(|column| !has(&column.name));
    match missing {
        Some(column) if !there.is_empty() => bail!(
            "table {} has no column {}, so it is of another archiver-analyze; drop it: rows are then written once more, each in place of itself",
            table.name,
            column.name
        ),
        _ => Ok(!there.is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_known_whatever_their_schema_and_their_letters() {
        for (name, expected) in [
            ("archiver_load", true),
            ("metrics.Archiver_Daily", true),
            ("archiver_loads", false),
            ("samples", false),
        ] {
            assert_eq!(is_own(name), expected, "{name}");
        }
    }
}
