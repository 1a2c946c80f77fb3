//! How many bytes an archive writes each second, by what comes now.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use archiver_format::line::Encoder;
use archiver_format::record::Partition;

use crate::commands::survey::Surveyed;
use crate::config::{Archive, Checked};
use crate::source::kafka::Scanner;

/// So many of the fastest topics are read from; others are taken to be like them.
const TOPICS_MOST: usize = 10;
/// So many of the last records of each.
const RECORDS_MOST: i64 = 100;

/// The bytes of each archive's lines each second, by its name, as they are before compression.
pub(super) async fn rates(
    scanner: &Scanner,
    archives: &[(&Checked<Archive>, &Surveyed)],
) -> BTreeMap<String, f64> {
    let per_s = |surveyed: &Surveyed| surveyed.records_per_s.unwrap_or(0.0);
    let mut growing = archives.to_vec();
    growing.retain(|(_, surveyed)| per_s(surveyed) > 0.0);
    growing.sort_by(|(_, a), (_, b)| per_s(b).total_cmp(&per_s(a)));
    let mut sizes = Vec::new();
    for (archive, surveyed) in growing.iter().take(TOPICS_MOST) {
        sizes.push(line_bytes(scanner, archive, surveyed).await);
    }
    let known = sizes.iter().flatten().copied().collect::<Vec<_>>();
    let usual = known.iter().sum::<f64>() / known.len().max(1) as f64;
    let sizes = sizes.into_iter().chain(std::iter::repeat(None));
    let rates = growing
        .iter()
        .zip(sizes)
        .map(|((archive, surveyed), size)| {
            let rate = per_s(surveyed) * size.unwrap_or(usual);
            (archive.name.clone(), rate)
        });
    rates.collect()
}

/// How long the last lines of an archive would be; nothing if they can't be read.
async fn line_bytes(scanner: &Scanner, archive: &Archive, surveyed: &Surveyed) -> Option<f64> {
    let held = (0..).zip(&surveyed.held);
    let held = held.filter_map(|(of, held): (Partition, _)| Some((of, held.as_ref().ok()?)));
    let (partition, held) =
        held.max_by_key(|(_, held)| held.end.get().saturating_sub(held.start.get()))?;
    let from = held
        .start
        .get()
        .max(held.end.get().saturating_sub(RECORDS_MOST));
    let mut scan = scanner.scan(&archive.topic).await.ok()?;
    let mut encoder = Encoder::new(archive.format, &archive.topic);
    let (mut count, mut line) = (0_i64, Vec::new());
    let read = tokio::task::block_in_place(|| {
        scan.read(partition, from, &mut |record| {
            count += i64::from(encoder.encode(record, &mut line).is_ok());
            match count < RECORDS_MOST {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        })
    });
    (read.is_ok() && count > 0).then(|| line.len() as f64 / count as f64)
}
