//! A page with many series, in one file that asks nobody for anything.
//!
//! Tables stand in it as they are; lines are drawn by uPlot, which is in the file. A policy (CSP) in its head allows this
//! script and these styles by their hashes and nothing else: whatever stands in names and groups, it is text.

mod escape;
mod tables;

use std::fmt::Write as _;

use anyhow::Context;
use jiff::tz::TimeZone;
use serde_json::json;

use self::escape::escaped;
use super::chart::{self, hashed};
use super::number::grouped;
use super::series::{Series, range};
use super::time::{written, zone_name};

const SCRIPT: &str = include_str!("report/page.js");
const STYLE: &str = include_str!("report/page.css");

/// What is on a page.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// What it is called.
    pub title: &'a str,
    /// What it shows, in this order.
    pub series: &'a [Series],
    /// Whose clock the times are of.
    pub zone: &'a TimeZone,
}

impl Report<'_> {
    /// The page.
    ///
    /// # Errors
    ///
    /// If the data can't be written as JSON.
    pub fn html(&self) -> anyhow::Result<String> {
        let (script, style) = (chart::script(SCRIPT), chart::style(STYLE));
        let policy = format!(
            "default-src 'none'; script-src '{}'; style-src '{}'; base-uri 'none'; form-action 'none'",
            hashed(&script),
            hashed(&style)
        );
        let title = escaped(self.title);
        let mut page = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n\
             <style>{style}</style>\n</head>\n<body>\n\
             <a class=\"skip\" href=\"#charts\">To the charts</a>\n\
             <header>\n<h1>{title}</h1>\n<p>{}</p>\n</header>\n<main>\n",
            escaped(&self.said())
        );
        page += &tables::summary(self.series);
        self.charts(&mut page);
        page += &tables::anomalies(self.series, self.zone);
        let data = self.data().context("writing the data of a report")?;
        write!(
            page,
            "</main>\n<script type=\"application/json\" id=\"data\">{data}</script>\n\
             <script>{script}</script>\n</body>\n</html>\n"
        )?;
        Ok(page)
    }

    fn said(&self) -> String {
        let count = self.series.iter().map(|series| series.count.anomalies);
        let anomalies = match count.sum::<u64>() {
            1 => "1 anomaly".to_owned(),
            count => format!("{} anomalies", grouped(&count.to_string())),
        };
        let span = match range(self.series) {
            Some((from_ms, to_ms)) => {
                let (from, to) = (written(from_ms, self.zone), written(to_ms, self.zone));
                format!("{from} to {to}, {}", zone_name(self.zone))
            }
            None => "no values".to_owned(),
        };
        format!("{span} \u{b7} {anomalies}")
    }

    fn charts(&self, page: &mut String) {
        *page += CHARTS;
        for (number, series) in self.series.iter().enumerate() {
            let label = escaped(&series.label());
            let said = escaped(&tables::said(series));
            *page += &format!(
                "<article class=\"chart\" id=\"chart-{number}\" aria-labelledby=\"name-{number}\">\n\
                 <h3 id=\"name-{number}\">{label}</h3>\n\
                 <div class=\"plot\" data-series=\"{number}\" role=\"img\" aria-label=\"{label}: {said}\"></div>\n\
                 </article>\n"
            );
        }
        *page += "</section>\n";
    }

    /// What is drawn, as JSON that may stand in a script element.
    fn data(&self) -> Result<String, serde_json::Error> {
        let series = self.series.iter().map(chart::columns);
        let data = json!({
            "zone": self.zone.iana_name().map(|_| zone_name(self.zone)),
            "range": range(self.series),
            "series": series.collect::<Vec<_>>(),
        });
        // Neither an element's end nor a comment's begin can stand in it.
        Ok(serde_json::to_string(&data)?.replace('<', "\\u003c"))
    }
}

const CHARTS: &str = "\
<section id=\"charts\" aria-labelledby=\"charts-name\">
<h2 id=\"charts-name\">Charts</h2>
<div class=\"tools\" role=\"toolbar\" aria-label=\"Time\" hidden>
<button type=\"button\" data-do=\"all\">All</button>
<button type=\"button\" data-do=\"in\" aria-label=\"Zoom in\">+</button>
<button type=\"button\" data-do=\"out\" aria-label=\"Zoom out\">\u{2212}</button>
<button type=\"button\" data-do=\"earlier\" aria-label=\"Earlier\">\u{2190}</button>
<button type=\"button\" data-do=\"later\" aria-label=\"Later\">\u{2192}</button>
<output id=\"shown\"></output>
<span class=\"hint\">Drag over a chart to zoom in, double-click for all</span>
</div>
<noscript><p class=\"hint\">The charts are drawn by a script, which is off. The tables need none.</p></noscript>
";
