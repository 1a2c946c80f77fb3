//! A file that names records by their partitions and offsets: lines of these two, or an answer with such columns.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use csv::{ReaderBuilder, StringRecord, Trim};
use serde::Deserialize;

/// More of them are no file that a person has made.
const MOST: usize = 100_000;

/// A record's partition and offset.
type Id = (i64, i64);

/// Reads CSV, or JSON objects where the file is called so (`.ndjson`, `.jsonl`). With a header, columns are found by their
/// names, and others than `partition`, `offset` and `topic` don't count; without one, a line is `partition,offset`.
///
/// # Errors
///
/// If the file can't be read, a line names no record of this topic, or none does: with the line's number.
pub fn read(path: &Path, topic: &str) -> anyhow::Result<BTreeSet<Id>> {
    let reading = || format!("reading {}, which names records", path.display());
    let text = fs::read_to_string(path).with_context(reading)?;
    let ending = path.extension().and_then(|ending| ending.to_str());
    let ids = match ending {
        Some("ndjson" | "jsonl") => of_json(&text, topic),
        _ => of_csv(&text, topic),
    };
    let ids = ids.with_context(reading)?;
    let shown = path.display();
    if ids.is_empty() {
        bail!("{shown} names no record; write partition,offset in each line");
    }
    if ids.len() > MOST {
        bail!("{shown} names more than {MOST} records; say which by --filter instead");
    }
    Ok(ids)
}

/// Where in a line its parts stand.
struct Header {
    partition: usize,
    offset: usize,
    topic: Option<usize>,
    /// So many cells has each line.
    cells: usize,
}

const NO_HEADER: Header = Header {
    partition: 0,
    offset: 1,
    topic: None,
    cells: 2,
};

impl Header {
    fn of(line: &StringRecord) -> anyhow::Result<Option<Self>> {
        let place = |name: &str| {
            let mut places = line.iter().enumerate().filter(|(_, cell)| *cell == name);
            let found = places.next().map(|(place, _)| place);
            match places.next() {
                Some(_) => Err(anyhow!("two columns are called {name}")),
                None => Ok(found),
            }
        };
        let (Some(partition), Some(offset)) = (place("partition")?, place("offset")?) else {
            return Ok(None);
        };
        Ok(Some(Self {
            partition,
            offset,
            topic: place("topic")?,
            cells: line.len(),
        }))
    }

    fn id(&self, line: &StringRecord, topic: &str) -> anyhow::Result<Id> {
        if line.len() != self.cells {
            bail!("there are {} cells, not {}", line.len(), self.cells);
        }
        let cell = |place: usize| line.get(place).unwrap_or_default();
        if let Some(place) = self.topic {
            check_topic(cell(place), topic)?;
        }
        let number = |name: &str, place: usize| {
            let cell = cell(place);
            let number = cell.parse::<i64>().ok().filter(|number| *number >= 0);
            number.ok_or_else(|| anyhow!("{name} {cell:?} is no number from 0 on"))
        };
        Ok((
            number("partition", self.partition)?,
            number("offset", self.offset)?,
        ))
    }
}

fn check_topic(named: &str, topic: &str) -> anyhow::Result<()> {
    if named != topic {
        bail!("that is a record of topic {named:?}, and the archive is of {topic}");
    }
    Ok(())
}

fn of_csv(text: &str, topic: &str) -> anyhow::Result<BTreeSet<Id>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(Trim::All)
        .from_reader(text.as_bytes());
    let mut header = None;
    let mut ids = BTreeSet::new();
    for line in reader.records() {
        let line = line?;
        let number = number(text, &line);
        let at = || format!("line {number}");
        let header = match &header {
            Some(header) => header,
            None => match Header::of(&line).with_context(at)? {
                Some(found) => {
                    header = Some(found);
                    continue;
                }
                None => {
                    let is_number = |cell: &str| cell.parse::<i64>().is_ok();
                    if line.len() != 2 || !line.iter().all(is_number) {
                        bail!(
                            "line {number} is neither partition,offset nor a header with these two names"
                        );
                    }
                    header.insert(NO_HEADER)
                }
            },
        };
        ids.insert(header.id(&line, topic).with_context(at)?);
    }
    Ok(ids)
}

