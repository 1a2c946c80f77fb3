//! The log: to standard error, as text or JSON, by a thread of its own.

mod filter;
mod journal;
mod queue;
mod recent_layer;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, IsTerminal, Write};
use std::panic::{self, PanicHookInfo};
use std::sync::LazyLock;
use std::thread;
use std::time::Duration;

use tracing::Level;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::cli::{Common, LogFormat};
use crate::terminal::AboveBars;
use journal::ForJournal;
use queue::Queue;
use recent_layer::RecentLayer;

/// A line for each of 20,000 archives fits.
const WAITING_BYTES_MOST: usize = 4 << 20;
/// At the end: how long a reader may take for the next piece, and for all that waits.
const PATIENCE: Duration = Duration::from_secs(1);
const END_MOST: Duration = Duration::from_secs(10);

static LINES: Queue = Queue::new(WAITING_BYTES_MOST);
/// Does the journal read standard error?
static READS_JOURNAL: LazyLock<bool> = LazyLock::new(|| journal::reads(io::stderr()));

/// Starts the log. `RUST_LOG` wins over `-v` and `-q`.
///
/// # Errors
///
/// Its thread can't be started.
pub fn start(common: &Common) -> io::Result<()> {
    let say = |lines: u64| {
        let were = if lines == 1 {
            "line of the log was"
        } else {
            "lines of the log were"
        };
        tracing::warn!("{lines} {were} dropped, as nobody read standard error");
    };
    thread::Builder::new()
        .name("log".into())
        .spawn(move || LINES.write_to(AboveBars::default(), say))?;
    panic::set_hook(Box::new(log_panic));
    let (filter, ignored) = filter::chosen(common, std::env::var_os("RUST_LOG"));
    let reads_journal = *READS_JOURNAL;
    let log = tracing_subscriber::fmt::layer()
        .with_writer(|| Line)
        .with_ansi(io::stderr().is_terminal() && !reads_journal)
        .with_target(false)
        // Its own way to say that the log can't be written is to panic.
        .log_internal_errors(false);
    let log = match (common.log_format, reads_journal) {
        (LogFormat::Text, false) => log.boxed(),
        (LogFormat::Text, true) => {
            let bare = log.without_time().with_level(false);
            bare.map_event_format(ForJournal).boxed()
        }
        (LogFormat::Json, false) => log.json().flatten_event(true).boxed(),
        // Whoever takes the lines from there may take them as they are.
        (LogFormat::Json, true) => {
            let json = log.json().flatten_event(true);
            json.map_event_format(ForJournal).boxed()
        }
    };
    let registry = tracing_subscriber::registry().with(log);
    registry.with(RecentLayer).with(filter).init();
    if let Some(ignored) = ignored {
        tracing::warn!("{ignored}");
    }
    Ok(())
}

/// Says something that is not of the log: why there is nothing to run.
pub fn complain(text: &str) {
    LINES.push(match *READS_JOURNAL {
        true => journal::lines(text, Level::ERROR).into(),
        false => format!("{text}\n").into(),
    });
}

/// Says why nothing is done: an error and its causes in one line. Many say their cause themselves. A report of many lines
/// has its own form.
pub fn complain_of(error: &anyhow::Error) {
    let mut said = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if said.is_empty() {
            said = cause;
        } else if !said.ends_with(&cause) {
            said = format!("{said}: {cause}");
        }
    }
    complain(&match said.contains('\n') {
        true => said,
        false => format!("archiver: {said}"),
    });
}

/// Waits until what was logged is written, or nobody reads it.
pub fn finish() {
    LINES.finish(PATIENCE, END_MOST);
}

/// Takes a line of the log, which comes as a whole.
struct Line;

impl Write for Line {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        LINES.push(line.to_vec());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The usual hook would wait for who reads standard error.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let what = panic.payload_as_str().unwrap_or("a panic");
    let place = panic.location().map(|place| format!(" at {place}"));
    let place = place.unwrap_or_default();
    let trace = Backtrace::capture();
    let trace = match trace.status() {
        BacktraceStatus::Captured => format!("\n{trace}"),
        _ => String::new(),
    };
    tracing::error!("a fault in the program{place}: {what}; please report it{trace}");
}
