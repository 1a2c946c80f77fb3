//! What can be asked.

use archiver::catalog::Chosen;
use archiver_format::archive::Archive;
use serde::Serialize;

use crate::serve::catalog::{Catalog, Served};
use crate::serve::opening::load;
use crate::source::{NOT_BEGUN, Source};

/// All that can be asked.
#[derive(Debug, Serialize)]
pub struct Archives {
    archives: Vec<Shown>,
}

/// An archive or a file. What isn't known of it is null.
#[derive(Debug, Default, Serialize)]
struct Shown {
    name: String,
    kind: &'static str,
    topic: Option<String>,
    records: Option<u64>,
    bytes: Option<u64>,
    segments: Option<usize>,
    /// The earliest timestamp of a record, in milliseconds since 1970.
    since_ms: Option<i64>,
    /// The latest one.
    until_ms: Option<i64>,
    /// Why it can't be asked.
    trouble: Option<String>,
}

/// What there is.
///
/// # Errors
///
/// If what was named isn't there any more.
pub fn answer(catalog: &Catalog) -> anyhow::Result<Archives> {
    let all = catalog.all()?;
    Ok(Archives {
        archives: all.iter().map(shown).collect(),
    })
}

fn shown(served: &Served) -> Shown {
    let name = served.name().to_owned();
    let chosen = match &served.source {
        Source::Archive(chosen) => chosen,
        Source::File(path, ..) => {
            return Shown {
                name,
                kind: "file",
                bytes: path
                    .metadata()
                    .ok()
                    .filter(|of| of.is_file())
                    .map(|of| of.len()),
                trouble: (!path.exists()).then(|| "the file is gone".to_owned()),
                ..Shown::default()
            };
        }
    };
    let kind = "archive";
    match load(chosen) {
        Ok(Some(archive)) => of_archive(name, &archive, chosen),
        Ok(None) => Shown {
            name,
            kind,
            trouble: Some(format!("it {NOT_BEGUN}")),
            ..Shown::default()
        },
        Err(problem) => Shown {
            name,
            kind,
            trouble: Some(problem.why),
            ..Shown::default()
        },
    }
}

fn of_archive(name: String, archive: &Archive, chosen: &Chosen) -> Shown {
    let segments = chosen.segments(archive).collect::<Vec<_>>();
    let spans = || {
        let contents = segments.iter().map(|segment| segment.contents());
        contents.flat_map(|contents| contents.partitions.values())
    };
    Shown {
        name,
        kind: "archive",
        topic: Some(archive.checkpoint.identity.topic.clone()),
        records: Some(segments.iter().map(|of| of.contents().records).sum()),
        bytes: Some(segments.iter().map(|segment| segment.bytes()).sum()),
        segments: Some(segments.len()),
        since_ms: spans().filter_map(|span| span.earliest).min(),
        until_ms: spans().filter_map(|span| span.latest).max(),
        trouble: None,
    }
}