/// The number of the line that a record begins in. The reader's is that of the first empty line before it.
fn number(text: &str, record: &StringRecord) -> u64 {
    let Some(position) = record.position() else {
        return 0;
    };
    let begin = usize::try_from(position.byte()).unwrap_or(usize::MAX);
    let behind = text.as_bytes().get(begin..).unwrap_or_default();
    let breaks = behind
        .iter()
        .take_while(|byte| matches!(byte, b'\n' | b'\r'));
    position.line() + breaks.filter(|byte| **byte == b'\n').count() as u64
}

/// A record in JSON; its other fields don't count.
#[derive(Deserialize)]
struct Named {
    topic: Option<String>,
    partition: i64,
    offset: i64,
}

fn of_json(text: &str, topic: &str) -> anyhow::Result<BTreeSet<Id>> {
    let mut ids = BTreeSet::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let at = || format!("line {}", number + 1);
        let named = serde_json::from_str::<Named>(line);
        let named = named.map_err(|_| anyhow!("no JSON object with a partition and an offset"));
        let named = named.with_context(at)?;
        if let Some(of) = &named.topic {
            check_topic(of, topic).with_context(at)?;
        }
        if named.partition.min(named.offset) < 0 {
            bail!(
                "line {}: partitions and offsets are numbers from 0 on",
                number + 1
            );
        }
        ids.insert((named.partition, named.offset));
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(text: &str) -> Result<Vec<Id>, String> {
        let ids = of_csv(text, "metrics");
        ids.map(Vec::from_iter).map_err(|e| format!("{e:#}"))
    }

    #[test]
    fn columns_of_an_answer_are_found_by_their_names_and_others_don_t_count() {
        let answer =
            "offset,score,topic,note,partition\n7,0.5,metrics,\"1,\n2\",1\n\n3,,metrics,,0\n";
        assert_eq!(ids(answer), Ok(vec![(0, 3), (1, 7)]));
        assert_eq!(
            ids("\u{feff}\"partition\",\"offset\"\r\n0,1\r\n"),
            Ok(vec![(0, 1)])
        );
    }

    #[test]
    fn without_a_header_a_line_is_a_partition_and_an_offset() {
        assert_eq!(ids("0, 3\n2,7\n0,3\n"), Ok(vec![(0, 3), (2, 7)]));
    }

    #[test]
    fn anything_else_is_refused_by_the_number_of_its_line() {
        for (text, said) in [
            (
                "metrics,0,3\n",
                "line 1 is neither partition,offset nor a header",
            ),
            ("offset,score\n3,1\n", "line 1 is neither"),
            ("0,3\n\n2,7,1\n", "line 3: there are 3 cells, not 2"),
            ("0,3\n2\n", "line 2: there are 1 cells"),
            ("0,-3\n", "line 1: offset \"-3\" is no number from 0 on"),
            ("partition,offset\n0,1.5\n", "line 2: offset \"1.5\""),
            (
                "partition,offset,topic\n0,1,other\n",
                "line 2: that is a record of topic \"other\"",
            ),
            (
                "partition,offset,offset\n0,1,2\n",
                "line 1: two columns are called offset",
            ),
        ] {
            let error = ids(text).expect_err(text);
            assert!(error.starts_with(said), "{error}");
        }
    }

    #[test]
    fn objects_with_these_fields_name_records_too() {
        let ids = |text: &str| of_json(text, "metrics").map_err(|e| format!("{e:#}"));
        let named = "{\"offset\":3,\"partition\":1,\"score\":{\"a\":1}}\n\n{\"topic\":\"metrics\",\"partition\":0,\"offset\":0}\n";
        assert_eq!(ids(named), Ok(BTreeSet::from([(0, 0), (1, 3)])));
        for (text, said) in [
            ("{\"offset\":3}", "line 1: no JSON object"),
            (
                "{\"offset\":-3,\"partition\":0}",
                "line 1: partitions and offsets are",
            ),
            (
                "{\"offset\":3,\"partition\":0,\"topic\":\"x\"}",
                "line 1: that is a record of topic \"x\"",
            ),
        ] {
            let error = ids(text).expect_err(text);
            assert!(error.starts_with(said), "{error}");
        }
    }
}
