//! Definitions: what is measured of which records, by windows of time and groups, whatever engine does it.
//!
//! An [`Analysis`] has the names that were typed. [`sql`] makes it the text of a query in the [`dialect`] of an engine.

pub mod aggregate;
pub mod dialect;
pub mod sql;
pub mod window;

pub use aggregate::Aggregate;
pub use dialect::Dialect;
pub use window::Window;

/// What is measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Analysis {
    /// The table.
    pub source: String,
    /// The column with the time, and how it says it; the record's timestamp if there is none.
    pub time: Option<Time>,
    /// The columns that are measured.
    pub values: Vec<Named>,
    /// The columns by which records are told apart.
    pub by: Vec<Named>,
    /// Only records of which this holds, in SQL.
    pub filter: Option<String>,
    /// The windows.
    pub window: Window,
    /// What is measured of each value.
    pub aggregates: Vec<Aggregate>,
}

/// A column with a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Time {
    /// Its name.
    pub column: String,
    /// What stands in it.
    pub written: Written,
}

/// How a time is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// A timestamp of the engine's.
    Timestamp,
    /// A number: seconds, milliseconds, microseconds or nanoseconds since 1970, by how large it is.
    Number,
    /// RFC 3339.
    Text,
}

/// A column, and what it is called in the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Its name in the table.
    pub column: String,
    /// Its name in the answer: as it was typed.
    pub name: String,
}
