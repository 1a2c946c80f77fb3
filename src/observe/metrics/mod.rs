//! Metrics: a picture of the process in the words of Prometheus.
//!
//! Each is a row of [`families`], from which the page in `docs/reference/` follows as well. Labels are few: the archive
//! and its cluster, the broker or the disk, and the partition only in pictures that have partitions.

pub mod families;
mod page;
#[cfg(test)]
mod tests;

use super::snapshot::{Archive, Snapshot, State};
use families as family;
pub use page::Format;
use page::{Labels, Page};

/// All metrics of a picture; those of partitions if it has them.
pub fn text(snapshot: &Snapshot, format: Format) -> String {
    let mut page = Page::new(format);
    of_process(&mut page, snapshot);
    let labelled = snapshot.archives.iter().map(|archive| {
        let labels = [
            ("archive", archive.name.as_str()),
            ("cluster", &archive.cluster),
        ];
        (Labels::new(&labels), archive)
    });
    let labelled = labelled.collect::<Vec<_>>();
    of_archives(&mut page, &labelled);
    of_partitions(&mut page, &labelled);
    page.end()
}

fn of_process(page: &mut Page, snapshot: &Snapshot) {
    let process = &snapshot.process;
    let none = Labels::default();
    let version = Labels::new(&[("version", process.program_version.as_str())]);
    page.all(&family::BUILD_INFO, [(&version, 1)]);
    page.all(
        &family::START_TIME,
        [(&none, process.started_ms as f64 / 1e3)],
    );
    page.all(
        &family::MEMORY,
        process.memory_bytes.map(|bytes| (&none, bytes)),
    );
    page.all(&family::MEMORY_LIMIT, [(&none, process.memory_limit_bytes)]);
    page.histogram(&family::FLUSH_DURATION, &process.flush_duration);
    page.histogram(&family::FSYNC_DURATION, &process.fsync_duration);
    let clusters = process.clusters.iter();
    let clusters = clusters.map(|of| (Labels::new(&[("cluster", of.name.as_str())]), of));
    let clusters = clusters.collect::<Vec<_>>();
    let up = clusters
        .iter()
        .map(|(labels, of)| (labels, u8::from(of.trouble.is_none())));
    page.all(&family::CLUSTER_UP, up);
    let brokers = process.clusters.iter().flat_map(|cluster| {
        cluster.brokers.iter().map(|broker| {
            let labels = [("cluster", cluster.name.as_str()), ("broker", &broker.name)];
            (Labels::new(&labels), broker)
        })
    });
    let brokers = brokers.collect::<Vec<_>>();
    page.all(
        &family::BROKER_UP,
        brokers
            .iter()
            .map(|(labels, of)| (labels, u8::from(of.is_up))),
    );
    let throttled = brokers.iter().map(|(labels, of)| {
        let ms = of.throttled_ms.unwrap_or(0);
        (labels, ms as f64 / 1e3)
    });
    page.all(&family::BROKER_THROTTLE, throttled);
    let disks = process.disks.iter();
    let disks = disks.map(|disk| (Labels::new(&[("path", disk.path.as_str())]), disk));
    let disks = disks.collect::<Vec<_>>();
    page.all(
        &family::DISK_FREE,
        disks.iter().map(|(labels, of)| (labels, of.free_bytes)),
    );
    page.all(
        &family::DISK_LOW,
        disks
            .iter()
            .map(|(labels, of)| (labels, u8::from(of.is_low))),
    );
    let full = disks
        .iter()
        .filter_map(|(labels, of)| Some((labels, of.full_in_seconds?)));
    page.all(&family::DISK_FULL_IN, full);
}

type Labelled<'a> = [(Labels, &'a Archive)];

fn of_archives(page: &mut Page, archives: &Labelled<'_>) {
    // Not wider than it must be: one line for each metric.
    let mut each = |family, value: &dyn Fn(&Archive) -> Option<f64>| {
        let values = archives.iter();
        page.all(
            family,
            values.filter_map(|(labels, of)| Some((labels, value(of)?))),
        );
    };
    each(&family::RECORDS, &|of| Some(of.records as f64));
    each(&family::BYTES, &|of| Some(of.plain_bytes as f64));
    each(&family::WRITTEN_BYTES, &|of| Some(of.written_bytes as f64));
    each(&family::LAG_RECORDS, &|of| Some(of.lag_records? as f64));
    each(&family::LAG_SECONDS, &|of| of.lag_seconds);
    each(&family::RETENTION_HEADROOM, &|of| {
        of.retention_headroom_seconds
    });
    each(&family::RETENTION_ALARM, &|of| {
        Some(f64::from(u8::from(of.is_overtaken_soon)))
    });
    each(&family::LAST_FLUSH, &|of| {
        Some(of.last_flush_ms? as f64 / 1e3)
    });
    each(&family::LAST_CHECKPOINT, &|of| {
        Some(of.last_checkpoint_ms? as f64 / 1e3)
    });
    each(&family::CHECKPOINT_AGE, &|of| of.checkpoint_age_seconds);
    each(&family::SIZE, &|of| Some(of.disk_bytes? as f64));
    each(&family::SEGMENTS_OPEN, &|of| Some(of.segments_open? as f64));
    each(&family::SEGMENTS_SEALED, &|of| {
        Some(of.segments_sealed as f64)
    });
    each(&family::SEGMENTS_WAITING, &|of| {
        Some(of.segments_to_hand_over as f64)
    });
    each(&family::GAPS, &|of| Some(of.gaps.count as f64));
    each(&family::GAP_RECORDS, &|of| Some(of.gaps.records as f64));
    let states = archives.iter().flat_map(|(labels, of)| {
        let one = move |state: State| {
            (
                labels.with("state", state.name()),
                u8::from(of.state == state),
            )
        };
        State::ALL.map(one)
    });
    page.all(&family::STATE, states);
    let errors = archives.iter().flat_map(|(labels, of)| {
        let errors = of.errors.iter();
        errors.map(|errors| (labels.with("kind", &errors.kind), errors.count))
    });
    page.all(&family::ERRORS, errors);
}

fn of_partitions(page: &mut Page, archives: &Labelled<'_>) {
    let partitions = archives.iter().flat_map(|(labels, of)| {
        let partitions = of.partitions.iter().flatten();
        partitions.map(|of| (labels.with("partition", &of.partition.to_string()), of))
    });
    let partitions = partitions.collect::<Vec<_>>();
    let next = partitions
        .iter()
        .map(|(labels, of)| (labels, of.next_offset));
    page.all(&family::PARTITION_NEXT, next);
    let start = partitions
        .iter()
        .filter_map(|(labels, of)| Some((labels, of.log_start?)));
    page.all(&family::PARTITION_START, start);
    let end = partitions
        .iter()
        .filter_map(|(labels, of)| Some((labels, of.log_end?)));
    page.all(&family::PARTITION_END, end);
    let lag = partitions
        .iter()
        .filter_map(|(labels, of)| Some((labels, of.lag_records?)));
    page.all(&family::PARTITION_LAG, lag);
}
