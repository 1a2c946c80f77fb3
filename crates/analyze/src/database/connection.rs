//! An open database.

use std::ops::Range;

use anyhow::{Context, anyhow};
use datafusion::arrow::array::ArrayAccessor;
use sqlx::mysql::{MySqlConnection, MySqlRow};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, FromRow};

use super::dialect::Dialect;
use super::password::Password;
use super::place::{Of, Place};
use super::rows::{Cells, Rows};
use super::table::Table;

/// An open database. What is done to it is in one transaction from [`begin`](Self::begin) to [`commit`](Self::commit).
pub struct Database {
    pub(super) connection: Open,
    pub(super) place: Place,
}

pub(super) enum Open {
    MySql(Box<MySqlConnection>),
    Postgres(Box<PgConnection>),
    Sqlite(Box<SqliteConnection>),
}

/// Does the same with each kind of connection.
macro_rules! with {
    ($open:expr, $connection:ident => $do:expr) => {
        match $open {
            Open::MySql($connection) => $do,
            Open::Postgres($connection) => $do,
            Open::Sqlite($connection) => $do,
        }
    };
}

/// A row of any of them.
trait Found:
    for<'r> FromRow<'r, MySqlRow>
    + for<'r> FromRow<'r, PgRow>
    + for<'r> FromRow<'r, SqliteRow>
    + Send
    + Unpin
{
}

impl<T> Found for T where
    T: for<'r> FromRow<'r, MySqlRow>
        + for<'r> FromRow<'r, PgRow>
        + for<'r> FromRow<'r, SqliteRow>
        + Send
        + Unpin
{
}

/// The cells of some rows, null or not.
fn part<A: ArrayAccessor + Copy>(
    cells: A,
    rows: Range<usize>,
) -> impl Iterator<Item = Option<A::Item>> {
    rows.map(move |row| cell(cells, row))
}

fn cell<A: ArrayAccessor + Copy>(cells: A, row: usize) -> Option<A::Item> {
    cells.is_valid(row).then(|| cells.value(row))
}

/// Binds the cells of rows one by one, row after row.
macro_rules! bound {
    ($query:expr, $rows:expr, $part:expr) => {{
        let mut query = $query;
        for row in $part {
            for cells in &$rows.columns {
                query = match cells {
                    Cells::Boolean(cells) => query.bind(cell(cells, row)),
                    Cells::Integer(cells) => query.bind(cell(cells, row)),
                    // Neither has a place for what is no number.
                    Cells::Number(cells) => query.bind(cell(cells, row).filter(|n| n.is_finite())),
                    Cells::Time(cells) | Cells::Text(cells) => query.bind(cell(cells, row)),
                };
            }
        }
        query
    }};
}

impl Database {
    /// Opens it.
    ///
    /// # Errors
    ///
    /// If it can't be reached, or refuses who asks.
    pub async fn open(place: &Place, password: Option<&Password>) -> anyhow::Result<Self> {
        let password = password.map(Password::expose);
        let connection = connect(place, password).await;
        let connection = connection.map_err(|e| anyhow!("opening {place}: {}", advised(&e)))?;
        let place = place.clone();
        Ok(Self { connection, place })
    }

    /// Whose SQL it takes.
    pub fn dialect(&self) -> Dialect {
        match self.connection {
            Open::MySql(_) => Dialect::MySql,
            Open::Postgres(_) => Dialect::Postgres,
            Open::Sqlite(_) => Dialect::Sqlite,
        }
    }

    /// Begins a transaction.
    ///
    /// # Errors
    ///
    /// If the connection is lost.
    pub async fn begin(&mut self) -> anyhow::Result<()> {
        // SQLite's would else begin with reading, and fail where another writer was quicker.
        let begin = match self.dialect() {
            Dialect::Sqlite => "BEGIN IMMEDIATE",
            Dialect::MySql | Dialect::Postgres => "BEGIN",
        };
        self.run(begin).await
    }

    /// Ends a transaction: what it did is there for good.
    ///
    /// # Errors
    ///
    /// If the connection is lost.
    pub async fn commit(&mut self) -> anyhow::Result<()> {
        self.run("COMMIT").await
    }

    /// Runs a statement.
    ///
    /// # Errors
    ///
    /// If the database refuses it.
    pub async fn run(&mut self, statement: &str) -> anyhow::Result<()> {
        let sql = AssertSqlSafe(statement.to_owned());
        let done = with!(&mut self.connection, connection => {
            sqlx::raw_sql(sql).execute(&mut **connection).await.map(drop)
        });
        done.map_err(|e| self.failed(&e))
    }

