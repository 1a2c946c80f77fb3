//! An alert: an anomalous row that somebody is told of.

use archiver_format::mark::checksum;
use datafusion::arrow::array::RecordBatch;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::output::lines::{Lines, Shape};

/// What an anomalous row has beside what it is of: its metric, its time and its groups.
const JUDGED: [&str; 6] = ["value", "expected", "lower", "upper", "score", "method"];

/// An anomalous row that somebody is told of.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Alert {
    /// The same whenever it is sent: it follows from the analysis, the metric, the time and the groups.
    pub id: String,
    /// The analysis.
    pub analysis: String,
    /// The row.
    pub anomaly: Box<RawValue>,
}

impl Alert {
    /// An alert for each row.
    ///
    /// # Errors
    ///
    /// If a value can't be written.
    pub fn of(analysis: &str, rows: &RecordBatch) -> anyhow::Result<Vec<Self>> {
        let mut lines = Lines::new(Shape::Ndjson);
        let text = String::from_utf8_lossy(lines.of(rows)?).into_owned();
        let lines = text.lines().filter(|line| !line.is_empty());
        lines
            .map(|line| {
                Ok(Self {
                    id: id(analysis, serde_json::from_str(line)?)?,
                    analysis: analysis.to_owned(),
                    anomaly: RawValue::from_string(line.to_owned())?,
                })
            })
            .collect()
    }

    /// As it is sent.
    ///
    /// # Errors
    ///
    /// None that is known of.
    pub fn json(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string(self)?)
    }
}

fn id(analysis: &str, mut row: Map<String, Value>) -> anyhow::Result<String> {
    for key in JUDGED {
        row.remove(key);
    }
    let time = row.get("time").and_then(Value::as_i64).unwrap_or_default();
    let row = serde_json::to_string(&(analysis, row))?;
    let sum = checksum(row.as_bytes());
    Ok(format!("{time}-{}", sum.trim_start_matches("xxh3:")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_follows_from_what_an_alert_is_of_and_not_from_its_values() {
        let of =
            |analysis: &str, row: &str| id(analysis, serde_json::from_str(row).unwrap()).unwrap();
        let one = of(
            "latency",
            r#"{"time":60000,"host":"a","value":1,"score":2.5}"#,
        );
        assert!(one.starts_with("60000-") && one.len() == 22, "{one}");
        assert_eq!(one, of("latency", r#"{"host":"a","time":60000,"value":3}"#));
        for (analysis, row) in [
            ("latency", r#"{"time":60000,"host":"b"}"#),
            ("latency", r#"{"time":60000}"#),
            ("latency", r#"{"time":60001,"host":"a"}"#),
            ("errors", r#"{"time":60000,"host":"a"}"#),
        ] {
            assert_ne!(one, of(analysis, row));
        }
    }
}
