//! A file of `[[analysis]]` tables.

use std::collections::HashSet;
use std::path::Path;

use anyhow::{Context, bail};
use serde::Deserialize;

use super::written::Definition;
use crate::toml_file;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    analysis: Vec<Definition>,
}

/// The definitions of a file, in its order.
///
/// # Errors
///
/// If it can't be read, or isn't a file of definitions: with the line, and what is wrong there.
pub fn read(path: &Path) -> anyhow::Result<Vec<Definition>> {
    let reading = || format!("reading the analyses in {}", path.display());
    let text = std::fs::read_to_string(path).with_context(reading)?;
    parse(&text).with_context(reading)
}

fn parse(text: &str) -> anyhow::Result<Vec<Definition>> {
    let File { analysis } = toml_file::parse(text)?;
    if analysis.is_empty() {
        bail!("there is no [[analysis]] in it");
    }
    let mut names = HashSet::new();
    for definition in &analysis {
        if !names.insert(&definition.name) {
            bail!("two analyses are called {}", definition.name);
        }
    }
    Ok(analysis)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::Window;
    use crate::definition::detection::Method;
    use crate::definition::written::Output;

    const WHOLE: &str = r#"
[[analysis]]
name = "latency"
source = "traces"
time = "start_ms"
value = ["response_time"]
by = ["service", "host"]
filter = "status >= 200 AND response_time IS NOT NULL"
window = { tumbling = "1m" }
aggregates = ["count", "sum", "mean", "min", "max", "stddev", "p50", "p95", "p99"]
anomalies = { method = "three-sigma" }
output = [ { file = "out/latency.parquet" }, { anomalies = "out/anomalies.csv" } ]
"#;

    #[test]
    fn each_key_is_read() {
        let read = parse(WHOLE).unwrap();
        let [latency] = &read[..] else {
            panic!("{read:?}");
        };
        assert_eq!(latency.by, ["service", "host"]);
        let window = latency.window.unwrap().window().unwrap();
        assert_eq!(
            window,
            Window::Tumbling {
                size: 60_000,
                offset: 0
            }
        );
        assert_eq!(latency.aggregates.len(), 9);
        let detection = latency.anomalies.unwrap();
        assert_eq!(
            (detection.method, detection.sigmas),
            (Method::ThreeSigma, 3.0)
        );
        assert_eq!(
            latency.output[1],
            Output::Anomalies("out/anomalies.csv".into())
        );
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (from, to, said) in [
            ("source", "sources", "line 4: unknown field `sources`"),
            (
                "\"1m\"",
                "\"1 m\"",
                "line 9: \"1 m\" is not a duration; write 30s, 10m or 1h30m",
            ),
            (
                "\"p50\"",
                "\"p500\"",
                "line 10: \"p500\" is none of count, sum, mean",
            ),
            (
                "three-sigma",
                "two-sigma",
                "line 11: unknown variant `two-sigma`",
            ),
            (
                "method",
                "sigmas = 0, method",
                "line 11: sigmas is 0, and must be more than 0",
            ),
            (
                "{ anomalies",
                "{ anomaly",
                "line 12: unknown variant `anomaly`",
            ),
            (WHOLE, "", "there is no [[analysis]] in it"),
        ] {
            let text = WHOLE.replacen(from, to, 1);
            let error = format!("{:#}", parse(&text).unwrap_err());
            assert!(error.starts_with(said), "{error}");
        }
        let twice = format!("{WHOLE}{WHOLE}");
        let error = parse(&twice).unwrap_err().to_string();
        assert_eq!(error, "two analyses are called latency");
    }
}
