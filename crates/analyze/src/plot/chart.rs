//! What pages draw charts with: uPlot, and a script and a style around it.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::series::{Point, Series};

const UPLOT: &str = include_str!("../../vendor/uplot/uPlot.iife.min.js");
const UPLOT_STYLE: &str = include_str!("../../vendor/uplot/uPlot.min.css");
const UPLOT_LICENSE: &str = include_str!("../../vendor/uplot/LICENSE");
const SCRIPT: &str = include_str!("chart/chart.js");
const STYLE: &str = include_str!("chart/chart.css");

/// A page's own script, behind what draws its charts.
pub fn script(own: &str) -> String {
    format!("/*!\n{UPLOT_LICENSE}\n*/\n{UPLOT}\n{SCRIPT}\n{own}")
}

/// A page's own style, behind that of its charts.
pub fn style(own: &str) -> String {
    format!("{UPLOT_STYLE}\n{STYLE}\n{own}")
}

/// What a policy calls a script or a style of this text.
pub fn hashed(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    format!("sha256-{}", BASE64_STANDARD.encode(digest))
}

/// What is drawn of a series: columns of as many numbers as there are points, null where there is none.
pub fn columns(series: &Series) -> Value {
    let column = |of: fn(&Point) -> Option<f64>| {
        let numbers = series.points.iter().map(of);
        numbers.collect::<Vec<_>>()
    };
    let expected = column(|point| point.expected);
    let lower = column(|point| point.lower.filter(|_| point.upper.is_some()));
    let upper = column(|point| point.upper.filter(|_| point.lower.is_some()));
    let if_any = |column: Vec<Option<f64>>| {
        let has_any = column.iter().any(Option::is_some);
        has_any.then_some(column)
    };
    json!({
        "name": series.metric,
        "times": series.points.iter().map(|point| point.time_ms).collect::<Vec<_>>(),
        "values": column(|point| point.value),
        "expected": if_any(expected),
        "lower": if_any(lower),
        "upper": if_any(upper),
        "anomalies": if_any(column(|point| point.value.filter(|_| point.is_anomaly()))),
    })
}
