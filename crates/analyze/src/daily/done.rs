//! Which days of each task are done: in a table of the database that it writes into.

use anyhow::Context;
use datafusion::arrow::array::{Int64Array, StringArray};
use jiff::civil::Date;

use super::file::Task;
use crate::database::{Cells, Database, Rows};
use crate::load::own::{DAILY, called, made, of_days};

/// The days of a task that are done, from one to another, without a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done {
    /// The first.
    pub first: Date,
    /// The last that records reach; none, if they reach none yet, or the table was emptied since, so that all of them are to be
    /// done again.
    pub last: Option<Date>,
}

impl Done {
    /// Where a task goes on that is to begin with this day: with the last one that was done, for records that came late.
    pub fn next(self, first: Option<Date>) -> Date {
        let first = first.map_or(self.first, |first| first.min(self.first));
        self.last.filter(|_| first == self.first).unwrap_or(first)
    }

    /// With one more day behind the last, or anew from that one on. A day that no record reaches isn't done yet:
    /// archiver may be behind, and records of it are still to come.
    pub fn with(before: Option<Self>, day: Date, is_reached: bool) -> Self {
        let before = before.filter(|done| done.first <= day);
        let first = before.map_or(day, |done| done.first);
        let last = match is_reached {
            true => Some(day),
            false => before.and_then(|done| done.last),
        };
        Self { first, last }
    }
}

/// The days that are done of a task: of this name, from this source, and into this table. Other files may have one with the same
/// name.
///
/// # Errors
///
/// If the database can't be asked, or has no such table and refuses to make it.
pub async fn days(database: &mut Database, task: &Task) -> anyhow::Result<Option<Done>> {
    if made(database, &of_days()).await? {
        return Ok(None);
    }
    let days = database.dialect().quoted(DAILY);
    let [name, source, table] = key(task).map(|text| text.replace('\'', "''"));
    let query = format!(
        "SELECT first_day, last_day FROM {days} WHERE task = '{name}' AND source = '{source}' AND table_name = '{table}'"
    );
    let found = database.numbers(&query).await?;
    let Some((first, last)) = found.first() else {
        return Ok(None);
    };
    let first = date(*first).with_context(|| format!("reading {DAILY}: {first} is no day"))?;
    let last = date(*last);
    Ok(Some(Done { first, last }))
}

/// Takes note of them.
///
/// # Errors
///
/// If the database refuses it.
pub async fn note(database: &mut Database, task: &Task, done: Done) -> anyhow::Result<()> {
    let [name, source, table] = key(task).map(|text| Cells::Text(StringArray::from(vec![text])));
    let day = |day: Option<Date>| Cells::Integer(Int64Array::from(vec![day.map_or(0, number)]));
    let rows = Rows {
        columns: vec![name, source, table, day(Some(done.first)), day(done.last)],
        count: 1,
    };
    database.upsert(&of_days(), &rows).await
}

/// What a task is known by.
fn key(task: &Task) -> [String; 3] {
    [task.name.clone(), task.source.clone(), called(&task.table)]
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

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: i8) -> Date {
        jiff::civil::date(2026, 6, day)
    }

    #[test]
    fn a_first_day_before_those_that_are_done_begins_anew_there() {
        let done = Done {
            first: day(3),
            last: Some(day(9)),
        };
        assert_eq!(done.next(None), day(9));
        assert_eq!(done.next(Some(day(3))), day(9));
        assert_eq!(done.next(Some(day(20))), day(9));
        assert_eq!(done.next(Some(day(1))), day(1));
        // The table was emptied.
        let gone = Done { last: None, ..done };
        assert_eq!(gone.next(None), day(3));
        assert_eq!(gone.next(Some(day(5))), day(3));
        assert_eq!(gone.next(Some(day(1))), day(1));
    }

    #[test]
    fn days_that_are_done_have_no_gap_also_where_it_ends_halfway() {
        let first = Done::with(None, day(3), true);
        let next = Done::with(Some(first), day(4), true);
        assert_eq!((next.first, next.last), (day(3), Some(day(4))));
        // It began anew with the 1st, so that the 2nd isn't done yet.
        let anew = Done::with(Some(next), day(1), true);
        assert_eq!((anew.first, anew.last), (day(1), Some(day(1))));
    }

    #[test]
    fn a_day_that_no_record_reaches_is_done_again_once_they_are_there() {
        let reached = Done::with(None, day(3), true);
        let behind = Done::with(Some(reached), day(4), false);
        assert_eq!(behind.next(None), day(3));
        let further = Done::with(Some(behind), day(5), false);
        assert_eq!(further.next(None), day(3));
        let caught_up = Done::with(Some(further), day(5), true);
        assert_eq!(caught_up.next(None), day(5));
        // Nothing is there on the first day.
        let nothing = Done::with(None, day(3), false);
        assert_eq!(nothing.next(None), day(3));
    }
}
