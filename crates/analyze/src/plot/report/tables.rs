//! The tables of a report: each series, and each anomaly.

use jiff::tz::TimeZone;

use super::escape::escaped;
use crate::plot::number::{counted, grouped, shown};
use crate::plot::series::{Point, Series};
use crate::plot::time::written;

/// So many anomalies stand on a page.
const ROWS_MOST: usize = 1_000;

/// A row for each series.
pub fn summary(series: &[Series]) -> String {
    let mut html = String::from(
        "<section aria-labelledby=\"summary-name\">\n<h2 id=\"summary-name\">Summary</h2>\n\
         <div class=\"wide\" role=\"region\" tabindex=\"0\" aria-label=\"Table of series\">\n<table>\n<thead><tr>\
         <th scope=\"col\">Metric</th><th scope=\"col\">Group</th><th scope=\"col\">Values</th>\
         <th scope=\"col\">Missing</th><th scope=\"col\">Least</th><th scope=\"col\">Greatest</th>\
         <th scope=\"col\">Anomalies</th></tr></thead>\n<tbody>\n",
    );
    for (number, series) in series.iter().enumerate() {
        let (least, greatest) = match series.extremes() {
            Some((least, greatest)) => (shown(least), shown(greatest)),
            None => Default::default(),
        };
        let count = |count: u64| grouped(&count.to_string());
        let odd = if series.count.anomalies > 0 {
            " odd"
        } else {
            ""
        };
        html += &format!(
            "<tr><th scope=\"row\"><a href=\"#chart-{number}\">{}</a></th><td>{}</td>\
             <td class=\"number\">{}</td><td class=\"number\">{}</td><td class=\"number\">{least}</td>\
             <td class=\"number\">{greatest}</td><td class=\"number{odd}\">{}</td></tr>\n",
            escaped(&series.metric),
            escaped(&series.group.to_string()),
            count(series.count.values),
            count(series.count.missing),
            count(series.count.anomalies),
        );
    }
    html + "</tbody>\n</table>\n</div>\n</section>\n"
}

/// A row for each anomaly, those with the highest scores if there are too many.
pub fn anomalies(series: &[Series], zone: &TimeZone) -> String {
    let mut rows = series
        .iter()
        .enumerate()
        .flat_map(|(number, series)| {
            let points = series.anomalies.iter();
            points.map(move |point| (number, series, point))
        })
        .collect::<Vec<_>>();
    let score = |point: &Point| point.score.unwrap_or_default();
    rows.sort_by(|(_, _, one), (_, _, other)| score(other).total_cmp(&score(one)));
    rows.truncate(ROWS_MOST);
    rows.sort_by_key(|(number, _, point)| (point.time_ms, *number));
    let all = series
        .iter()
        .map(|series| series.count.anomalies)
        .sum::<u64>();
    let mut html = String::from(
        "<section aria-labelledby=\"anomalies-name\">\n<h2 id=\"anomalies-name\">Anomalies</h2>\n",
    );
    if rows.is_empty() {
        return html + "<p>None.</p>\n</section>\n";
    }
    let count = u64::try_from(rows.len()).unwrap_or(all);
    if count < all {
        let (count, all) = (grouped(&count.to_string()), grouped(&all.to_string()));
        html += &format!("<p>{count} of {all}: those with the highest scores.</p>\n");
    }
    html += "<div class=\"wide\" role=\"region\" tabindex=\"0\" aria-label=\"Table of anomalies\">\n<table>\n\
             <thead><tr><th scope=\"col\">Time</th><th scope=\"col\">Metric</th><th scope=\"col\">Group</th>\
             <th scope=\"col\">Value</th><th scope=\"col\">Expected</th><th scope=\"col\">Lower</th>\
             <th scope=\"col\">Upper</th><th scope=\"col\">Score</th></tr></thead>\n<tbody>\n";
    for (number, series, point) in rows {
        html += &format!(
            "<tr><th scope=\"row\"><a href=\"#chart-{number}\" data-at=\"{}\">{}</a></th><td>{}</td><td>{}</td>",
            point.time_ms,
            written(point.time_ms, zone),
            escaped(&series.metric),
            escaped(&series.group.to_string()),
        );
        for number in [
            point.value,
            point.expected,
            point.lower,
            point.upper,
            point.score,
        ] {
            let number = number.map(shown).unwrap_or_default();
            html += &format!("<td class=\"number\">{number}</td>");
        }
        html += "</tr>\n";
    }
    html + "</tbody>\n</table>\n</div>\n</section>\n"
}

/// What a chart shows, for those who don't see it.
pub fn said(series: &Series) -> String {
    let mut said = counted(series.count.values, "value");
    if let Some((least, greatest)) = series.extremes() {
        said += &format!(" from {} to {}", shown(least), shown(greatest));
    }
    match series.count.anomalies {
        1 => said + ", 1 anomaly",
        count => format!("{said}, {} anomalies", grouped(&count.to_string())),
    }
}
