//! A table as a Parquet file, for the engine to ask.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use datafusion::arrow::array::{
    ArrayRef, BooleanBuilder, Float64Builder, Int64Builder, RecordBatch, StringBuilder,
    TimestampMillisecondBuilder,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::parquet::arrow::ArrowWriter;
use futures::TryStreamExt;
use sqlx::{AssertSqlSafe, Row};

use super::connection::{Database, Open};
use super::dialect::Dialect;
use super::rows::Kind;

/// So many rows are written at once.
const ROWS_AT_ONCE: usize = 8192;

/// A column while it is filled.
enum Builder {
    Boolean(BooleanBuilder),
    Integer(Int64Builder),
    /// Milliseconds since 1970.
    Time(TimestampMillisecondBuilder),
    Number(Float64Builder),
    Text(StringBuilder),
}

impl Builder {
    /// For a type in the words of a database.
    fn of(type_name: &str) -> Self {
        match Kind::of_sql(type_name) {
            Kind::Time => Self::Time(TimestampMillisecondBuilder::new().with_timezone("+00:00")),
            Kind::Boolean => Self::Boolean(BooleanBuilder::new()),
            Kind::Integer => Self::Integer(Int64Builder::new()),
            Kind::Number => Self::Number(Float64Builder::new()),
            Kind::Text => Self::Text(StringBuilder::new()),
        }
    }

    fn data_type(&self) -> DataType {
        match self {
            Self::Boolean(_) => DataType::Boolean,
            Self::Integer(_) => DataType::Int64,
            Self::Time(_) => DataType::Timestamp(TimeUnit::Millisecond, Some("+00:00".into())),
            Self::Number(_) => DataType::Float64,
            Self::Text(_) => DataType::Utf8,
        }
    }

    /// The column as what is built here, whatever the database has it as.
    fn selected(&self, column: &str, dialect: Dialect) -> String {
        match (self, dialect) {
            // A boolean isn't cast to 64 bits.
            (Self::Boolean(_), Dialect::Postgres) => {
                format!("CAST(CAST({column} AS int) AS bigint)")
            }
            (Self::Boolean(_) | Self::Integer(_), Dialect::MySql) => {
                format!("CAST({column} AS SIGNED)")
            }
            (Self::Boolean(_) | Self::Integer(_), Dialect::Sqlite) => {
                format!("CAST({column} AS INTEGER)")
            }
            (Self::Integer(_), Dialect::Postgres) => format!("CAST({column} AS bigint)"),
            // The session is in UTC. UNIX_TIMESTAMP would end in 2038.
            (Self::Time(_), Dialect::MySql) => {
                format!("TIMESTAMPDIFF(MICROSECOND, '1970-01-01', {column}) DIV 1000")
            }
            (Self::Time(_), Dialect::Postgres) => {
                format!("CAST(ROUND(EXTRACT(EPOCH FROM {column}) * 1000) AS bigint)")
            }
            (Self::Time(_), Dialect::Sqlite) => {
                format!("CAST(ROUND((julianday({column}) - 2440587.5) * 86400000) AS INTEGER)")
            }
            (Self::Number(_), Dialect::MySql) => format!("{column} + 0e0"),
            (Self::Number(_), Dialect::Postgres) => format!("CAST({column} AS double precision)"),
            (Self::Number(_), Dialect::Sqlite) => format!("CAST({column} AS REAL)"),
            (Self::Text(_), Dialect::MySql) => format!("CAST({column} AS CHAR)"),
            (Self::Text(_), Dialect::Postgres | Dialect::Sqlite) => {
                format!("CAST({column} AS TEXT)")
            }
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Boolean(builder) => Arc::new(builder.finish()),
            Self::Integer(builder) => Arc::new(builder.finish()),
            Self::Time(builder) => Arc::new(builder.finish()),
            Self::Number(builder) => Arc::new(builder.finish()),
            Self::Text(builder) => Arc::new(builder.finish()),
        }
    }
}

/// Reads rows of any of the databases into columns, and the columns into a file.
macro_rules! copied {
    ($connection:expr, $query:expr, $columns:expr) => {{
        let mut rows = sqlx::query(AssertSqlSafe($query)).fetch(&mut **$connection);
        while let Some(row) = rows.try_next().await? {
            for (number, builder) in $columns.builders.iter_mut().enumerate() {
                match builder {
                    Builder::Boolean(builder) => {
                        let number = row.try_get::<Option<i64>, _>(number)?;
                        builder.append_option(number.map(|number| number != 0))
                    }
                    Builder::Integer(builder) => {
                        builder.append_option(row.try_get::<Option<i64>, _>(number)?)
                    }
                    Builder::Time(builder) => {
                        builder.append_option(row.try_get::<Option<i64>, _>(number)?)
                    }
                    Builder::Number(builder) => {
                        builder.append_option(row.try_get::<Option<f64>, _>(number)?)
                    }
                    Builder::Text(builder) => {
                        builder.append_option(row.try_get::<Option<&str>, _>(number)?)
                    }
                }
            }
            $columns.row()?;
        }
    }};
}

struct Columns {
    builders: Vec<Builder>,
    schema: SchemaRef,
    rows: usize,
    writer: ArrowWriter<File>,
}

impl Columns {
    fn row(&mut self) -> anyhow::Result<()> {
        self.rows += 1;
        match self.rows {
            ROWS_AT_ONCE => self.flush(),
            _ => Ok(()),
        }
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        let columns = self.builders.iter_mut().map(Builder::finish).collect();
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns)?;
        self.rows = 0;
        Ok(self.writer.write(&batch)?)
    }
}

impl Database {
    /// Copies a table into a Parquet file: booleans, whole numbers, numbers, times, and text for everything else.
    ///
    /// # Errors
    ///
    /// If there is no such table, the database can't be read, or the file not be written.
    pub async fn copy(&mut self, table: &str, path: &Path) -> anyhow::Result<()> {
        let dialect = self.dialect();
        let there = self.columns(table).await?;
        if there.is_empty() {
            bail!("there is no table {table} in {}", self.place);
        }
        let builders = there
            .iter()
            .map(|(_, of)| Builder::of(of))
            .collect::<Vec<_>>();
        let named = there.iter().zip(&builders);
        let selected = named
            .clone()
            .map(|((name, _), builder)| builder.selected(&dialect.quoted(name), dialect));
        let selected = selected.collect::<Vec<_>>().join(", ");
        let query = format!("SELECT {selected} FROM {}", dialect.table(table));
        let fields = named.map(|((name, _), builder)| Field::new(name, builder.data_type(), true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let file = File::create(path).context("making a temporary file")?;
        let mut columns = Columns {
            writer: ArrowWriter::try_new(file, Arc::clone(&schema), None)?,
            builders,
            schema,
            rows: 0,
        };
        let reading = || format!("reading table {table}");
        self.copy_rows(query, &mut columns)
            .await
            .with_context(reading)?;
        columns.flush()?;
        columns.writer.close()?;
        Ok(())
    }

    async fn copy_rows(&mut self, query: String, columns: &mut Columns) -> anyhow::Result<()> {
        match &mut self.connection {
            Open::MySql(connection) => copied!(connection, query, columns),
            Open::Postgres(connection) => copied!(connection, query, columns),
            Open::Sqlite(connection) => copied!(connection, query, columns),
        }
        Ok(())
    }
}
