//! A capture to standard output: records, a line each, one partition after the other. Nothing is stored.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use anyhow::Context;
use archiver_format::line::Encoder;

use super::wanted::{Fixed, Wanted};
use crate::archive::Window;
use crate::cli::usage;
use crate::config::{Archive, Config};
use crate::logging;
use crate::source::kafka::Scanner;
use crate::terminal::Output;
use crate::world::clock::{Clock, RealClock};
use crate::world::shutdown::Shutdown;

/// Prints what is wanted of each topic. `false` if a stop was asked for before all of it was there.
pub(super) async fn print(
    config: &Config,
    wanted: &Wanted,
    shutdown: &Shutdown,
) -> anyhow::Result<bool> {
    let now = RealClock.now_ms();
    if !wanted.has_end(now) {
        return Err(usage(
            "-o - needs an end that is known now; leave out --follow and an --until that is still to come, or name a file",
        )
        .into());
    }
    let mut output = Output::default();
    let mut scanners = BTreeMap::new();
    for archive in &config.archives {
        let cluster = &archive.cluster;
        let scanner = scanners
            .entry(cluster.name.clone())
            .or_insert_with(|| Scanner::new(cluster, config.memory_bytes));
        let asking = || format!("asking {} about topic {}", cluster.name, archive.topic);
        let window = wanted.window(scanner, &archive.topic, now).await;
        let Fixed { window, open } = window.with_context(asking)?;
        if !open.is_empty() {
            logging::complain(&format!(
                "topic {}: ends before an open transaction in partitions {:?}",
                archive.topic,
                open.keys().collect::<Vec<_>>()
            ));
        }
        let scan = scanner.scan(&archive.topic).await.with_context(asking)?;
        tokio::task::block_in_place(|| topic(archive, scan, window, &mut output, shutdown))?;
        if shutdown.is_requested() {
            output.flush()?;
            return Ok(false);
        }
    }
    output.flush()?;
    Ok(true)
}

fn topic(
    archive: &Archive,
    mut scan: crate::source::kafka::Scan,
    window: Window,
    output: &mut Output,
    shutdown: &Shutdown,
) -> anyhow::Result<()> {
    let mut encoder = Encoder::new(archive.format, &archive.topic);
    let (mut left, mut line) = (window.records, Vec::new());
    for (partition, end) in window.to.iter().flatten() {
        let begin = window.from.next(*partition);
        if begin >= *end || left == 0 {
            continue;
        }
        let mut failed = None;
        let read = scan.read(*partition, begin.get(), &mut |record| {
            let is_over = record.offset >= end.get() || window.is_over_at(record);
            if is_over || left == 0 || shutdown.is_requested() {
                return ControlFlow::Break(());
            }
            if window.has_time(record) {
                left -= 1;
                line.clear();
                let encoded = encoder
                    .encode(record, &mut line)
                    .context("writing a record as a line");
                failed = encoded.and_then(|()| output.write(&line)).err();
            }
            match failed.is_some() || record.offset + 1 >= end.get() {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        });
        read.with_context(|| format!("reading partition {partition} of topic {}", archive.topic))?;
        if let Some(failed) = failed {
            return Err(failed);
        }
    }
    Ok(())
}
