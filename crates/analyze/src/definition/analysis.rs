//! What is measured, by the columns of a table.

use super::aggregate::Aggregate;
use super::detection::Detection;
use super::fill::Fill;
use super::window::Window;
use crate::table::columns::Kind;

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
    /// The windows; without them, each record stands for itself.
    pub windows: Option<Windows>,
    /// How anomalies are found, if they are looked for.
    pub detection: Option<Detection>,
}

/// Windows of time, and what is measured in them.
#[derive(Debug, Clone, PartialEq)]
pub struct Windows {
    /// The windows.
    pub window: Window,
    /// What is measured of each value.
    pub aggregates: Vec<Aggregate>,
    /// What stands in those in which there is nothing, if there are rows for them.
    pub fill: Option<Fill>,
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
    /// A whole number, by the same rule.
    Integer,
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
    /// What it holds. Of text, what reads as a number is measured; of booleans, 1 and 0.
    pub kind: Kind,
}
