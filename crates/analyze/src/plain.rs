//! The engine's errors in plain words.

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
