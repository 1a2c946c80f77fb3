//! The SQL of each database.

use std::ops::Range;

use super::rows::{Kind, Rows};
use super::table::{Column, Table};

/// Whose SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// MySQL and MariaDB.
    MySql,
    /// PostgreSQL.
    Postgres,
    /// SQLite.
    Sqlite,
}

/// As long as a topic's name may be.
const ID_CHARACTERS: usize = 249;

impl Dialect {
    /// A name as its SQL takes it, whatever stands in it.
    pub fn quoted(self, name: &str) -> String {
        let quote = match self {
            Self::MySql => '`',
            Self::Postgres | Self::Sqlite => '"',
        };
        let doubled = name.replace(quote, &format!("{quote}{quote}"));
        format!("{quote}{doubled}{quote}")
    }

    /// A table's name, with that of its schema if it has one.
    pub fn table(self, name: &str) -> String {
        let parts = name.splitn(2, '.').map(|part| self.quoted(part));
        parts.collect::<Vec<_>>().join(".")
    }

    /// So many cells are in a statement at most.
    pub(super) const fn cells_most(self) -> usize {
        match self {
            Self::MySql => 65_535,
            // A column is one parameter.
            Self::Postgres => usize::MAX,
            Self::Sqlite => 32_766,
        }
    }

    /// The statement that makes a table.
    pub fn create(self, table: &Table) -> String {
        let columns = table.columns.iter().map(|column| {
            let is_id = table.id.contains(&&column.name[..]);
            let (name, of) = (self.quoted(&column.name), self.type_of(column.kind, is_id));
            let not_null = if is_id { " NOT NULL" } else { "" };
            format!("    {name} {of}{not_null}")
        });
        let columns = columns.collect::<Vec<_>>().join(",\n");
        let id = self.list(table.id.iter().copied());
        // What is written in capitals is something else, and an umlaut isn't its vowel.
        let exact = match self {
            Self::MySql => " DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
            Self::Postgres | Self::Sqlite => "",
        };
        let name = self.table(&table.name);
        format!("CREATE TABLE {name} (\n{columns},\n    PRIMARY KEY ({id})\n){exact}")
    }

    fn type_of(self, kind: Kind, is_id: bool) -> String {
        let name = match (self, kind) {
            (Self::MySql, Kind::Text) if is_id => return format!("VARCHAR({ID_CHARACTERS})"),
            (_, Kind::Boolean) => "BOOLEAN",
            (Self::MySql | Self::Postgres, Kind::Integer) => "BIGINT",
            (Self::Sqlite, Kind::Integer) => "INTEGER",
            (Self::MySql, Kind::Number) => "DOUBLE",
            (Self::Postgres, Kind::Number) => "DOUBLE PRECISION",
            (Self::Sqlite, Kind::Number) => "REAL",
            (Self::MySql, Kind::Time) => "DATETIME(3)",
            (Self::Postgres, Kind::Time) => "TIMESTAMP(3) WITH TIME ZONE",
            // Text; its name is for those who read the table.
            (Self::Sqlite, Kind::Time) => "DATETIME",
            (Self::MySql, Kind::Text) => "LONGTEXT",
            (Self::Postgres | Self::Sqlite, Kind::Text) => "TEXT",
        };
        name.to_owned()
    }

    /// The statement that lets a column take numbers with a fraction; SQLite has none.
    pub fn widen(self, table: &str, column: &str) -> Option<String> {
        let (table, column) = (self.table(table), self.quoted(column));
        match self {
            Self::MySql => Some(format!("ALTER TABLE {table} MODIFY {column} DOUBLE")),
            Self::Postgres => Some(format!(
                "ALTER TABLE {table} ALTER COLUMN {column} TYPE DOUBLE PRECISION"
            )),
            Self::Sqlite => None,
        }
    }

