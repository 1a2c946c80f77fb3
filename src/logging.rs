//! The log: to standard error, as text or JSON.

use std::io::IsTerminal;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::cli::{Common, LogFormat};

/// Starts the log. `RUST_LOG` wins over `-v` and `-q`.
pub fn start(common: &Common) {
    let info = Targets::new().with_default(LevelFilter::INFO);
    let debug = |target| (target, LevelFilter::DEBUG);
    let chosen = match (common.quiet, common.verbose) {
        (true, _) => Targets::new().with_default(LevelFilter::WARN),
        (false, 0) => info,
        (false, 1) => info.with_targets(["archiver", "librdkafka"].map(debug)),
        (false, _) => Targets::new().with_default(LevelFilter::TRACE),
    };
    let said = std::env::var("RUST_LOG").ok();
    // One that is empty would silence errors too.
    let said = said.filter(|said| !said.is_empty());
    let filter = said.and_then(|said| said.parse().ok()).unwrap_or(chosen);
    let log = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        // Its own way to say that the log can't be written is to panic.
        .log_internal_errors(false);
    let log = match common.log_format {
        LogFormat::Text => log.boxed(),
        LogFormat::Json => log.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry().with(log).with(filter).init();
}
