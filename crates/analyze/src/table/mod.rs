//! An archive as a table: a row for each record, with a column for each part of it and for each field of its value.
//!
//! [`columns`] says which columns there are, `sample` finds out which fields values have. [`provider`] is the table as the
//! engine sees it. What a query asks for becomes a `selection` of records, and a `scan` of the blocks that may hold them:
//! some readers side by side (`reading`), each of which makes `rows` of records, and a `builder` for each column.

mod builder;
pub mod columns;
pub mod damaged;
pub mod declared;
pub mod progress;
pub mod provider;
pub mod reading;
pub mod row;
pub mod rows;
pub mod sample;
mod scan;
mod scanned;
mod selection;