    fn list<'n>(self, names: impl IntoIterator<Item = &'n str>) -> String {
        let names = names.into_iter().map(|name| self.quoted(name));
        names.collect::<Vec<_>>().join(", ")
    }

    /// The statement that puts rows into a table, each in place of the one with its id: for so many rows.
    pub(super) fn upsert(self, table: &Table, rows: usize) -> String {
        let names = self.list(table.columns.iter().map(|column| &column.name[..]));
        let into = format!("INSERT INTO {} ({names})", self.table(&table.name));
        let values = match self {
            Self::Postgres => unnested(&table.columns),
            Self::MySql | Self::Sqlite => {
                let row = vec!["?"; table.columns.len()].join(", ");
                format!("VALUES {}", vec![format!("({row})"); rows].join(", "))
            }
        };
        format!("{into}\n{values}\n{}", self.on_conflict(table))
    }

    fn on_conflict(self, table: &Table) -> String {
        let others = table.columns.iter().map(|column| &column.name[..]);
        let others = others.filter(|name| !table.id.contains(name));
        let set = others.map(|name| {
            let column = self.quoted(name);
            let new = match self {
                Self::MySql => format!("VALUES({column})"),
                Self::Postgres | Self::Sqlite => format!("excluded.{column}"),
            };
            match table.kept == Some(name) {
                true => format!(
                    "{column} = COALESCE({new}, {}.{column})",
                    self.table(&table.name)
                ),
                false => format!("{column} = {new}"),
            }
        });
        let set = set.collect::<Vec<_>>().join(", ");
        match self {
            Self::MySql => format!("ON DUPLICATE KEY UPDATE {set}"),
            Self::Postgres | Self::Sqlite => {
                let id = self.list(table.id.iter().copied());
                format!("ON CONFLICT ({id}) DO UPDATE SET {set}")
            }
        }
    }

    /// Each part of these rows with the statement for it.
    pub(super) fn upserts(self, table: &Table, rows: &Rows) -> Vec<(String, Range<usize>)> {
        let parts = rows.parts(self.cells_most()).into_iter();
        let upserts = parts.map(|part| (self.upsert(table, part.len()), part));
        upserts.collect()
    }

    /// A query for the names of a table's columns, and the types of them in its words, of which MySQL has none for a boolean;
    /// that of a decimal number without a fraction ends in `,0)`; the table is the first parameter, its schema the second where there is one.
    pub(super) fn columns_query(self, has_schema: bool) -> String {
        let schema = self.schema(has_schema);
        match self {
            Self::Sqlite => {
                "SELECT name, lower(type) FROM pragma_table_info(?) ORDER BY cid".to_owned()
            }
            Self::MySql => format!(
                "SELECT CAST(column_name AS CHAR), \
                 CAST(IF(column_type = 'tinyint(1)', 'boolean', IF(data_type = 'decimal', column_type, data_type)) AS CHAR) \
                 FROM information_schema.columns \
                 WHERE table_name = ? AND table_schema = {schema} ORDER BY ordinal_position"
            ),
            Self::Postgres => format!(
                "SELECT column_name::text, \
                 CASE WHEN data_type = 'numeric' AND numeric_scale = 0 THEN 'numeric(,0)' ELSE data_type::text END \
                 FROM information_schema.columns \
                 WHERE table_name = $1 AND table_schema = {schema} ORDER BY ordinal_position"
            ),
        }
    }

    /// The schema of a table: the second parameter, or where the database looks by itself.
    fn schema(self, is_named: bool) -> &'static str {
        match (self, is_named) {
            (Self::MySql | Self::Sqlite, true) => "?",
            (Self::MySql | Self::Sqlite, false) => "DATABASE()",
            (Self::Postgres, true) => "$2",
            (Self::Postgres, false) => "ANY(current_schemas(false))",
        }
    }

    /// Does a row take the place of another one that is the same in any unique index, whatever its id is?
    pub fn merges_by_any_index(self) -> bool {
        self == Self::MySql
    }

    /// A query for the columns of each unique index of a table, in one text each, separated by commas. A column of which only the
    /// beginning counts has how much of it behind it.
    pub(super) fn ids_query(self, has_schema: bool) -> String {
        match self {
            Self::Sqlite => {
                "SELECT (SELECT group_concat(name) FROM (SELECT name FROM pragma_index_info(list.name) ORDER BY name)) \
                 FROM pragma_index_list(?) AS list WHERE \"unique\"".to_owned()
            }
            Self::MySql => format!(
                "SELECT CAST(group_concat(IF(sub_part IS NULL, column_name, CONCAT(column_name, '(', sub_part, ')')) \
                 ORDER BY column_name) AS CHAR) FROM information_schema.statistics \
                 WHERE non_unique = 0 AND table_name = ? AND table_schema = {} GROUP BY index_name",
                self.schema(has_schema)
            ),
            Self::Postgres => {
                "SELECT string_agg(a.attname, ',' ORDER BY a.attname) FROM pg_index i \
                 JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey) \
                 WHERE i.indisunique AND i.indpred IS NULL AND i.indrelid = to_regclass($1) GROUP BY i.indexrelid".to_owned()
            }
        }
    }
}

/// Rows from arrays, one for each column.
fn unnested(columns: &[Column]) -> String {
    let types = columns.iter().map(|column| match column.kind {
        Kind::Boolean => "boolean",
        Kind::Integer => "bigint",
        Kind::Number => "double precision",
        Kind::Time | Kind::Text => "text",
    });
    let arrays = types
        .enumerate()
        .map(|(number, of)| format!("${}::{of}[]", number + 1));
    let arrays = arrays.collect::<Vec<_>>().join(", ");
    let names = (0..columns.len()).map(|number| format!("c{number}"));
    let names = names.collect::<Vec<_>>().join(", ");
    let selected = columns.iter().enumerate();
    let selected = selected.map(|(number, column)| match column.kind {
        // Without a zone, they are in UTC, whatever the session's is.
        Kind::Time => format!("CAST(c{number} || '+00' AS timestamptz)"),
        _ => format!("c{number}"),
    });
    let selected = selected.collect::<Vec<_>>().join(", ");
    format!("SELECT {selected} FROM unnest({arrays}) AS r({names})")
}
