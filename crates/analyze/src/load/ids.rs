//! A file that names records: a partition and an offset in each line.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};

/// More of them are no file that a person has made.
const MOST: usize = 100_000;

/// Reads `partition,offset` lines; what stands before those two is left out, so that rows of an answer will do, with
/// their header.
///
/// # Errors
///
/// If the file can't be read, a line names no record, or none does.
pub fn read(path: &Path) -> anyhow::Result<Vec<(i64, i64)>> {
    let shown = path.display();
    let text = fs::read_to_string(path);
    let text = text.with_context(|| format!("reading {shown}, which names records"))?;
    let mut ids = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        match id(line) {
            Some(id) => ids.push(id),
            // A header.
            None if number == 0 => {}
            None => bail!("{shown}, line {}: not partition,offset", number + 1),
        }
    }
    if ids.is_empty() {
        bail!("{shown} names no record; write partition,offset in each line");
    }
    if ids.len() > MOST {
        bail!("{shown} names more than {MOST} records; say which by --filter instead");
    }
    Ok(ids)
}

/// `[topic,]partition,offset`
fn id(line: &str) -> Option<(i64, i64)> {
    let mut words = line.rsplit(',').map(|word| word.trim().trim_matches('"'));
    let offset = words.next()?.parse().ok()?;
    let partition = words.next()?.parse().ok()?;
    Some((partition, offset))
}
