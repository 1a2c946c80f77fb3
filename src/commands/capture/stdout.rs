//! A capture to standard output: records, a line each, one partition after the other. Nothing is stored.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::ops::ControlFlow;
use std::sync::Arc;

use anyhow::Context;
use archiver_format::gap::{Gap, GapReason};
use archiver_format::line::Encoder;
use archiver_format::record::{NextOffset, Partition, Record};
use futures_util::future::try_join_all;
use tokio::task::{JoinHandle, block_in_place};

use super::progress::Progress;
use super::report::{Captured, Read};
use super::run::{asking, scanners};
use super::wanted::{Beyond, Fixed, Wanted};
use crate::archive::Window;
use crate::archive::window::{self, Verdict};
use crate::cli::usage;
use crate::config::{Archive, Checked, Config};
use crate::logging;
use crate::observe::status::{Status, WindowRead};
use crate::source::cluster::{KafkaError, Trouble};
use crate::source::kafka::{Scan, Scanner};
use crate::terminal::Output;
use crate::world::clock::{Clock, RealClock};
use crate::world::shutdown::Shutdown;

/// A capture to standard output.
pub(super) struct Run<'a> {
    pub config: &'a Config,
    pub wanted: &'a Wanted,
    pub shutdown: &'a Shutdown,
}

/// A topic whose window is known.
struct Topic<'a> {
    archive: &'a Checked<Archive>,
    scanner: &'a Scanner,
    window: Window,
    beyond: Beyond,
    status: Arc<Status>,
}

impl Run<'_> {
    /// Prints what is wanted of each topic; returns what that was, of the topics that it came to before somebody stopped
    /// it.
    ///
    /// # Errors
    ///
    /// If something can't be read, or nobody reads what is printed.
    pub async fn run(&self) -> anyhow::Result<Vec<Captured>> {
        if !self.wanted.has_end(RealClock.now_ms()) {
            return Err(usage(
                "-o - needs an end that is known now; leave out --follow and an --until that is still to come, or name a file",
            )
            .into());
        }
        let scanners = scanners(self.config);
        let archives = self.config.archives.iter();
        let topics = archives.map(|archive| self.topic(archive, &scanners[&archive.cluster.name]));
        let topics = tokio::select! {
            biased;
            () = requested(self.shutdown) => return Ok(Vec::new()),
            topics = try_join_all(topics) => topics?,
        };
        let shown = show(&topics);
        let captured = self.print(&topics).await;
        if let Some((progress, moving)) = shown {
            moving.abort();
            progress.finish();
        }
        captured
    }

    fn output(&self) -> Output {
        let stop = self.shutdown.clone();
        Output::until(move || stop.is_requested())
    }

    async fn print(&self, topics: &[Topic<'_>]) -> anyhow::Result<Vec<Captured>> {
        let (mut output, mut captured) = (self.output(), Vec::new());
        for topic in topics {
            if self.shutdown.is_requested() {
                break;
            }
            let printed = topic.print(&mut output, self.shutdown).await;
            // What was read before it failed is printed, too.
            output.flush()?;
            captured.push(printed?);
        }
        Ok(captured)
    }

    /// A topic, and what of it is wanted.
    async fn topic<'a>(
        &self,
        archive: &'a Checked<Archive>,
        scanner: &'a Scanner,
    ) -> anyhow::Result<Topic<'a>> {
        let now = RealClock.now_ms();
        let fixed = self.wanted.window(scanner, &archive.topic, now).await;
        let Fixed { window, beyond } = fixed.with_context(|| asking(archive))?;
        Ok(Topic {
            archive,
            scanner,
            window,
            beyond,
            status: Arc::new(Status::new(&archive.name)),
        })
    }
}

