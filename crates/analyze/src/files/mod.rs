//! Files beside archives as tables: lines of JSON, CSV, Parquet. Each is called like its file, without endings.
//!
//! Lines of JSON go through the same scanner and sample as the values of archives ([`ndjson`], [`lines`]); the others are
//! read by the engine ([`csv_parquet`]).

pub mod csv_parquet;
mod lines;
pub mod ndjson;

use std::path::Path;

use archiver_format::compression::Algorithm;

/// What is in a file, by the ending of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A JSON object a line.
    Ndjson(Algorithm),
    /// Values between this, the first line with the names of columns.
    Csv(u8),
    /// Parquet, or a directory with such files.
    Parquet,
}

/// Endings of names, and what is in such files.
const ENDINGS: [(&str, Kind); 6] = [
    (".ndjson", Kind::Ndjson(Algorithm::None)),
    (".jsonl", Kind::Ndjson(Algorithm::None)),
    (".json", Kind::Ndjson(Algorithm::None)),
    (".csv", Kind::Csv(b',')),
    (".tsv", Kind::Csv(b'\t')),
    (".parquet", Kind::Parquet),
];

/// What a file is called as a table, and what is in it; nothing if its name has no ending that says so.
pub fn known(path: &Path) -> Option<(String, Kind)> {
    let name = path.file_name()?.to_str()?;
    let (plain, algorithm) = [Algorithm::Gzip, Algorithm::Zstd]
        .into_iter()
        .find_map(|algorithm| Some((without(name, algorithm.ending())?, algorithm)))
        .unwrap_or((name, Algorithm::None));
    ENDINGS.into_iter().find_map(|(ending, kind)| {
        let name = without(plain, ending)?.to_owned();
        match kind {
            Kind::Ndjson(_) => Some((name, Kind::Ndjson(algorithm))),
            kind => (algorithm == Algorithm::None).then_some((name, kind)),
        }
    })
}

/// A name without this ending, however that is written.
fn without<'n>(name: &'n str, ending: &str) -> Option<&'n str> {
    let (before, behind) = name.split_at_checked(name.len().checked_sub(ending.len())?)?;
    (behind.eq_ignore_ascii_case(ending) && !before.is_empty()).then_some(before)
}

#[cfg(test)]
mod tests;
