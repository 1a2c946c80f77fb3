//! What a table consists of.

use super::rows::Kind;

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What stands in it.
    pub kind: Kind,
    /// It has no place for a number with a fraction.
    pub is_whole: bool,
}

impl Column {
    /// Of this name, with this in it.
    pub fn new(name: impl Into<String>, kind: Kind) -> Self {
        let name = name.into();
        let is_whole = kind == Kind::Integer;
        Self {
            name,
            kind,
            is_whole,
        }
    }
}

/// A table whose rows have an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its name, which may begin with a schema's: `metrics.normal_samples`.
    pub name: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// The names of the columns that are the id: a row with an id that is there replaces that one.
    pub id: &'static [&'static str],
    /// A column that keeps what it has where a new row has nothing.
    pub kept: Option<&'static str>,
}
