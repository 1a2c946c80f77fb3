//! Metrics: a picture of the process in the words of Prometheus.

use super::snapshot::Snapshot;

/// The text formats in which metrics can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `text/plain; version=0.0.4`.
    Prometheus,
    /// `application/openmetrics-text; version=1.0.0`.
    OpenMetrics,
}

impl Format {
    /// The value of the header `Content-Type`.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// All metrics of a picture; those of partitions if it has them.
pub fn text(snapshot: &Snapshot, format: Format) -> String {
    let mut text = String::new();
    text += "# HELP archiver_records_total Records written since the process began.\n";
    text += "# TYPE archiver_records_total counter\n";
    for archive in &snapshot.archives {
        text += &format!(
            "archiver_records_total{{archive={:?},cluster={:?}}} {}\n",
            archive.name, archive.cluster, archive.records
        );
    }
    if format == Format::OpenMetrics {
        text += "# EOF\n";
    }
    text
}