    /// Puts rows into a table, each in place of the one with its id. Numbers that are infinite or none are null.
    ///
    /// # Errors
    ///
    /// If the database refuses one of them.
    pub async fn upsert(&mut self, table: &Table, rows: &Rows) -> anyhow::Result<()> {
        let dialect = self.dialect();
        for (statement, range) in dialect.upserts(table, rows) {
            let sql = AssertSqlSafe(statement);
            let done = match &mut self.connection {
                Open::MySql(connection) => {
                    let query = bound!(sqlx::query(sql), rows, range);
                    query.execute(&mut **connection).await.map(drop)
                }
                Open::Sqlite(connection) => {
                    let query = bound!(sqlx::query(sql), rows, range);
                    query.execute(&mut **connection).await.map(drop)
                }
                Open::Postgres(connection) => {
                    let mut query = sqlx::query(sql);
                    for cells in &rows.columns {
                        query = match cells {
                            Cells::Boolean(cells) => {
                                query.bind(part(cells, range.clone()).collect::<Vec<_>>())
                            }
                            Cells::Integer(cells) => {
                                query.bind(part(cells, range.clone()).collect::<Vec<_>>())
                            }
                            Cells::Number(cells) => {
                                let cells = part(cells, range.clone());
                                let finite = cells.map(|cell| cell.filter(|n| n.is_finite()));
                                query.bind(finite.collect::<Vec<_>>())
                            }
                            Cells::Time(cells) | Cells::Text(cells) => {
                                let cells = part(cells, range.clone());
                                // PostgreSQL's texts have no zero bytes.
                                let texts = cells
                                    .map(|cell| cell.map(|text| text.replace('\0', "\u{fffd}")));
                                query.bind(texts.collect::<Vec<_>>())
                            }
                        };
                    }
                    query.execute(&mut **connection).await.map(drop)
                }
            };
            done.map_err(|e| self.failed(&e))
                .with_context(|| format!("writing into table {}", table.name))?;
        }
        Ok(())
    }

    /// The names of a table's columns with their types in its words; none, if there is no such table.
    ///
    /// # Errors
    ///
    /// If the database doesn't tell.
    pub async fn columns(&mut self, table: &str) -> anyhow::Result<Vec<(String, String)>> {
        let (schema, name) = split(table);
        let query = self.dialect().columns_query(schema.is_some());
        self.rows(&query, [Some(name), schema]).await
    }

    /// The columns of each unique index of a table, sorted.
    ///
    /// # Errors
    ///
    /// If the database doesn't tell.
    pub async fn ids(&mut self, table: &str) -> anyhow::Result<Vec<Vec<String>>> {
        let dialect = self.dialect();
        let (schema, name) = split(table);
        let quoted = dialect.table(table);
        let parameters = match dialect {
            Dialect::Postgres => [Some(&quoted[..]), None],
            Dialect::MySql | Dialect::Sqlite => [Some(name), schema],
        };
        let query = dialect.ids_query(schema.is_some());
        let ids = self.rows::<(String,)>(&query, parameters).await?;
        let split = ids
            .iter()
            .map(|(id,)| id.split(',').map(str::to_owned).collect());
        Ok(split.collect())
    }

    /// Makes a table unless it is there. Was it made?
    ///
    /// # Errors
    ///
    /// If the database can't be asked, or refuses.
    pub async fn made(&mut self, table: &Table) -> anyhow::Result<bool> {
        let is_there = !self.columns(&table.name).await?.is_empty();
        if !is_there {
            let statement = self.dialect().create(table);
            self.run(&statement).await?;
        }
        Ok(!is_there)
    }

    /// The rows of an answer to a query with these parameters.
    async fn rows<T: Found>(
        &mut self,
        query: &str,
        parameters: [Option<&str>; 2],
    ) -> anyhow::Result<Vec<T>> {
        let sql = AssertSqlSafe(query.to_owned());
        let found = with!(&mut self.connection, connection => {
            let mut asked = sqlx::query_as::<_, T>(sql);
            for parameter in parameters.into_iter().flatten() {
                asked = asked.bind(parameter);
            }
            asked.fetch_all(&mut **connection).await
        });
        found.map_err(|e| self.failed(&e))
    }

    /// The rows of two columns, numbers.
    ///
    /// # Errors
    ///
    /// If the database refuses the query.
    pub async fn numbers(&mut self, query: &str) -> anyhow::Result<Vec<(i64, i64)>> {
        self.rows(query, [None; 2]).await
    }

    /// Ends the connection.
    pub async fn close(self) {
        // What is committed is there; what isn't, was meant to go.
        let _ = with!(self.connection, connection => (*connection).close().await);
    }

    fn failed(&self, error: &sqlx::Error) -> anyhow::Error {
        anyhow!("{}: {}", self.place, advised(error))
    }
}

async fn connect(place: &Place, password: Option<&str>) -> sqlx::Result<Open> {
    Ok(match &place.of {
        Of::MySql(options) => {
            let options = options.as_ref().clone();
            let options = match password {
                Some(password) => options.password(password),
                None => options,
            };
            Open::MySql(Box::new(
                options.disable_statement_logging().connect().await?,
            ))
        }
        Of::Postgres(options) => {
            let options = options.as_ref().clone();
            let options = match password {
                Some(password) => options.password(password),
                None => options,
            };
            Open::Postgres(Box::new(
                options.disable_statement_logging().connect().await?,
            ))
        }
        Of::Sqlite(options) => {
            let options = options.as_ref().clone().disable_statement_logging();
            Open::Sqlite(Box::new(options.connect().await?))
        }
    })
}

/// A table's schema, if it is named, and its own name.
fn split(table: &str) -> (Option<&str>, &str) {
    match table.split_once('.') {
        Some((schema, name)) => (Some(schema), name),
        None => (None, table),
    }
}

/// What went wrong, and what can be done.
fn advised(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => error.message().to_owned(),
        sqlx::Error::Io(error) => format!("{error}; is it running, and are host and port right?"),
        sqlx::Error::Tls(error) => {
            format!("TLS: {error}; name its CA with ssl-ca=FILE or sslrootcert=FILE in the URL")
        }
        other => other.to_string(),
    }
}
