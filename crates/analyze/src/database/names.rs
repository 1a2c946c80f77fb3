//! Names that a database can't have.

use super::dialect::Dialect;
use super::table::Table;

/// PostgreSQL's own columns, which each of its tables has.
const OF_POSTGRES: [&str; 6] = ["tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"];
/// In bytes; what is longer, PostgreSQL cuts off.
const POSTGRES_MOST: usize = 63;
/// In characters.
const MYSQL_MOST: usize = 64;

impl Dialect {
    /// Why no table can have this name; `None` if one can.
    pub fn refused_table(self, name: &str) -> Option<String> {
        let mut parts = name.split('.');
        let why = parts.find_map(|part| self.too_long(part))?;
        Some(format!("table {name}: {why}"))
    }

    /// Why no table can have columns with these names; `None` if one can.
    pub fn refused_columns(self, table: &Table) -> Option<String> {
        let names = table.columns.iter().map(|column| &column.name[..]);
        let names = names.collect::<Vec<_>>();
        names.iter().enumerate().find_map(|(number, name)| {
            let twin = names[..number].iter().find(|other| self.is_same(name, other));
            match twin {
                Some(twin) => Some(format!(
                    "{twin} and {name} are the same to this database, which doesn't tell capitals from small letters"
                )),
                None => self.refused_column(name),
            }
        })
    }

    fn refused_column(self, name: &str) -> Option<String> {
        // Neither character can stand in a name of MySQL's.
        let is_unknown = |c: char| c == '\0' || u32::from(c) > 0xffff;
        match self {
            _ if name.is_empty() => Some("a column needs a name, and a field has none".to_owned()),
            Self::Postgres if OF_POSTGRES.contains(&name) => Some(format!(
                "each table has a column {name} of the database's own"
            )),
            Self::MySql if name.ends_with(' ') || name.contains(is_unknown) => Some(format!(
                "{name:?} can't be a column's name here, by its last blank or one of its characters"
            )),
            Self::Postgres | Self::Sqlite if name.contains('\0') => Some(format!(
                "{name:?} can't be a column's name here, as a zero is in it"
            )),
            _ => self.too_long(name),
        }
    }

    fn too_long(self, name: &str) -> Option<String> {
        let (length, most, unit) = match self {
            Self::MySql => (name.chars().count(), MYSQL_MOST, "characters"),
            Self::Postgres => (name.len(), POSTGRES_MOST, "bytes"),
            Self::Sqlite => return None,
        };
        (length > most)
            .then(|| format!("the name {name} has {length} {unit}, and {most} are the most"))
    }

    fn is_same(self, one: &str, other: &str) -> bool {
        match self {
            Self::MySql => one.to_lowercase() == other.to_lowercase(),
            Self::Postgres => one == other,
            Self::Sqlite => one.eq_ignore_ascii_case(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::{Column, Kind};

    const ALL: [Dialect; 3] = [Dialect::MySql, Dialect::Postgres, Dialect::Sqlite];

    fn refused(dialect: Dialect, names: &[&str]) -> bool {
        let columns = names.iter().map(|name| Column::new(*name, Kind::Text));
        let table = Table {
            name: "samples".to_owned(),
            columns: columns.collect(),
            id: &[],
            kept: None,
        };
        dialect.refused_columns(&table).is_some()
    }

    #[test]
    fn names_are_refused_where_the_database_can_t_have_them_and_nowhere_else() {
        let long = "\u{e4}".repeat(32);
        let longer = "a".repeat(65);
        for (names, expected) in [
            (vec!["host", "Host"], [true, false, true]),
            (vec!["\u{e4}", "\u{c4}"], [true, false, false]),
            (vec!["ctid"], [false, true, false]),
            (vec!["host", ""], [true, true, true]),
            (vec![&long[..]], [false, true, false]),
            (vec![&longer[..]], [true, true, false]),
            (vec!["\u{1f980}"], [true, false, false]),
            (vec!["host "], [true, false, false]),
            (vec!["host", "m.n", "\u{e4} b"], [false, false, false]),
        ] {
            let found = ALL.map(|dialect| refused(dialect, &names));
            assert_eq!(found, expected, "{names:?}");
        }
    }

    #[test]
    fn a_table_s_name_is_never_cut_off() {
        let long = format!("metrics.{}", "a".repeat(64));
        let found = ALL.map(|dialect| dialect.refused_table(&long).is_some());
        assert_eq!(found, [false, true, false]);
        assert!(Dialect::Postgres.refused_table("metrics.samples").is_none());
    }
}
