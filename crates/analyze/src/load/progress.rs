//! How far a job has come in each partition: in a table of the database, so that it is true of what is there.

use std::collections::BTreeMap;

use datafusion::arrow::array::{Int64Array, StringArray};

use super::own::{LOAD, called, made, of_loads};
use crate::database::{Cells, Database, Rows};

/// The next offset in each partition, of one job.
#[derive(Debug, Clone)]
pub struct Progress {
    job: String,
    table: String,
    next: BTreeMap<i64, i64>,
}

impl Progress {
    /// What the database says of a job into a table; nothing, if it is to begin anew.
    ///
    /// # Errors
    ///
    /// If the database can't be asked, or has no such table and refuses to make it.
    pub async fn read(
        database: &mut Database,
        (job, table): (&str, &str),
        is_anew: bool,
    ) -> anyhow::Result<Self> {
        let mut progress = Self {
            job: job.to_owned(),
            table: called(table),
            next: BTreeMap::new(),
        };
        if !made(database, &of_loads()).await? && !is_anew {
            let quoted = |name| database.dialect().quoted(name);
            let (partition, name) = (quoted("partition"), quoted(LOAD));
            // A job is called by hexadecimal digits alone.
            let query = format!("SELECT {partition}, next_offset FROM {name} WHERE job = '{job}'");
            progress.next = database.numbers(&query).await?.into_iter().collect();
        }
        Ok(progress)
    }

    /// Partitions with their next offsets.
    pub fn begun(&self) -> Vec<(i64, i64)> {
        self.next
            .iter()
            .map(|(partition, next)| (*partition, *next))
            .collect()
    }

    /// Takes note of records, by their partitions and offsets.
    pub fn advance(&mut self, records: impl Iterator<Item = (i64, i64)>) {
        for (partition, offset) in records {
            self.next.insert(partition, offset + 1);
        }
    }

    /// Writes it, within the transaction of the rows that it counts.
    ///
    /// # Errors
    ///
    /// If the database refuses it.
    pub async fn write(&self, database: &mut Database) -> anyhow::Result<()> {
        let count = self.next.len();
        let texts = |text: &str| Cells::Text(StringArray::from(vec![text; count]));
        let numbers = |numbers: Vec<i64>| Cells::Integer(Int64Array::from(numbers));
        let columns = vec![
            texts(&self.job),
            numbers(self.next.keys().copied().collect()),
            numbers(self.next.values().copied().collect()),
            texts(&self.table),
        ];
        database.upsert(&of_loads(), &Rows { columns, count }).await
    }
}
