//! How far a job has come in each partition: in a table of the database, so that it is true of what is there.

use std::collections::BTreeMap;

use datafusion::arrow::array::{Int64Array, StringArray};

use crate::database::{Cells, Column, Database, Kind, Rows, Table};

/// The table's name.
pub const NAME: &str = "archiver_load";

/// The next offset in each partition, of one job.
#[derive(Debug, Clone)]
pub struct Progress {
    job: String,
    next: BTreeMap<i64, i64>,
}

fn table() -> Table {
    Table {
        name: NAME.to_owned(),
        columns: vec![
            Column::new("job", Kind::Text),
            Column::new("partition", Kind::Integer),
            Column::new("next_offset", Kind::Integer),
        ],
        id: &["job", "partition"],
        kept: None,
    }
}

impl Progress {
    /// What the database says of a job; nothing, if its rows aren't there any more.
    ///
    /// # Errors
    ///
    /// If the database can't be asked, or has no such table and refuses to make it.
    pub async fn read(database: &mut Database, job: &str, is_anew: bool) -> anyhow::Result<Self> {
        let mut progress = Self {
            job: job.to_owned(),
            next: BTreeMap::new(),
        };
        if !database.made(&table()).await? && !is_anew {
            let quoted = |name| database.dialect().quoted(name);
            let (partition, name) = (quoted("partition"), quoted(NAME));
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
        let jobs = StringArray::from(vec![&self.job[..]; count]);
        let numbers = |numbers: Vec<i64>| Cells::Integer(Int64Array::from(numbers));
        let columns = vec![
            Cells::Text(jobs),
            numbers(self.next.keys().copied().collect()),
            numbers(self.next.values().copied().collect()),
        ];
        database.upsert(&table(), &Rows { columns, count }).await
    }
}
