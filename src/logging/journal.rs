//! Standard error that is read by systemd's journal: it knows the time of each line by itself, and its level by a number
//! at its beginning.

use std::fmt::{self, Write};
use std::os::fd::AsFd;

use rustix::fs::fstat;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Does the journal read what is written there?
pub(super) fn reads(file: impl AsFd) -> bool {
    let named = std::env::var("JOURNAL_STREAM").ok();
    let named = named.as_deref().and_then(device_and_inode);
    let found = fstat(file).map(|found| (found.st_dev, found.st_ino));
    named.is_some_and(|named| found.is_ok_and(|found| found == named))
}

/// What `JOURNAL_STREAM` says: whoever started the process may have given it another standard error since.
fn device_and_inode(stream: &str) -> Option<(u64, u64)> {
    let (device, inode) = stream.split_once(':')?;
    Some((device.parse().ok()?, inode.parse().ok()?))
}

/// Events as this format has them, for the journal.
pub(super) struct ForJournal<F>(pub F);

impl<S, N, F> FormatEvent<S, N> for ForJournal<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut text = String::new();
        self.0
            .format_event(context, Writer::new(&mut text), event)?;
        writer.write_str(&lines(&text, *event.metadata().level()))
    }
}

/// Each line with its level. The journal takes one at a time.
pub(super) fn lines(text: &str, level: Level) -> String {
    let number = match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        Level::DEBUG | Level::TRACE => 7,
    };
    let mut lines = String::new();
    for line in text.lines() {
        // Writing to a string doesn't fail.
        let _ = writeln!(lines, "<{number}>{}", line.trim_end());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_has_its_level() {
        let text = "a fault\n  at b.rs:1\n";
        assert_eq!(lines(text, Level::ERROR), "<3>a fault\n<3>  at b.rs:1\n");
        assert_eq!(lines("running", Level::INFO), "<6>running\n");
    }

    #[test]
    fn a_stream_is_a_device_and_an_inode() {
        assert_eq!(device_and_inode("9:4711"), Some((9, 4711)));
        for stream in ["", "9", "9:", "a:1", "9:1:2"] {
            assert_eq!(device_and_inode(stream), None, "{stream}");
        }
    }
}
