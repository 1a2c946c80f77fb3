//! Errors in plain words.

use datafusion::error::DataFusionError;

/// What an engine's error says, in one line, without where in the engine it comes from.
pub fn plain(error: &DataFusionError) -> String {
    let root = error.find_root().strip_backtrace();
    let said = root
        .trim_start_matches("External error: ")
        .trim_start_matches("Error during planning: ")
        .trim_start_matches("Schema error: ")
        .trim_start_matches("SQL error: ")
        .trim_start_matches("Execution error: ");
    let said = match said.strip_prefix("ParserError(\"") {
        Some(inside) => inside.trim_end_matches("\")").replace("\\\"", "\""),
        None => said.to_owned(),
    };
    if said.starts_with("Resources exhausted") {
        return "the query needs more than --memory allows; give it more, or ask for less"
            .to_owned();
    }
    let mut lines = said.lines().map(str::trim);
    let first = lines.next().unwrap_or_default().to_owned();
    lines.fold(first, |said, line| match line {
        "" => said,
        line => format!("{said} {line}"),
    })
}

/// An error and what caused it, in one line. A library that says its cause in its own words doesn't say it twice.
pub fn chained(error: &anyhow::Error) -> String {
    error.chain().fold(String::new(), |said, cause| {
        let cause = cause.to_string();
        match () {
            () if said.is_empty() => cause,
            () if said.ends_with(&cause) => said,
            () => format!("{said}: {cause}"),
        }
    })
}

#[cfg(test)]
mod tests {
    use std::io;

    use anyhow::Context;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("reading m: {0}")]
    struct Twice(#[source] io::Error);

    #[test]
    fn a_cause_is_said_once() {
        let error = anyhow::Error::from(Twice(io::Error::other("no right")));
        let error = Err::<(), _>(error).context("looking").expect_err("one");
        assert_eq!(chained(&error), "looking: reading m: no right");
        assert_eq!(chained(&anyhow::anyhow!("alone")), "alone");
    }
}
