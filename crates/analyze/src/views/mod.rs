//! Views over sealed segments, as SQL for other engines: with the columns that an archive has as a table here.

mod duckdb;
mod shape;
mod spark;
mod view;

pub use view::View;

/// The engine that reads a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Reader {
    /// DuckDB
    Duckdb,
    /// Spark SQL
    Spark,
}

/// The statements that make a view.
///
/// # Errors
///
/// If a path is no text.
pub fn statements(view: &View, reader: Reader) -> anyhow::Result<String> {
    let remarks = view.remarks.iter().map(|remark| format!("-- {remark}\n"));
    let remarks = remarks.collect::<String>();
    let statements = match reader {
        Reader::Duckdb => duckdb::statements(view)?,
        Reader::Spark => spark::statements(view)?,
    };
    Ok(remarks + &statements)
}
