//! What is logged.

use std::ffi::OsString;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;

use crate::cli::Common;

/// Where lines of the log come from.
const SOURCES: [&str; 2] = ["archiver", "librdkafka"];

/// What is logged, and why RUST_LOG is ignored, if it is.
pub(super) fn chosen(common: &Common, rust_log: Option<OsString>) -> (Targets, Option<String>) {
    let usual = of_options(common);
    let Some(said) = rust_log else {
        return (usual, None);
    };
    let said = said.to_string_lossy();
    // One that is empty would silence errors too.
    let directives = said.split(',').map(str::trim);
    let directives: Vec<&str> = directives.filter(|said| !said.is_empty()).collect();
    if directives.is_empty() {
        return (usual, None);
    }
    match amended(&usual, &directives.join(",")) {
        Ok(filter) => (filter, None),
        Err(why) => {
            let ignored = format!(
                "RUST_LOG={said:?} is ignored: {why}; a level or SOURCE=LEVEL is meant, such as info,librdkafka=debug"
            );
            (usual, Some(ignored))
        }
    }
}

fn of_options(common: &Common) -> Targets {
    let all = |level| Targets::new().with_default(level);
    match (common.quiet, common.verbose) {
        (0, 0) => all(LevelFilter::INFO),
        (0, 1) => {
            let debug = |source| (source, LevelFilter::DEBUG);
            all(LevelFilter::INFO).with_targets(SOURCES.map(debug))
        }
        (0, _) => all(LevelFilter::TRACE),
        (1, _) => all(LevelFilter::WARN),
        _ => all(LevelFilter::OFF),
    }
}

/// What is usual, but for what the directives name.
fn amended(usual: &Targets, directives: &str) -> Result<Targets, String> {
    let said: Targets = directives.parse().map_err(|e| format!("{e}"))?;
    let names_a_source = || said.iter().any(|(target, _)| is_of_a_source(target));
    let base = match said.default_level() {
        Some(level) => Targets::new().with_default(with_warnings(level)),
        None if names_a_source() => usual.clone(),
        None => return Err("it names nothing of archiver".to_owned()),
    };
    let targets = said.iter();
    let targets = targets.map(|(target, level)| (target.to_owned(), with_warnings(level)));
    Ok(base.with_targets(targets))
}

/// A directive is of each target that begins with its own.
fn is_of_a_source(target: &str) -> bool {
    SOURCES.iter().any(|source| {
        let within = target.strip_prefix(source);
        source.starts_with(target)
            || within.is_some_and(|within| within.is_empty() || within.starts_with("::"))
    })
}

/// Warnings and errors are left out only where that is said in so many words.
fn with_warnings(level: LevelFilter) -> LevelFilter {
    if level == LevelFilter::OFF {
        level
    } else {
        level.max(LevelFilter::WARN)
    }
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;
    use crate::cli::LogFormat;

    /// The most that is logged of archiver, of its totals and of librdkafka; `OFF`, `WARN` and so on.
    fn levels(quiet: u8, verbose: u8, rust_log: &str) -> (String, bool) {
        let common = Common {
            config: None,
            log_format: LogFormat::Text,
            verbose,
            quiet,
        };
        let (filter, ignored) = chosen(&common, Some(rust_log.into()));
        let most = |target: &str| {
            let levels = [
                Level::TRACE,
                Level::DEBUG,
                Level::INFO,
                Level::WARN,
                Level::ERROR,
            ];
            let on = |level: &Level| filter.would_enable(target, level);
            levels
                .into_iter()
                .find(on)
                .map_or("OFF".to_owned(), |level| level.to_string())
        };
        let of = ["archiver::status", "archiver::totals", "librdkafka"].map(most);
        (of.join(" "), ignored.is_some())
    }

    #[test]
    fn rust_log_wins_where_it_names_something() {
        for (quiet, verbose, rust_log, expected) in [
            (0, 0, "", "INFO INFO INFO"),
            (1, 0, "", "WARN WARN WARN"),
            (2, 0, " , ", "OFF OFF OFF"),
            (0, 1, "", "DEBUG DEBUG DEBUG"),
            (0, 2, "", "TRACE TRACE TRACE"),
            (0, 2, "warn", "WARN WARN WARN"),
            (0, 0, "info,", "INFO INFO INFO"),
            (0, 0, "info, librdkafka=debug", "INFO INFO DEBUG"),
            (0, 0, "librdkafka=debug", "INFO INFO DEBUG"),
            (1, 0, "librdkafka=debug", "WARN WARN DEBUG"),
            (2, 0, "debug", "DEBUG DEBUG DEBUG"),
            (0, 0, "archiver::totals=debug", "INFO DEBUG INFO"),
            (0, 0, "warn,archiver::totals=info", "WARN INFO WARN"),
            (0, 0, "off,archiver=info", "INFO INFO OFF"),
            (0, 0, "info,myapp=debug", "INFO INFO INFO"),
            (0, 0, "arch=debug", "DEBUG DEBUG INFO"),
        ] {
            let found = levels(quiet, verbose, rust_log);
            assert_eq!(
                found,
                (expected.to_owned(), false),
                "{quiet} {verbose} {rust_log}"
            );
        }
    }

    #[test]
    fn only_off_silences_warnings() {
        for (rust_log, expected) in [
            ("error", "WARN WARN WARN"),
            ("archiver=error", "WARN WARN INFO"),
            ("archiver=", "WARN WARN INFO"),
            ("off", "OFF OFF OFF"),
            ("archiver=off", "OFF OFF INFO"),
            ("archiver::totals=off", "INFO OFF INFO"),
        ] {
            let found = levels(0, 0, rust_log);
            assert_eq!(found, (expected.to_owned(), false), "{rust_log}");
        }
    }

    #[test]
    fn what_names_nothing_of_archiver_or_makes_no_sense_is_ignored() {
        for rust_log in [
            "myapp=debug",
            "warning",
            "archivers=off",
            "archiver=loud",
            "a=b=c",
        ] {
            let found = levels(0, 0, rust_log);
            assert_eq!(found, ("INFO INFO INFO".to_owned(), true), "{rust_log}");
        }
    }
}