/// Shows on standard error how far it has come, unless the records are on the same terminal.
fn show(topics: &[Topic<'_>]) -> Option<(Arc<Progress>, JoinHandle<()>)> {
    if io::stdout().is_terminal() {
        return None;
    }
    let all = topics.iter().map(|topic| (topic.archive, &topic.window));
    let progress = Arc::new(Progress::new(all));
    let statuses = topics.iter().map(|topic| Arc::clone(&topic.status));
    let statuses = statuses.collect::<Vec<_>>();
    let moving = tokio::spawn({
        let progress = Arc::clone(&progress);
        async move {
            loop {
                progress.next(&statuses).await;
            }
        }
    });
    Some((progress, moving))
}

impl Topic<'_> {
    async fn print(&self, output: &mut Output, stop: &Shutdown) -> anyhow::Result<Captured> {
        let Self {
            archive, window, ..
        } = self;
        if !self.beyond.open.is_empty() {
            logging::complain(&format!(
                "topic {}: ends before an open transaction in partitions {:?}",
                archive.topic,
                self.beyond.open.keys().collect::<Vec<_>>()
            ));
        }
        for (partition, end) in &self.beyond.short {
            logging::complain(&format!(
                "topic {}: partition {partition} ends at offset {end}: nothing is there behind it",
                archive.topic
            ));
        }
        let scan = tokio::select! {
            biased;
            () = requested(stop) => return Ok(self.nothing()),
            scan = self.scanner.scan(&archive.topic) => scan.with_context(|| asking(archive))?,
        };
        let mut printing = Printing {
            scan: scan.until(stop),
            encoder: Encoder::new(archive.format, &archive.topic),
            line: Vec::new(),
            judge: window::Progress::new(window.clone(), &window.from, 0),
            status: &self.status,
            output,
            times: None,
        };
        let (mut gaps, mut partitions) = (Vec::new(), 0);
        for (partition, end) in window.to.iter().flatten() {
            partitions += 1;
            let mut next = window.from.next(*partition);
            while next < *end && !printing.judge.is_complete() && !stop.is_requested() {
                let reading =
                    || format!("reading partition {partition} of topic {}", archive.topic);
                match block_in_place(|| printing.partition(*partition, &mut next, *end)) {
                    Ok(Ok(())) => break,
                    Ok(Err(e)) if e.kind == Trouble::OutOfRange => {
                        let gap = tokio::select! {
                            biased;
                            () = requested(stop) => break,
                            gap = self.gap(*partition, next..*end) => gap,
                        };
                        let gap = gap.with_context(|| asking(archive))?;
                        let gap = gap.ok_or(e).with_context(reading)?;
                        logging::complain(&format!("topic {}: {}", archive.topic, said(&gap)));
                        next = gap.to.unwrap_or(*end);
                        gaps.push(gap);
                    }
                    Ok(Err(e)) => return Err(e).with_context(reading),
                    Err(e) => return Err(e),
                }
            }
            // The next partition may be a while in coming.
            printing.output.flush()?;
        }
        let counts = self.status.counts();
        Ok(Captured {
            complete: !stop.is_requested(),
            partitions,
            records: counts.records,
            bytes: counts.bytes,
            first: printing.times.map(|(first, _)| first),
            last: printing.times.map(|(_, last)| last),
            read: Read::from(printing.judge.read()),
            open: self.beyond.open.clone(),
            short: self.beyond.short.clone(),
            gaps,
            ..self.nothing()
        })
    }

    /// Stopped before anything of it was printed.
    fn nothing(&self) -> Captured {
        Captured {
            topic: self.archive.topic.clone(),
            complete: false,
            error: None,
            partitions: 0,
            records: 0,
            bytes: 0,
            first: None,
            last: None,
            read: Read::from(&WindowRead::default()),
            open: BTreeMap::new(),
            short: BTreeMap::new(),
            gaps: Vec::new(),
            file: "-".to_owned(),
            state: None,
        }
    }

    /// What Kafka has deleted of these offsets, if they begin before what it holds.
    async fn gap(
        &self,
        partition: Partition,
        wanted: std::ops::Range<NextOffset>,
    ) -> Result<Option<Gap>, KafkaError> {
        let held = self
            .scanner
            .offsets(&self.archive.topic, [partition].into_iter());
        let held = held.await?;
        let start = held.get(&partition).map_or(wanted.start, |held| held.start);
        let to = start.min(wanted.end);
        Ok((wanted.start < to).then(|| Gap {
            noticed: RealClock.now(),
            topic_id: None,
            partition,
            from: wanted.start,
            to: Some(to),
            reason: GapReason::Expired,
            explanation: format!(
                "Kafka deleted up to {} records before they were read",
                to.since(wanted.start)
            ),
        }))
    }
}

async fn requested(stop: &Shutdown) {
    stop.clone().requested().await;
}

fn said(gap: &Gap) -> String {
    let Gap {
        partition,
        from,
        explanation,
        ..
    } = gap;
    format!("partition {partition}, from offset {from} on: {explanation}")
}

/// The records of a topic, on their way to standard output.
struct Printing<'a> {
    scan: Scan,
    encoder: Encoder,
    line: Vec<u8>,
    judge: window::Progress,
    status: &'a Status,
    output: &'a mut Output,
    /// The first and the last timestamp, in milliseconds since 1970.
    times: Option<(i64, i64)>,
}

impl Printing<'_> {
    /// Prints what is wanted of a partition, from an offset on, which moves on with what was read, up to its end.
    fn partition(
        &mut self,
        partition: Partition,
        next: &mut NextOffset,
        end: NextOffset,
    ) -> anyhow::Result<Result<(), KafkaError>> {
        let Self {
            scan,
            encoder,
            line,
            judge,
            status,
            output,
            times,
        } = self;
        let mut failed = None;
        let read = scan.read(partition, next.get(), &mut |record| {
            let verdict = judge.judge(record);
            if verdict == Verdict::Beyond {
                return ControlFlow::Break(());
            }
            *next = NextOffset::new(record.offset + 1);
            if verdict == Verdict::Taken {
                failed = print(record, encoder, line, output).err();
                status.wrote(1, line.len() as u64);
                if let Some(ms) = record.timestamp_ms() {
                    let (first, last) = times.unwrap_or((ms, ms));
                    *times = Some((first.min(ms), last.max(ms)));
                }
            }
            match failed.is_some() || *next >= end || judge.is_complete() {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        });
        match failed {
            Some(failed) => Err(failed),
            None => Ok(read),
        }
    }
}

fn print(
    record: &Record<'_>,
    encoder: &mut Encoder,
    line: &mut Vec<u8>,
    output: &mut Output,
) -> anyhow::Result<()> {
    line.clear();
    encoder
        .encode(record, line)
        .context("writing a record as a line")?;
    output.write(line)
}
